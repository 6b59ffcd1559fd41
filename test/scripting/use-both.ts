// One client of the engine and one of redis-server that get the same requests, for a suite of
// tests.

import { afterAll, beforeAll } from 'vitest'
import { SocketPeer } from '../differential/peers.ts'
import { encodeCommand } from '../differential/program.ts'
import { createEngine, type TestClient } from '../support/engine.ts'
import { type RedisServer, redisServerIsUncorrected, startRedisServer } from '../support/redis-server.ts'

export interface Replies {
  ours: string
  theirs: string
}

export interface Both {
  /** Empties both sides and connects to them again, in a protocol. */
  begin(protocol: 2 | 3): Promise<void>
  /** Sends one request to both; returns the bytes of their replies, latin1. */
  ask(words: readonly string[]): Promise<Replies>
}

/**
 * Returns an error as later versions of redis-server send it: line breaks within it would end it
 * too early.
 */
function inOneLine(reply: string): string {
  return reply.startsWith('-') ? `${reply.slice(0, -2).replace(/[\r\n]/g, ' ')}\r\n` : reply
}

/** Starts a redis-server before the suite's tests and stops it after them. */
export function useBoth(): Both {
  let server: RedisServer | undefined
  let theirs: SocketPeer
  let ours: TestClient

  beforeAll(async () => {
    server = await startRedisServer(['--enable-debug-command', 'yes'])
    theirs = new SocketPeer('redis-server', server.socketPath)
  })

  afterAll(async () => {
    await theirs?.stop()
    await server?.stop()
  })

  const ask = async (words: readonly string[]): Promise<Replies> => {
    const request = encodeCommand(words, () => '')
    theirs.send(0, request)
    await theirs.settle()
    const reply = theirs.take(0).bytes
    return { ours: ours.sendRaw(request), theirs: redisServerIsUncorrected() ? inOneLine(reply) : reply }
  }

  return {
    async begin(protocol) {
      await theirs.reset(1)
      ours = createEngine().connect()
      await ask(['HELLO', String(protocol)])
    },
    ask,
  }
}
