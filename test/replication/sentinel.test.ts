// Redis Sentinel watches a server of ours: the replica takes its place when it is killed, and it comes back as a replica.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type RunningServer, startServer } from '../../src/index.ts'
import { SocketPeer } from '../differential/peers.ts'
import { redisServerMissing, startRedisServer } from '../support/redis-server.ts'
import { eventually, RawConnection } from '../support/server.ts'
import { startServerProcess } from '../support/server-process.ts'

/** Sentinel looks each ten seconds whether somebody is what it should be. */
const CONVERTS_AFTER_MS = 25_000

// Half a minute, nearly all of which Sentinel waits.
test.skipIf(!process.env.SOAK || redisServerMissing())(
  'Sentinel promotes the replica of a server that was killed, and has the other follow it when it is back',
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'respite-sentinel-'))
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
    const options = { dir, config: { 'repl-diskless-sync-delay': 0 } }
    const primary = await startServerProcess({ port: 0, ...options })
    onTestFinished(() => void primary.child.kill('SIGKILL'))
    const { port } = primary
    const replica = await startServer({
      port: 0,
      config: { replicaof: `127.0.0.1 ${port}`, 'repl-diskless-load': 'swapdb' },
    })
    onTestFinished(() => replica.close())
    await eventually(async () => (await roleOf(replica)) === 'slave connected')

    const sentinel = await startSentinel(port)
    await eventually(async () =>
      String(await sentinel.ask('SENTINEL', 'REPLICAS', 'ours')).includes(`,${replica.port},`),
    )
    const client = await RawConnection.open(port)
    expect(await client.ask('SET k v\r\n', '+OK\r\n')).toBe('+OK\r\n')
    await eventually(async () => (await replica.call('GET', 'k')) === 'v')
    primary.child.kill('SIGKILL')
    // Sentinel disconnects the clients of whom it promotes, more than once: what is asked just then fails.
    await eventually(async () => (await roleOf(replica)) === 'master', 'a promotion')
    await eventually(() => replica.call('SET', 'k', 'w').catch(() => false))

    const back = await startServerProcess({ port, ...options })
    onTestFinished(() => void back.child.kill('SIGKILL'))
    await eventually(
      async () => String(await replica.call('ROLE').catch(() => '')).includes(`127.0.0.1,${port},`),
      'the other one as a replica',
      CONVERTS_AFTER_MS,
    )
    // What it had is served until the snapshot has come, then it is LOADING.
    const reader = await RawConnection.open(port)
    await eventually(async () => {
      reader.send('GET k\r\n')
      return (await reader.takeLine()).startsWith('$') && (await reader.takeLine()) === 'w\r\n'
    })
  },
)

async function roleOf(server: RunningServer): Promise<string> {
  const [role, , , link] = (await server.call('ROLE').catch(() => [''])) as string[]
  return role === 'slave' ? `${role} ${link}` : role!
}

async function startSentinel(port: number): Promise<SocketPeer> {
  const config = [
    `sentinel monitor ours 127.0.0.1 ${port} 1`,
    'sentinel down-after-milliseconds ours 300',
    'sentinel failover-timeout ours 3000',
  ]
  const server = await startRedisServer(['--sentinel'], config.join('\n'))
  onTestFinished(() => server.stop())
  const peer = new SocketPeer('sentinel', server.socketPath)
  onTestFinished(() => peer.stop())
  return peer
}
