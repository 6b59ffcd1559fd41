// Redis Sentinel watches a server of ours: the replica takes over when it is killed, and it comes
// back as a replica.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type RunningServer, startServer } from '../../src/index.ts'
import { SocketPeer } from '../differential/peers.ts'
import { redisServerMissing, startRedisServer } from '../support/redis-server.ts'
import { eventually, RawConnection } from '../support/server.ts'
import { startServerProcess } from '../support/server-process.ts'

/** Writes acknowledged before the primary is killed, and afterwards by its successor. */
const WRITES = 2000
/** Sentinel checks every ten seconds whether a server has the right role. */
const CONVERTS_AFTER_MS = 25_000

// Half a minute, most of which is waiting for Sentinel.
test.skipIf(!process.env.SOAK || redisServerMissing())(
  'Sentinel promotes the replica of a server that was killed, and makes the other follow it when it is back',
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
    const writer = new Writer(sentinel)
    const writing = writer.run()
    await eventually(() => writer.acknowledged >= WRITES)
    primary.child.kill('SIGKILL')
    await eventually(async () => (await roleOf(replica)) === 'master', 'a promotion')
    const before = writer.acknowledged
    await eventually(() => writer.acknowledged >= before + WRITES)

    const back = await startServerProcess({ port, ...options })
    onTestFinished(() => void back.child.kill('SIGKILL'))
    await eventually(
      async () => String(await replica.call('ROLE').catch(() => '')).includes(`127.0.0.1,${port},`),
      'the other one as a replica',
      CONVERTS_AFTER_MS,
    )
    writer.stop()
    await writing
    // Sentinel disconnects clients of servers whose role it changes, more than once: requests fail
    // at that moment.
    const written = await eventually(() => replica.call('LRANGE', 'log', 0, -1).catch(() => undefined))
    const numbers = (written as string[]).map(Number)
    const found = new Set(numbers)
    let lost = 0
    for (let n = 0; n < writer.acknowledged; n++) if (!found.has(n)) lost++
    console.log(`${writer.acknowledged} acknowledged, ${lost} lost, ${numbers.length - found.size} there twice`)
    // One write is in flight at a time: only this one may be missing at the replica, and is
    // repeated.
    expect(lost).toBeLessThanOrEqual(1)
    expect(numbers.length - found.size).toBeLessThanOrEqual(1)
    await eventually(async () => {
      const reader = await RawConnection.open(port)
      const reply = `:${numbers.length}\r\n`
      return (await reader.ask('LLEN log\r\n', reply)) === reply
    }, 'the same list on the server that is back')
  },
)

/**
 * Appends numbers to a list at the leader that Sentinel names; unacknowledged writes are repeated.
 */
class Writer {
  acknowledged = 0
  #stopped = false
  readonly #sentinel: SocketPeer

  constructor(sentinel: SocketPeer) {
    this.#sentinel = sentinel
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      const [, port] = (await this.#sentinel.ask('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'ours')) as string[]
      const connection = await RawConnection.open(Number(port)).catch(() => undefined)
      while (connection !== undefined && !this.#stopped) {
        connection.send(`RPUSH log ${this.acknowledged}\r\n`)
        if (!(await connection.takeLine()).startsWith(':')) break
        this.acknowledged++
      }
      connection?.socket.destroy()
    }
  }

  stop(): void {
    this.#stopped = true
  }
}

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
