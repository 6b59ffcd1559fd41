import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Checkpoint } from '../../src/engine/checkpoints.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { PayloadWriter } from '../../src/persistence/rdb/payload.ts'
import { scriptsOf } from '../../src/scripting/scripts.ts'
import { Random } from '../../src/util/random.ts'
import { dump } from '../support/dump.ts'
import { createEngine, type TestClient, type TestEngine, withoutJournal } from '../support/engine.ts'
import { randomCommand } from '../support/random-commands.ts'

/** Half a second each. */
const RUNS = 5

const payloads = new PayloadWriter()

function rollback(engine: Engine, checkpoint: Checkpoint, { client }: TestClient): void {
  engine.checkpoints.rollback(checkpoint, client, (db, entry) => payloads.write(db, entry, false).copy())
}

/** Everything that must be again what it was. */
function stateOf(engine: Engine): { data: Record<string, string>; bytes: number } {
  const bytes = engine.dataset.usedBytes
  return { data: dump(engine), bytes }
}

function check(engine: Engine): void {
  for (const db of engine.databases) if (db.index < 2) db.check()
}

function open(): TestEngine & { client: TestClient } {
  const made = createEngine()
  scriptsOf(made.engine)
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
      fc.property(fc.array(step, { minLength: 10, maxLength: 40 }), (steps) => {
        const { engine, clock, client, ...made } = open()
        withoutJournal({ engine, clock, ...made })
        const opened: { checkpoint: Checkpoint; state: ReturnType<typeof stateOf> }[] = []
        for (const { kind, seed } of steps) {
          const random = new Random(seed)
          const at = random.below(Math.max(1, opened.length))
          if (kind === 'run') {
            for (let i = 0; i < 30; i++) client.ask(...randomCommand(random, clock.now()))
          } else if (kind === 'begin') {
            const state = stateOf(engine)
            opened.push({ checkpoint: engine.checkpoints.begin(), state })
          } else if (kind === 'back' && opened.length > 0) {
            const { checkpoint, state } = opened[at]!
            rollback(engine, checkpoint, client)
            opened.length = at + 1
            expect(engine.dataset.usedBytes).toBe(state.bytes)
            expect(dump(engine)).toEqual(state.data)
          } else if (kind === 'release' && opened.length > 0) {
            const { data } = stateOf(engine)
            engine.checkpoints.release(opened.splice(at, 1)[0]!.checkpoint)
            expect(dump(engine)).toEqual(data)
          } else if (kind === 'wait') {
            engine.timekeeper.freeRemoved()
          }
          check(engine)
        }
        for (const { checkpoint } of opened) engine.checkpoints.release(checkpoint)
        while (engine.databases.some(({ lazyFree }) => lazyFree.pending > 0)) engine.timekeeper.freeRemoved()
        check(engine)
        client.ask('SELECT', 0)
        for (const db of engine.databases) {
          for (let entry = db.keys.entriesEnd - 1; entry >= 0; entry--)
            if (db.keys.entriesEnd > entry && db.keys.isLive(entry)) db.deleteEntry(entry)
          while (db.lazyFree.pending > 0) db.lazyFree.free(1e6)
          expect(db.arena.usedBytes).toBe(0)
          db.check()
        }
      }),
      { numRuns: RUNS },
    )
  })
})
