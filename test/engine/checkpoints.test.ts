import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Checkpoint } from '../../src/engine/data/checkpoints.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { PayloadWriter } from '../../src/persistence/rdb/payload.ts'
import { Random } from '../../src/util/numbers/random.ts'
import { RESTLESS } from '../../src/util/restless.ts'
import { dump } from '../support/dump.ts'
import { createEngine, restarted, type TestClient, type TestEngine, withoutJournal } from '../support/engine.ts'
import { randomCommand } from '../support/random-commands.ts'
import { testOfSizes } from '../support/sizes.ts'

/** Half a second each: more of them say nothing new every day. */
const RUNS = 3

const payloads = new PayloadWriter()

function rollback(engine: Engine, checkpoint: Checkpoint, { client }: TestClient): void {
  engine.data.checkpoints.rollback(checkpoint, client, (db, entry) => payloads.write(db, entry, false).copy())
}

/** Everything that must be again what it was. */
function stateOf(engine: Engine): { data: Record<string, string>; bytes: number } {
  const bytes = usedBytes(engine)
  return { data: dump(engine), bytes }
}

/** What the data takes; not known where an earlier state is kept now and then that no test asked for. */
function usedBytes(engine: Engine): number {
  return RESTLESS ? 0 : engine.data.dataset.usedBytes
}

function check(engine: Engine): void {
  for (const db of engine.databases) if (db.index < 2) db.check()
}

function open(): TestEngine & { client: TestClient } {
  const made = createEngine()
  onTestFinished(() => made.engine.stop())
  return { ...made, client: made.connect() }
}

