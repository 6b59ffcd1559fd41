// The contract of every replicated log: the same tests for the log in memory and for the adapters
// of real ones.
//
// A test file calls `describeReplicatedLog` and tells how such a log is started, and which faults
// it supports. Tests that need a fault run only for logs that support it.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  Fenced,
  Gap,
  LogAway,
  type LogEntry,
  LogError,
  LogFull,
  OutcomeUnknown,
  type ReplicatedLog,
  Truncated,
} from '../../src/replicated-log/log.ts'
import { sleep } from '../../src/util/time/real-time.ts'

/** One log, made for one test, empty at first. */
export interface LogUnderTest {
  /** Opens a separate client: another node. */
  connect(): Promise<ReplicatedLog>
  /** Ends the log and its clients. */
  stop(): Promise<void>
  /**
   * Restarts all parts of the log, as after a power cut of all of it. Clients may have to be opened
   * again.
   */
  restart?(): Promise<void>
  /** Limits the log to about this many bytes; it refuses more. */
  limit?(bytes: number): Promise<void>
  /** Begins an append whose answer is lost; it takes effect, or not. */
  loseAnswer?(log: ReplicatedLog, takesEffect: boolean, append: () => Promise<number>): Promise<number>
  /** Loses a batch in the middle. */
  remove?(position: number): Promise<void>
  /** Makes the quorum unreachable, until the returned function is called. */
  takeAway?(): Promise<() => Promise<void>>
}

export type Ability = 'restart' | 'limit' | 'loseAnswer' | 'remove' | 'takeAway'

const bytes = (text: string): Uint8Array => Buffer.from(text)
const text = (batch: Uint8Array | undefined): string | undefined => batch && Buffer.from(batch).toString()

/** Reads this many batches from a position on. */
async function take(log: ReplicatedLog, from: number, count: number): Promise<string[]> {
  const found: LogEntry[] = []
  const stop = new AbortController()
  for await (const entry of log.read(from, stop.signal)) {
    expect(entry.position).toBe(from + found.length)
    found.push(entry)
    if (found.length === count) break
  }
  stop.abort()
  return found.map(({ batch }) => text(batch)!)
}

/** Returns the result of an append or another call, or its error. */
async function outcome(append: Promise<unknown>): Promise<unknown> {
  try {
    return await append
  } catch (error) {
    return error
  }
}

