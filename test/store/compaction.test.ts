import { describe, expect, test } from 'vitest'
import { createEngine, type TestEngine } from '../support/engine.ts'

const MIB = 1024 * 1024
const KEYS = 4000

/** Sets keys of 16 KB each, more than a chunk of 32 MiB holds, and deletes all but one in ten, so that every slab keeps some. */
function leaveGaps({ connect }: TestEngine): void {
  const client = connect()
  for (let i = 0; i < KEYS; i++) client.ask('SET', `key:${i}`, textOf(i))
  for (let i = 0; i < KEYS; i++) if (i % 10 !== 0) client.ask('DEL', `key:${i}`)
}

const textOf = (i: number): string => `${i}${'x'.repeat(16_000)}`

/** Long enough for what is done now and then to be done. */
const QUIET_MS = 5000

describe('the gaps that removed keys leave', () => {
  test('are closed in steps while nobody asks: chunks go back, and every key has its value', () => {
    const run = createEngine()
    leaveGaps(run)
    const { arena } = run.engine.databases[0]!
    expect(arena.gapBytes).toBeGreaterThan(50 * MIB)
    const client = run.connect()
    client.ask('PING')
    run.clock.advance(QUIET_MS)
    expect(arena.gapBytes).toBeLessThan(12 * MIB)
    run.engine.databases[0]!.check()
    for (let i = 0; i < KEYS; i += 10) expect(client.ask('GET', `key:${i}`)).toContain(textOf(i))
    run.engine.stop()
  })

  test('stay while an earlier state is kept, and when that begins in the middle nothing of it changes', () => {
    const run = createEngine()
    leaveGaps(run)
    const { arena, contents, keys } = run.engine.databases[0]!
    const { compaction } = contents
    compaction.step(keys.entriesEnd >> 1)
    expect(arena.isEmptying).toBe(true)
    const gapBytes = arena.gapBytes
    const state = contents.keep(false)
    expect(arena.isEmptying).toBe(false)
    compaction.step(keys.entriesEnd)
    expect(compaction.isDue).toBe(false)
    expect(arena.gapBytes).toBe(gapBytes)
    const client = run.connect()
    client.ask('SET', 'key:10', 'other')
    contents.restore(state)
    contents.release(state)
    expect(client.ask('GET', 'key:10')).toContain(textOf(10))
    expect(compaction.isDue).toBe(true)
    run.clock.advance(QUIET_MS)
    expect(arena.gapBytes).toBeLessThan(12 * MIB)
    run.engine.databases[0]!.check()
    run.engine.stop()
  })

  test('are left alone where structures are in the way, and not looked at again and again', () => {
    const run = createEngine()
    const client = run.connect()
    for (let i = 0; i < 10; i++)
      client.ask('SADD', `set:${i}`, ...Array.from({ length: 1000 }, (_, k) => `${k}${'x'.repeat(4000)}`))
    for (let i = 0; i < 10; i++)
      client.ask('SREM', `set:${i}`, ...Array.from({ length: 900 }, (_, k) => `${k}${'x'.repeat(4000)}`))
    const { arena, contents } = run.engine.databases[0]!
    expect(arena.hasGaps).toBe(true)
    contents.compaction.step(1000)
    expect(contents.compaction.isDue).toBe(false)
    expect(arena.isEmptying).toBe(false)
    run.engine.databases[0]!.check()
    run.engine.stop()
  })
})
