// Replicas of replicas: one history from top to bottom, whichever server is in between or replaces
// the first.

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { CONNECTIONS } from '../differential/generator.ts'
import { redisServerCannotReadOurs } from '../support/redis-server.ts'
import { eventually, RawConnection, temporaryDirectory } from '../support/server.ts'
import {
  announce,
  expectSame,
  figures,
  follow,
  linked,
  type Member,
  startMember,
  startTheirs,
  type TheirMember,
  write,
} from './members.ts'
import { createGenerator, runStep } from './run-program.ts'

/** Commands of a random program. */
const PROGRAM_COMMANDS = 600

describe.skipIf(redisServerCannotReadOurs())('a chain of replicas', () => {
  let redis: TheirMember

  beforeAll(async () => {
    redis = await startTheirs()
  })

  afterAll(() => redis.close())

  test('redis-server, ours, ours: writes of the first reach all, and the second can replace it', async () => {
    await redis.ask('REPLICAOF', 'NO', 'ONE')
    const [middle, bottom] = [await startMember(), await startMember()]
    await follow(middle, redis)
    await write(redis, 'before')
    await expectSame(redis, middle)
    await follow(bottom, middle)
    await write(redis, 'a')
    await expectSame(redis, middle, bottom)
    await expectPartialAfterCut(redis, middle, bottom)
    await promote(middle, { primary: redis, replica: bottom })
    await write(middle, 'b')
    await expectSame(middle, bottom, redis)
  })

  test('ours, ours, redis-server: writes of the first reach all, and the second can replace it', async () => {
    await redis.ask('REPLICAOF', 'NO', 'ONE')
    const [top, middle] = [await startMember(), await startMember()]
    await follow(middle, top)
    await write(top, 'before')
    await expectSame(top, middle)
    await follow(redis, middle)
    await write(top, 'a')
    await expectSame(top, middle, redis)
    await expectPartialAfterCut(top, middle, redis)
    await promote(middle, { primary: top, replica: redis })
    await write(middle, 'b')
    await expectSame(middle, redis, top)
    // Once more: the last becomes the first.
    await promote(redis, { primary: middle })
    await write(redis, 'c')
    await expectSame(redis, middle, top)
  })

  test.each([
    ['redis-server', 'ours', 'redis-server'],
    ['ours', 'redis-server', 'ours'],
  ])('%s, %s, %s: random programs on the first, and on the second when it has taken its place', async (...kinds) => {
    const second = await startTheirs()
    onTestFinished(() => second.close())
    const [top, middle, bottom] = await Promise.all(
      kinds.map((kind, i) => (kind === 'ours' ? startMember() : i === 2 ? second : redis)),
    )
    const generator = await createGenerator(redis.peer)
    const run = async (on: Member, seed: number): Promise<void> => {
      await on.peer.reset(CONNECTIONS)
      const { steps } = generator.program(seed, PROGRAM_COMMANDS)
      for (const [i, step] of steps.entries()) {
        await runStep(on.peer, step)
        // The link below is cut in the middle, and continues.
        if (i === steps.length >> 1) await on.ask('CLIENT', 'KILL', 'TYPE', 'replica')
      }
      expect(await on.ask('DBSIZE')).not.toBe(0)
    }
    await redis.ask('REPLICAOF', 'NO', 'ONE')
    await follow(middle!, top!)
    await follow(bottom!, middle!)
    await run(top!, 401)
    await expectSame(top!, middle!, bottom!)
    await promote(middle!, { primary: top!, replica: bottom! })
    await run(middle!, 402)
    await expectSame(middle!, bottom!, top!)
  })

  test('a replica that is promoted before anything has happened is followed by its sibling without a snapshot', async () => {
    await redis.ask('REPLICAOF', 'NO', 'ONE')
    const [one, sibling] = [await startMember(), await startMember()]
    await follow(one, redis)
    await follow(sibling, redis)
    await one.ask('REPLICAOF', 'NO', 'ONE')
    await write(one, 'd')
    await follow(sibling, one)
    await expectSame(one, sibling)
    expect((await figures(one))('sync_full')).toBe('0')
  })

  test.each([
    ['ours', 'redis-server'],
    ['redis-server', 'ours'],
    ['ours', 'ours'],
  ])('FAILOVER hands the place of %s over to %s, and no write is lost', async (from, to) => {
    await redis.ask('REPLICAOF', 'NO', 'ONE')
    const primary = from === 'ours' ? await startMember() : redis
    const replica = to === 'ours' ? await startMember() : redis
    await primary.ask('FLUSHALL')
    await announce(replica)
    await follow(replica, primary)
    const before = await figures(primary)
    const writer = await RawConnection.open(primary.port)
    let acknowledged = 0
    let refusal = ''
    const writing = (async () => {
      while (refusal === '') {
        writer.send('INCR n\r\n')
        const reply = await writer.takeLine()
        if (reply.startsWith(':')) acknowledged++
        else refusal = reply || 'closed'
      }
    })()
    await eventually(() => acknowledged > 10)
    expect(String(await primary.ask('FAILOVER', 'TO', '127.0.0.1', String(replica.port)))).toBe('OK')
    await writing
    expect(refusal).toBe("-READONLY You can't write against a read only replica.\r\n")
    await expectSame(replica, primary)
    const [demoted, promoted] = [await figures(primary), await figures(replica)]
    expect([demoted('role'), promoted('role')]).toEqual(['slave', 'master'])
    expect(demoted('master_failover_state')).toBe('no-failover')
    expect(promoted('master_replid2')).toBe(before('master_replid'))
    expect(Number(await replica.ask('GET', 'n'))).toBe(acknowledged)
    await write(replica, 'e')
    await expectSame(replica, primary)
    expect(promoted('sync_full')).toBe(to === 'ours' ? '0' : promoted('sync_full'))
  })

  test.each(['append-only file', 'snapshot'])(
    'a replica that starts from its %s continues where it stopped',
    async (file) => {
      await redis.ask('REPLICAOF', 'NO', 'ONE')
      const dir = temporaryDirectory()
      const settings = {
        dir,
        appendonly: file === 'append-only file',
        config: { replicaof: `127.0.0.1 ${redis.port}`, save: file === 'snapshot' ? '3600 1' : '' },
      }
      const first = await startMember(settings)
      await linked(first)
      await write(redis, 'a')
      await expectSame(redis, first)
      await first.close()
      await write(redis, 'b')
      const before = await figures(redis)
      const second = await startMember(settings)
      await expectSame(redis, second)
      const after = await figures(redis)
      expect(after('sync_full')).toBe(before('sync_full'))
      expect(Number(after('sync_partial_ok'))).toBe(Number(before('sync_partial_ok')) + 1)
    },
  )
})