/** Makes the tests. `timeoutMs` is the time limit of a test with this log. */
export function describeReplicatedLog(
  name: string,
  begin: () => Promise<LogUnderTest>,
  abilities: readonly Ability[],
  timeoutMs = 5000,
): void {
  describe(`a replicated log: ${name}`, () => {
    let world: LogUnderTest
    let log: ReplicatedLog

    beforeEach(async () => {
      world = await begin()
      log = await world.connect()
    }, timeoutMs)

    afterEach(() => world.stop(), timeoutMs)

    const it = (what: string, run: () => Promise<void>): void => void test(what, run, timeoutMs)
    const itCan = (ability: Ability, what: string, run: () => Promise<void>): void => {
      if (abilities.includes(ability)) it(what, run)
    }

    it('is empty at first, and counts batches from 1 on', async () => {
      expect(await log.bounds()).toEqual({ first: 1, last: 0 })
      expect(await log.at(1)).toBeUndefined()
      expect(await log.append(bytes('a'), 0)).toBe(1)
      expect(await log.lead(bytes('b'), 1)).toBe(2)
      expect(await log.bounds()).toEqual({ first: 1, last: 2 })
      expect(text(await log.at(1))).toBe('a')
      expect(text(await log.at(2))).toBe('b')
      expect(await log.at(3)).toBeUndefined()
    })

    it('takes any bytes, up to the largest batch', async () => {
      const all = Uint8Array.from({ length: 256 }, (_, i) => i)
      await log.append(all, 0)
      expect(Buffer.from((await log.at(1))!)).toEqual(Buffer.from(all))
      const large = Buffer.alloc(log.batchBytesMax, 'x')
      await log.append(large, 1)
      expect(large.equals((await log.at(2))!)).toBe(true)
    })

    it('refuses an append that does not follow the last batch, and stays unchanged', async () => {
      await log.append(bytes('a'), 0)
      await expect(log.append(bytes('b'), 0)).rejects.toBeInstanceOf(Fenced)
      await expect(log.append(bytes('b'), 2)).rejects.toBeInstanceOf(Fenced)
      await expect(log.lead(bytes('b'), 0)).rejects.toBeInstanceOf(Fenced)
      expect(await log.bounds()).toEqual({ first: 1, last: 1 })
      expect(text(await log.at(1))).toBe('a')
    })

    it('takes several appends at once, in the order in which they were begun', async () => {
      const appends = Array.from({ length: log.inFlightMax }, (_, i) => log.append(bytes(`batch ${i}`), i))
      expect(await Promise.all(appends)).toEqual(appends.map((_, i) => i + 1))
      expect(await take(log, 1, appends.length)).toEqual(appends.map((_, i) => `batch ${i}`))
    })

    it('lets one of two clients win each position', async () => {
      const other = await world.connect()
      for (let expected = 0; expected < 5; expected++) {
        const [mine, theirs] = await Promise.all([
          outcome(log.append(bytes(`mine ${expected}`), expected)),
          outcome(other.append(bytes(`theirs ${expected}`), expected)),
        ])
        const winner = mine === expected + 1 ? 'mine' : 'theirs'
        expect(winner === 'mine' ? theirs : mine).toBeInstanceOf(Fenced)
        expect(winner === 'mine' ? mine : theirs).toBe(expected + 1)
        expect(text(await other.at(expected + 1))).toBe(`${winner} ${expected}`)
      }
    })

    it('shows a client the batches that another one has appended', async () => {
      const other = await world.connect()
      await log.append(bytes('a'), 0)
      expect(await other.bounds()).toEqual({ first: 1, last: 1 })
      expect(text(await other.at(1))).toBe('a')
    })

    it('may accept an append that an old leader has in flight behind the record of the next leader, never in its position', async () => {
      // The old leader has appends in flight for positions 1, 2, …; the next leader appends at 1.
      const next = await world.connect()
      expect(await next.lead(bytes('epoch 2'), 0)).toBe(1)
      const late = await Promise.all(
        Array.from({ length: log.inFlightMax }, (_, i) => outcome(log.append(bytes(`late ${i}`), i))),
      )
      expect(late[0]).toBeInstanceOf(Fenced)
      const { last } = await next.bounds()
      expect(last).toBeLessThanOrEqual(log.inFlightMax)
      late.forEach((answer, i) => {
        if (!(answer instanceof Fenced)) expect(answer).toBe(i + 1)
      })
      const row = await take(next, 1, last)
      expect(row[0]).toBe('epoch 2')
      row.slice(1).forEach((found, i) => {
        expect(found).toBe(`late ${i + 1}`)
      })
      // The leader continues behind it.
      expect(await next.append(bytes('go on'), last)).toBe(last + 1)
    })

    it('is read from any position on, to the end and beyond it', async () => {
      for (let i = 0; i < 5; i++) await log.append(bytes(`batch ${i}`), i)
      const other = await world.connect()
      expect(await take(other, 3, 3)).toEqual(['batch 2', 'batch 3', 'batch 4'])
      const tail = take(other, 5, 3)
      await log.append(bytes('batch 5'), 5)
      await log.append(bytes('batch 6'), 6)
      expect(await tail).toEqual(['batch 4', 'batch 5', 'batch 6'])
    })

    it('is read by two readers, each at its own position, before the first batch exists', async () => {
      const other = await world.connect()
      const readers = [take(log, 1, 3), take(other, 1, 2)]
      for (let i = 0; i < 3; i++) await log.append(bytes(`${i}`), i)
      expect(await Promise.all(readers)).toEqual([
        ['0', '1', '2'],
        ['0', '1'],
      ])
    })

    it('ends a reader when its signal aborts', async () => {
      const stop = new AbortController()
      const read = (async () => {
        for await (const entry of log.read(1, stop.signal)) return entry
        return 'ended'
      })()
      stop.abort()
      expect(await read).toBe('ended')
    })

    it('does not return truncated batches, and reports them as truncated', async () => {
      for (let i = 0; i < 4; i++) await log.append(bytes(`batch ${i}`), i)
      await log.truncate(3)
      expect(await log.bounds()).toEqual({ first: 3, last: 4 })
      await expect(log.at(2)).rejects.toBeInstanceOf(Truncated)
      expect(text(await log.at(3))).toBe('batch 2')
      await expect(take(log, 2, 1)).rejects.toBeInstanceOf(Truncated)
      expect(await take(log, 3, 2)).toEqual(['batch 2', 'batch 3'])
      // Truncating again, and at a position that is gone, does nothing.
      await log.truncate(3)
      await log.truncate(1)
      expect(await log.append(bytes('batch 4'), 4)).toBe(5)
    })

    it('continues at its position when everything was truncated', async () => {
      await log.append(bytes('a'), 0)
      await log.append(bytes('b'), 1)
      await log.truncate(3)
      expect(await log.bounds()).toEqual({ first: 3, last: 2 })
      expect(await log.append(bytes('c'), 2)).toBe(3)
      expect(await take(log, 3, 1)).toEqual(['c'])
    })

    it('rejects appends in flight when it is closed', async () => {
      const stop = new AbortController()
      const read = (async () => {
        for await (const entry of log.read(1, stop.signal)) return entry
        return 'ended'
      })()
      const append = outcome(log.append(bytes('a'), 0))
      await log.close()
      const answer = await append
      if (answer !== 1) expect(answer).toBeInstanceOf(LogAway)
      await expect(log.append(bytes('b'), 1)).rejects.toBeInstanceOf(LogAway)
      // The reader may already have received the batch before.
      const last = await read
      if (last !== 'ended') expect(last).toMatchObject({ position: 1 })
    })

    itCan('restart', 'keeps everything when it is begun again', async () => {
      for (let i = 0; i < 3; i++) await log.append(bytes(`batch ${i}`), i)
      await log.truncate(2)
      await world.restart!()
      const again = await world.connect()
      expect(await again.bounds()).toEqual({ first: 2, last: 3 })
      expect(await take(again, 2, 2)).toEqual(['batch 1', 'batch 2'])
      await expect(again.append(bytes('x'), 2)).rejects.toBeInstanceOf(Fenced)
      expect(await again.append(bytes('batch 3'), 3)).toBe(4)
    })

    it('delivers messages to all listeners once, in the order of each sender, and keeps none', async () => {
      const logs = [log, await world.connect()]
      const heard = logs.map(({ messaging }) => {
        const said: string[] = []
        messaging.listen((batch) => void said.push(text(batch)!))
        return said
      })
      const saidBy = (all: readonly string[], who: number): string[] => all.filter((said) => said.startsWith(`${who}:`))
      // A new listener receives messages after a moment.
      for (let i = 0; !heard.every((said) => saidBy(said, 9).length > 0); i++) {
        await log.messaging.send(bytes(`9: is anybody there? ${i}`))
        await sleep(2)
      }
      const large = 'x'.repeat(log.messaging.batchBytesMax - 2)
      const texts = ['a', 'b', large, 'c']
      const send = async (who: number): Promise<void> => {
        for (const said of texts) await logs[who]!.messaging.send(bytes(`${who}:${said}`))
      }
      await Promise.all([send(0), send(1)])
      while (!heard.every((said) => said.includes('0:c') && said.includes('1:c'))) await sleep(2)
      for (const said of heard)
        for (const who of [0, 1]) expect(saidBy(said, who)).toEqual(texts.map((one) => `${who}:${one}`))
      expect(await log.bounds()).toEqual({ first: 1, last: 0 })
      const late = await world.connect()
      const heardLate: string[] = []
      late.messaging.listen((batch) => void heardLate.push(text(batch)!))
      for (let i = 0; heardLate.length === 0; i++) {
        await log.messaging.send(bytes(`8: ${i}`))
        await sleep(2)
      }
      expect(saidBy(heardLate, 8)).toEqual(heardLate)
    })

    itCan('takeAway', 'loses messages while it is away, and carries those that come later', async () => {
      const heard: string[] = []
      log.messaging.listen((batch) => void heard.push(text(batch)!))
      const bringBack = await world.takeAway!()
      expect(await outcome(log.messaging.send(bytes('lost')))).toBeInstanceOf(LogError)
      await bringBack()
      while (!heard.includes('there')) {
        await outcome(log.messaging.send(bytes('there')))
        await sleep(2)
      }
      expect(heard).not.toContain('lost')
    })

    itCan('limit', 'refuses what there is no room for, and takes it when there is', async () => {
      await world.limit!(64 * 1024)
      const batch = Buffer.alloc(4 * 1024, 'x')
      let last = 0
      let answer: unknown
      while (last < 100) {
        answer = await outcome(log.append(batch, last))
        if (typeof answer !== 'number') break
        last = answer
      }
      expect(answer).toBeInstanceOf(LogFull)
      expect(last).toBeGreaterThan(4)
      expect((await log.bounds()).last).toBe(last)
      await log.truncate(last)
      expect(await log.append(batch, last)).toBe(last + 1)
    })

    for (const takesEffect of [true, false]) {
      const what = takesEffect ? 'took effect' : 'did not'
      itCan('loseAnswer', `tells after a lost answer that the append ${what}; repeating it is harmless`, async () => {
        await log.append(bytes('a'), 0)
        const answer = await outcome(world.loseAnswer!(log, takesEffect, () => log.append(bytes('b'), 1)))
        expect(answer).toBeInstanceOf(OutcomeUnknown)
        expect(text(await log.at(2))).toBe(takesEffect ? 'b' : undefined)
        const again = await outcome(log.append(bytes('b'), 1))
        if (takesEffect && again !== 2) expect(again).toBeInstanceOf(Fenced)
        if (!takesEffect) expect(again).toBe(2)
        expect(text(await log.at(2))).toBe('b')
        expect(await log.bounds()).toEqual({ first: 1, last: 2 })
      })
    }

    itCan('remove', 'shows a reader no batch after one that is missing', async () => {
      for (let i = 0; i < 4; i++) await log.append(bytes(`batch ${i}`), i)
      await world.remove!(3)
      expect(await take(log, 1, 2)).toEqual(['batch 0', 'batch 1'])
      await expect(take(log, 1, 3)).rejects.toBeInstanceOf(Gap)
    })

    itCan('takeAway', 'says that it is away, and goes on when it is back', async () => {
      await log.append(bytes('a'), 0)
      const reader = take(log, 1, 2)
      const bringBack = await world.takeAway!()
      const answer = await outcome(log.append(bytes('b'), 1))
      expect(answer instanceof LogAway || answer instanceof OutcomeUnknown).toBe(true)
      await bringBack()
      if (text(await log.at(2)) === undefined) expect(await log.append(bytes('b'), 1)).toBe(2)
      expect(await reader).toEqual(['a', 'b'])
    })
  })
}
