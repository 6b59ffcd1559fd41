// Both sides of a comparison, for a suite of tests.

import { afterAll, beforeAll } from 'vitest'
import { type RedisServer, startRedisServer } from '../support/redis-server.ts'
import { EnginePeer, SocketPeer } from './peers.ts'

export interface Peers {
  ours: EnginePeer
  theirs: SocketPeer
}

/** Starts an engine and a redis-server before the suite's tests and stops them after; what it returns is filled by then. */
export function usePeers(): Peers {
  const peers = {} as Peers
  let server: RedisServer | undefined

  beforeAll(async () => {
    server = await startRedisServer(['--enable-debug-command', 'yes'])
    peers.theirs = new SocketPeer('redis-server', server.socketPath)
    peers.ours = new EnginePeer()
  })

  afterAll(async () => {
    await peers.theirs?.stop()
    await peers.ours?.stop()
    await server?.stop()
  })

  return peers
}