/** Cuts the link of the last server and writes on the first: the last continues where it was. */
async function expectPartialAfterCut(top: Member, middle: Member, bottom: Member): Promise<void> {
  const before = await figures(middle)
  await middle.ask('CLIENT', 'KILL', 'TYPE', 'replica')
  await write(top, 'cut')
  await expectSame(top, middle, bottom)
  const after = await figures(middle)
  expect(after('sync_full')).toBe(before('sync_full'))
  expect(Number(after('sync_partial_ok'))).toBe(Number(before('sync_partial_ok')) + 1)
}

/** `member` becomes a primary, and its primary its replica, without a snapshot. */
async function promote(member: Member, { primary, replica }: { primary: Member; replica?: Member }): Promise<void> {
  const before = await figures(member)
  await member.ask('REPLICAOF', 'NO', 'ONE')
  const promoted = await figures(member)
  expect(promoted('master_replid2')).toBe(before('master_replid'))
  expect(Number(promoted('second_repl_offset'))).toBe(Number(before('master_repl_offset')) + 1)
  await follow(primary, member)
  if (replica !== undefined) await linked(replica)
  await expectSame(member, primary, ...(replica === undefined ? [] : [replica]))
  const after = await figures(member)
  expect(after('sync_full')).toBe(before('sync_full'))
}
