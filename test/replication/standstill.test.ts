// Processes that are paused (SIGSTOP) or killed, on either side: the other side notices, and both
// have the same data afterwards.

import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { SocketPeer } from '../differential/peers.ts'
import { redisServerCannotReadOurs } from '../support/redis-server.ts'
import { eventually, temporaryDirectory } from '../support/server.ts'
import { startServerProcess } from '../support/server-process.ts'
import { expectSame, figures, follow, type Member, startMember, startTheirs, type TheirMember } from './members.ts'

const BACKLOG_BYTES = 64 * 1024
/** More than the buffers of both systems hold for a connection. */
const BURST_BYTES_MAX = 64 * 1024 * 1024
const LIMIT_BYTES = 1024 * 1024
const VALUE = 'x'.repeat(32 * 1024)

const TIMEOUTS = { 'repl-timeout': 1, 'repl-ping-replica-period': 1 }

/** Starts a redis-server that can be paused. */
async function startStoppable(...options: string[]): Promise<TheirMember & { signal(name: NodeJS.Signals): void }> {
  const member = await startTheirs(options)
  const signal = (name: NodeJS.Signals): void => void process.kill(member.server.pid, name)
  onTestFinished(async () => {
    signal('SIGCONT')
    await member.close()
  })
  return { ...member, signal }
}

/** How often replicas of `member` have continued, and synchronised fully. */
async function syncs(member: Member): Promise<{ partial: number; full: number }> {
  const figure = await figures(member)
  return { partial: Number(figure('sync_partial_ok')), full: Number(figure('sync_full')) }
}

async function isAlone(primary: Member): Promise<void> {
  await eventually(async () => (await figures(primary))('connected_slaves') === '0', 'a replica that was given up')
}

describe.skipIf(redisServerCannotReadOurs())('a paused server', () => {
  test('as a replica is disconnected after repl-timeout, and continues or synchronises fully', async () => {
    const replica = await startStoppable()
    const primary = await startMember({ config: { ...TIMEOUTS, 'repl-backlog-size': BACKLOG_BYTES } })
    await follow(replica, primary)
    await primary.ask('SET', 'k', '1')
    await expectSame(primary, replica)
    const before = await syncs(primary)
    replica.signal('SIGSTOP')
    await isAlone(primary)
    await primary.ask('INCR', 'k')
    replica.signal('SIGCONT')
    await expectSame(primary, replica)
    expect(await syncs(primary)).toEqual({ partial: before.partial + 1, full: before.full })
    replica.signal('SIGSTOP')
    for (let bytes = 0; bytes <= 2 * BACKLOG_BYTES; bytes += VALUE.length) await primary.ask('SET', 'k', VALUE)
    await isAlone(primary)
    for (let bytes = 0; bytes <= 2 * BACKLOG_BYTES; bytes += VALUE.length) await primary.ask('SET', 'k', VALUE)
    replica.signal('SIGCONT')
    await expectSame(primary, replica)
    expect(await syncs(primary)).toEqual({ partial: before.partial + 1, full: before.full + 1 })
  })

  test('as a replica that reads nothing is disconnected at its output limit, which bounds the memory', async () => {
    const replica = await startStoppable()
    const limits = { 'client-output-buffer-limit': `replica ${LIMIT_BYTES} 0 0`, 'repl-backlog-size': BACKLOG_BYTES }
    const primary = await startMember({ config: limits })
    await follow(replica, primary)
    await primary.ask('SET', 'k', '1')
    await expectSame(primary, replica)
    replica.signal('SIGSTOP')
    let written = 0
    let peak = 0
    for (let isDropped = false; !isDropped; written += VALUE.length) {
      await primary.ask('SET', 'k', VALUE)
      const figure = await figures(primary)
      peak = Math.max(peak, Number(figure('mem_total_replication_buffers')))
      isDropped = figure('connected_slaves') === '0'
      expect(written).toBeLessThan(BURST_BYTES_MAX)
    }
    expect(peak).toBeGreaterThan(LIMIT_BYTES / 2)
    // A block takes up to twice the memory of its bytes.
    expect(peak).toBeLessThan(3 * LIMIT_BYTES)
    replica.signal('SIGCONT')
    await expectSame(primary, replica)
    expect(await syncs(primary)).toMatchObject({ full: 2 })
  })

  // following.test.ts tests the same without processes.
  test.skipIf(!process.env.SOAK)(
    'as a primary is disconnected after repl-timeout, its data is served meanwhile, and it is followed again',
    async () => {
      const primary = await startStoppable('--repl-ping-replica-period', '1')
      const replica = await startMember({ config: TIMEOUTS })
      await follow(replica, primary)
      await primary.ask('SET', 'k', '1')
      await expectSame(primary, replica)
      const before = await syncs(primary)
      primary.signal('SIGSTOP')
      await eventually(async () => (await figures(replica))('master_link_status') === 'down', 'a link that is given up')
      expect(await replica.ask('GET', 'k')).toBe('1')
      primary.signal('SIGCONT')
      await primary.ask('INCR', 'k')
      await expectSame(primary, replica)
      expect(await replica.ask('GET', 'k')).toBe('2')
      expect((await syncs(primary)).full).toBe(before.full)
    },
  )

  test('as a process of ours: its replica continues with it, and synchronises fully after a kill and a restart', async () => {
    const replica = await startStoppable('--repl-timeout', '2')
    const options = {
      dir: temporaryDirectory(),
      appendonly: true,
      config: { ...TIMEOUTS, 'enable-debug-command': 'yes', 'repl-diskless-sync-delay': 0 },
    }
    const start = async (port: number): Promise<Member & { child: { kill(name: NodeJS.Signals): void } }> => {
      const unixSocket = join(temporaryDirectory(), 'respite.sock')
      const { child, port: own } = await startServerProcess({ port, unixSocket, ...options })
      const peer = new SocketPeer('ours', unixSocket)
      onTestFinished(async () => {
        await peer.stop()
        child.kill('SIGKILL')
      })
      return { port: own, peer, child, ask: (...words) => peer.ask(...words) }
    }
    const primary = await start(0)
    await follow(replica, primary)
    await primary.ask('SET', 'k', '1')
    await expectSame(primary, replica)
    primary.child.kill('SIGSTOP')
    await eventually(async () => (await figures(replica))('master_link_status') === 'down', 'a link that is given up')
    primary.child.kill('SIGCONT')
    await primary.ask('INCR', 'k')
    await expectSame(primary, replica)
    expect((await syncs(primary)).full).toBe(1)
    primary.child.kill('SIGKILL')
    await primary.peer.stop()
    const again = await start(primary.port)
    await again.ask('INCR', 'k')
    await expectSame(again, replica)
    expect(await replica.ask('GET', 'k')).toBe('3')
    expect((await syncs(again)).full).toBe(1)
  })
})