describe('random commands of all types', () => {
  const step = fc.oneof(
    { weight: 10, arbitrary: fc.record({ kind: fc.constant('run' as const), seed: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('begin' as const), seed: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('back' as const), seed: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('release' as const), seed: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), seed: fc.nat() }) },
  )

  test('are undone by going back, however checkpoints are nested, and nothing is left of them', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 25 }), (steps) => {
        const { engine, clock, client, ...made } = open()
        withoutJournal({ engine, clock, ...made })
        const opened: { checkpoint: Checkpoint; state: ReturnType<typeof stateOf> }[] = []
        for (const { kind, seed } of steps) {
          const random = new Random(seed)
          const at = random.below(Math.max(1, opened.length))
          if (kind === 'run') {
            for (let i = 0; i < 20; i++) client.ask(...randomCommand(random, clock.now()))
          } else if (kind === 'begin') {
            const state = stateOf(engine)
            opened.push({ checkpoint: engine.data.checkpoints.begin(), state })
          } else if (kind === 'back' && opened.length > 0) {
            const { checkpoint, state } = opened[at]!
            rollback(engine, checkpoint, client)
            opened.length = at + 1
            expect(usedBytes(engine)).toBe(state.bytes)
            expect(dump(engine)).toEqual(state.data)
          } else if (kind === 'release' && opened.length > 0) {
            const { data } = stateOf(engine)
            engine.data.checkpoints.release(opened.splice(at, 1)[0]!.checkpoint)
            expect(dump(engine)).toEqual(data)
          } else if (kind === 'wait') {
            engine.upkeep.timedWork.freeRemoved()
          }
          check(engine)
        }
        for (const { checkpoint } of opened) engine.data.checkpoints.release(checkpoint)
        while (engine.databases.some(({ lazyFree }) => lazyFree.pending > 0)) engine.upkeep.timedWork.freeRemoved()
        check(engine)
        client.ask('SELECT', 0)
        engine.upkeep.restless?.giveUp()
        for (const db of engine.databases) {
          for (let entry = db.keys.entriesEnd - 1; entry >= 0; entry--)
            if (db.keys.entriesEnd > entry && db.keys.isLive(entry)) db.deleteEntry(entry)
          while (db.lazyFree.pending > 0) db.lazyFree.free(1e6)
          expect(db.arena.usedBytes).toBe(0)
          db.check()
        }
      }),
      { numRuns: RUNS, endOnFailure: true },
    )
  })

  test('are seen in one branch alone, whatever the others do, go back to or give up', () => {
    const step = fc.record({
      kind: fc.constantFrom('run', 'run', 'run', 'branch', 'end', 'begin', 'back', 'release'),
      at: fc.nat(),
      seed: fc.nat(),
    })
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 35 }), (steps) => {
        interface Branch {
          made: ReturnType<typeof open>
          checkpoints: { checkpoint: Checkpoint; data: Record<string, string> }[]
          data: Record<string, string>
          end(): void
        }
        const branch = (end: () => void): Branch => {
          const made = open()
          withoutJournal(made)
          return { made, checkpoints: [], data: {}, end }
        }
        let branches = [branch(() => {})]
        for (const { kind, at, seed } of steps) {
          const random = new Random(seed)
          const one = branches[at % branches.length]!
          const { engine, client, clock } = one.made
          const { checkpoints } = one
          const which = random.below(Math.max(1, checkpoints.length))
          if (kind === 'run') {
            for (let i = 0; i < 20; i++) client.ask(...randomCommand(random, clock.now()))
          } else if (kind === 'branch' && branches.length < 4) {
            const checkpoint = engine.data.checkpoints.begin(true)
            const other = branch(() => engine.data.checkpoints.release(checkpoint))
            other.made.engine.data.checkpoints.beginWith(checkpoint)
            other.data = one.data
            expect(dump(other.made.engine)).toEqual(one.data)
            branches.push(other)
          } else if (kind === 'end' && one !== branches[0]) {
            one.end()
            branches = branches.filter((other) => other !== one)
          } else if (kind === 'begin') {
            checkpoints.push({ checkpoint: engine.data.checkpoints.begin(), data: one.data })
          } else if (kind === 'back' && checkpoints.length > 0) {
            const { checkpoint, data } = checkpoints[which]!
            rollback(engine, checkpoint, client)
            checkpoints.length = which + 1
            one.data = data
            expect(dump(engine)).toEqual(data)
          } else if (kind === 'release' && checkpoints.length > 0) {
            engine.data.checkpoints.release(checkpoints.splice(which, 1)[0]!.checkpoint)
          }
          engine.upkeep.timedWork.freeRemoved()
          if (kind === 'run') one.data = dump(engine)
          for (const { made, data } of branches) {
            expect(dump(made.engine)).toEqual(data)
            check(made.engine)
          }
        }
      }),
      { numRuns: RUNS, endOnFailure: true },
    )
  })
})

