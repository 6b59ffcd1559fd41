// FAILOVER to a replica that does not answer: this server replies exactly as redis-server does.

import { describe, expect, onTestFinished, test } from 'vitest'
import { redisServerCannotReadOurs } from '../support/redis-server.ts'
import { eventually, RawConnection } from '../support/server.ts'
import { announce, expectSame, figures, follow, type Member, startMember, startTheirs } from './members.ts'

/** Long enough for all requests while a failover waits, and for the test to wait for its end. */
const TIMEOUT = '1500'
const LONG = '600000'

describe.skipIf(redisServerCannotReadOurs())('FAILOVER to a paused replica', () => {
  test('waits, gives up, takes its place by force, and is aborted, all as in redis-server', async () => {
    const [own, other] = await Promise.all(['ours', 'redis-server'].map(transcript))
    expect(own).toEqual(other)
    expect(own!.at(-1)).toEqual(['master', '1', 'no-failover'])
  })
})

/**
 * Lets a primary of a kind fail over to a redis-server that is paused meanwhile; returns the
 * replies.
 */
async function transcript(kind: string): Promise<unknown[]> {
  const heard: unknown[] = []
  const replica = await startTheirs()
  const process = {
    stop: () => globalThis.process.kill(replica.server.pid, 'SIGSTOP'),
    goOn: () => globalThis.process.kill(replica.server.pid, 'SIGCONT'),
  }
  onTestFinished(async () => {
    process.goOn()
    await replica.close()
  })
  const primary = kind === 'ours' ? await startMember() : await startTheirs()
  if (kind !== 'ours') onTestFinished(() => (primary as { close(): Promise<void> }).close())
  const ask = async (...words: string[]): Promise<void> => {
    const reply = await primary.ask(...words)
    heard.push([words.slice(0, 2).join(' '), reply instanceof Error ? reply.message : reply])
  }
  const state = async (...names: string[]): Promise<void> => {
    const figure = await figures(primary)
    heard.push(['role', 'master_failover_state', ...names].map(figure))
  }
  const ends = (expected = 'no-failover'): Promise<unknown> =>
    eventually(async () => (await figures(primary))('master_failover_state') === expected, expected, 10_000)
  const target = ['127.0.0.1', String(replica.port)]

  await announce(replica)
  await follow(replica, primary)
  await expectSame(primary, replica)
  const writer = await RawConnection.open(primary.port)
  const set = (value: string): Promise<string> => {
    writer.send(`SET k ${value}\r\n`)
    return writer.takeLine()
  }
  const write = async (value: string): Promise<void> => void heard.push([`SET ${value}`, await set(value)])
  await write('0')
  process.stop()
  await write('1')

  // No replica has everything in time: this server continues to lead, and waiting clients are
  // served.
  await ask('FAILOVER', 'TIMEOUT', TIMEOUT)
  await state()
  await ask('FAILOVER', 'ABORT', 'NOW')
  await ask('FAILOVER')
  await ask('REPLICAOF', 'NO', 'ONE')
  await ask('REPLICAOF', ...target)
  await ask('CLIENT', 'PAUSE', '1', 'ALL')
  await ask('CLIENT', 'UNPAUSE')
  await ask('GET', 'k')
  await write('2')
  await ends()
  await state('connected_slaves')

  // A named target is awaited as well, without limit if no timeout is given; the user may abort.
  await ask('FAILOVER', 'TO', ...target)
  await state()
  // Either of two connections may get its reply first.
  const waiting = set('3')
  await ask('FAILOVER', 'ABORT')
  heard.push(['SET 3', await waiting])
  await state('connected_slaves')
  await ask('FAILOVER', 'ABORT')
  await ask('FAILOVER', 'FORCE', 'TO', ...target)
  await ask('FAILOVER', 'FORCE', 'TIMEOUT', LONG)

  // With FORCE it is asked to take over although it lacks data; until it answers, the user may
  // abort, too.
  await ask('FAILOVER', 'TO', ...target, 'FORCE', 'TIMEOUT', '1')
  await ends('failover-in-progress')
  await state('master_host', 'master_link_status')
  await ask('FAILOVER')
  await ask('REPLICAOF', 'NO', 'ONE')
  await ask('PSYNC', '?', '-1')
  await write('4')
  await ask('FAILOVER', 'ABORT')
  await state()
  await write('5')
  process.goOn()
  await expectSame(primary, replica)

  // If it answers, it leads.
  process.stop()
  await write('6')
  await ask('FAILOVER', 'TO', ...target, 'FORCE', 'TIMEOUT', '1')
  await ends('failover-in-progress')
  process.goOn()
  await ends()
  await expectSame(replica, primary)
  await state('connected_slaves', 'master_link_status')
  await write('7')
  const led = await figures(replica as Member)
  heard.push([led('role'), led('connected_slaves'), led('master_failover_state')])
  return heard
}