describe('going back', () => {
  test('is journaled so that what is replayed is the same state', () => {
    const made = createEngine()
    const client = made.connect()
    const random = new Random(7)
    const run = (): void => {
      for (let i = 0; i < 300; i++) {
        const words = randomCommand(random, made.clock.now())
        // Requests in the test's journal do not say of which database they are.
        if (!/^(FLUSH|SWAPDB|SELECT|MOVE)/.test(String(words[0]))) client.ask(...words)
      }
    }
    run()
    const checkpoint = made.engine.data.checkpoints.begin()
    const data = dump(made.engine)
    run()
    rollback(made.engine, checkpoint, client)
    client.ask('FLUSHDB')
    client.ask('SET', 'new', 1)
    rollback(made.engine, checkpoint, client)
    made.engine.data.checkpoints.release(checkpoint)
    expect(dump(made.engine)).toEqual(data)
    const second = restarted(made)
    onTestFinished(() => second.engine.stop())
    expect(dump(second.engine)).toEqual(data)
  })

  test('tells the journal of the keys that are others than they were, as one unit', () => {
    const { engine, journal, client } = open()
    client.ask('MSET', 'same', 1, 'changed', 1, 'removed', 1)
    const checkpoint = engine.data.checkpoints.begin()
    client.ask('SET', 'changed', 2)
    client.ask('DEL', 'removed')
    client.ask('SET', 'new', 1)
    client.ask('GET', 'same')
    journal.lines.length = 0
    rollback(engine, checkpoint, client)
    const words = journal.lines.map((line) => line.split(' ').slice(0, 3).join(' '))
    expect(words.filter((line) => !line.includes('MULTI') && !line.includes('EXEC')).sort()).toEqual([
      '0 DEL new',
      '0 RESTORE changed',
      '0 RESTORE removed',
    ])
  })

  test('breaks the WATCH of a key that becomes another one, and of no other', () => {
    const { engine, client, connect } = open()
    client.ask('MSET', 'same', 1, 'changed', 1)
    const checkpoint = engine.data.checkpoints.begin()
    client.ask('SET', 'changed', 2)
    const [one, other] = [connect(), connect()]
    one.ask('WATCH', 'changed')
    other.ask('WATCH', 'same', 'missing')
    rollback(engine, checkpoint, client)
    for (const each of [one, other]) {
      each.ask('MULTI')
      each.ask('PING')
    }
    expect(one.ask('EXEC')).toBe('*-1\r\n')
    expect(other.ask('EXEC')).toBe('*1\r\n+PONG\r\n')
  })

  test('serves clients that wait for a restored key', () => {
    const { engine, client, connect } = open()
    client.ask('RPUSH', 'jobs', 'one')
    const checkpoint = engine.data.checkpoints.begin()
    client.ask('LPOP', 'jobs')
    const waiting = connect()
    expect(waiting.ask('BLPOP', 'jobs', 0)).toBe('')
    rollback(engine, checkpoint, client)
    expect(waiting.received()).toBe('*2\r\n$4\r\njobs\r\n$3\r\none\r\n')
    expect(client.ask('EXISTS', 'jobs')).toBe(':0\r\n')
  })

  test('brings back keys that have expired meanwhile until they are looked at', () => {
    const { engine, client, clock } = open()
    client.ask('SET', 'short', 1, 'PX', 100)
    client.ask('SET', 'long', 1, 'PX', 10_000)
    const checkpoint = engine.data.checkpoints.begin()
    clock.advance(1000)
    expect(client.ask('EXISTS', 'short', 'long')).toBe(':1\r\n')
    client.ask('PERSIST', 'long')
    rollback(engine, checkpoint, client)
    expect(client.ask('EXISTS', 'short', 'long')).toBe(':1\r\n')
    expect(client.ask('PTTL', 'long')).toBe(':9000\r\n')
  })

  test('ends the checkpoints that came later, which say so', () => {
    const { engine, client } = open()
    const first = engine.data.checkpoints.begin()
    const second = engine.data.checkpoints.begin()
    rollback(engine, first, client)
    expect(() => rollback(engine, second, client)).toThrow('this moment is over')
    engine.data.checkpoints.release(second)
    rollback(engine, first, client)
    engine.data.checkpoints.release(first)
    engine.data.checkpoints.release(first)
    expect(() => rollback(engine, first, client)).toThrow('this moment is over')
  })

  testOfSizes('a thousand times leaves nothing behind', () => {
    const { engine, client, clock } = open()
    for (let i = 0; i < 50; i++) client.ask(...randomCommand(new Random(i), clock.now()))
    const before = stateOf(engine)
    const { arena } = engine.databases[0]!
    const held: number[] = []
    for (let round = 0; round < 1000; round++) {
      const checkpoint = engine.data.checkpoints.begin()
      client.ask('LPUSH', `list${round}`, 'x', 'y')
      client.ask('SET', 'string1', round)
      client.ask('DEL', 'string2', 'set1')
      rollback(engine, checkpoint, client)
      engine.data.checkpoints.release(checkpoint)
      held.push(arena.heldBytes + arena.reservedBytes)
    }
    expect(stateOf(engine)).toEqual(before)
    expect(held[999]).toBe(held[10])
    check(engine)
  })
})
