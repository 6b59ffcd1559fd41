// Streams against a plain array of entries, and the places where nodes end.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Arena } from '../../src/store/memory/arena.ts'
import { Stream } from '../../src/store/stream/stream.ts'
import { EntryCursor } from '../../src/store/stream/stream-cursor.ts'
import { StreamId } from '../../src/store/stream/stream-id.ts'
import { NodeCursor } from '../../src/store/stream/stream-nodes.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'

const words = (list: readonly string[]) => {
  const bytes = list.map((word) => Bytes.from(word))
  return { bytes: (i: number) => bytes[i]! }
}

interface Entry {
  ms: bigint
  seq: bigint
  words: string[]
}

const MAX = 2n ** 64n - 1n

function below(a: Entry, b: Entry): boolean {
  return a.ms < b.ms || (a.ms === b.ms && a.seq < b.seq)
}

function read(cursor: EntryCursor): Entry {
  const list: string[] = []
  const field = new Bytes()
  const value = new Bytes()
  cursor.beginFields()
  for (let i = 0; i < cursor.fields; i++) {
    cursor.nextField(field, value)
    list.push(field.toString(), value.toString())
  }
  return { ms: cursor.id.ms, seq: cursor.id.seq, words: list }
}

function all(stream: Stream): Entry[] {
  const entries: Entry[] = []
  const cursor = new EntryCursor()
  for (let more = stream.first(cursor); more; more = stream.next(cursor)) entries.push(read(cursor))
  return entries
}

function allBackwards(stream: Stream): Entry[] {
  const entries: Entry[] = []
  const cursor = new EntryCursor()
  for (let more = stream.last(cursor); more; more = stream.previous(cursor)) entries.push(read(cursor))
  return entries
}

const word = fc.oneof(
  fc.constantFrom('a', 'b', 'field', '', '0', '-1', '127', '128', '-4096', '4095', '32768', '-8388608', '2147483648'),
  fc.constantFrom('9223372036854775807', '-9223372036854775808', '9223372036854775808', '01', '-0', '+1', '1 '),
  fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }).map(String),
  fc.string({ unit: 'binary-ascii', maxLength: 80 }),
  fc.integer({ min: 60, max: 5000 }).map((n) => 'x'.repeat(n)),
)
const step = fc.oneof(
  {
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      words: fc.array(fc.tuple(word, word), { minLength: 1, maxLength: 4 }),
      ms: fc.bigInt({ min: 0n, max: 3n }),
      seq: fc.bigInt({ min: 1n, max: 300n }),
      jump: fc.boolean(),
    }),
    weight: 8,
  },
  {
    arbitrary: fc.record({
      kind: fc.constant('addSame' as const),
      words: fc.array(fc.tuple(fc.constant('f'), word), { minLength: 1, maxLength: 2 }),
      ms: fc.bigInt({ min: 0n, max: 3n }),
      seq: fc.bigInt({ min: 1n, max: 300n }),
      jump: fc.constant(false),
    }),
    weight: 8,
  },
  { arbitrary: fc.record({ kind: fc.constant('delete' as const), at: fc.nat() }), weight: 4 },
  { arbitrary: fc.record({ kind: fc.constant('maxlen' as const), at: fc.nat() }), weight: 1 },
  { arbitrary: fc.record({ kind: fc.constant('minid' as const), at: fc.nat() }), weight: 1 },
)

describe('a stream', () => {
  test('holds what an array of entries holds, whatever is added, deleted and trimmed', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 120 }),
        fc.constantFrom(0, 3, 10, 100),
        fc.constantFrom(0, 200, 4096),
        (steps, entriesMax, bytesMax) => {
          const arena = new Arena()
          const stream = new Stream(arena)
          let model: Entry[] = []
          let last: Entry = { ms: 0n, seq: 0n, words: [] }
          for (const action of steps) {
            if (action.kind === 'add' || action.kind === 'addSame') {
              const next = {
                ms: last.ms + action.ms,
                seq: action.ms === 0n ? last.seq + action.seq : action.seq - 1n,
                words: action.words.flat(),
              }
              if (action.jump) next.ms = last.ms + 2n ** 40n
              if (next.ms > MAX || next.seq > MAX) continue
              stream.append(
                StreamId.of(next.ms, next.seq),
                words(next.words),
                0,
                action.words.length,
                bytesMax,
                entriesMax,
              )
              model.push(next)
              last = next
            } else if (model.length > 0) {
              const at = action.at % model.length
              const { ms, seq } = model[at]!
              if (action.kind === 'delete') {
                expect(stream.delete(StreamId.of(ms, seq))).toBe(true)
                expect(stream.delete(StreamId.of(ms, seq))).toBe(false)
                model.splice(at, 1)
              } else {
                const removed =
                  action.kind === 'maxlen'
                    ? stream.trimToLength(model.length - at, false, 0)
                    : stream.trimToId(StreamId.of(ms, seq), false, 0)
                expect(removed).toBe(at)
                model = model.slice(at)
              }
            }
            expect(stream.length).toBe(model.length)
            expect(stream.firstId.toString()).toBe(model.length === 0 ? '0-0' : `${model[0]!.ms}-${model[0]!.seq}`)
          }
          stream.check()
          arena.check()
          expect(all(stream)).toEqual(model)
          expect(allBackwards(stream)).toEqual([...model].reverse())
          const copyArena = new Arena()
          const copy = stream.copy(copyArena)
          expect(all(copy)).toEqual(model)
          expect(copy.entriesAdded).toBe(stream.entriesAdded)

          // Seeking, and counting ranges.
          const cursor = new EntryCursor()
          for (let i = 0; i < model.length; i += 7) {
            const from = model[i]!
            const to = model[Math.min(model.length - 1, i + 1 + (i % 40))]!
            expect(stream.find(StreamId.of(from.ms, from.seq), cursor)).toBe(true)
            expect(stream.seek(StreamId.of(from.ms, from.seq), cursor)).toBe(true)
            const count = model.filter((entry) => !below(entry, from) && !below(to, entry)).length
            expect(stream.countUpTo(cursor, StreamId.of(to.ms, to.seq), 1e9)).toBe(count)
            stream.seek(StreamId.of(from.ms, from.seq), cursor)
            expect(stream.countUpTo(cursor, StreamId.of(to.ms, to.seq), 3)).toBe(Math.min(3, count))
            expect(stream.seekBackwards(StreamId.of(from.ms, from.seq + 1n), cursor)).toBe(true)
          }

          // Its listpacks make the same stream.
          const rebuilt = new Stream(arena)
          const node = new NodeCursor()
          const loadedTo = new StreamId()
          for (let more = stream.nodes.first(node); more; more = stream.nodes.next(node)) {
            const listpack = new Bytes(node.memory, node.start, node.end + 1 - node.start).copy()
            expect(rebuilt.nodes.appendListpack(node.master, listpack, loadedTo)).toBe(true)
            // One byte less is none.
            expect(
              rebuilt.nodes.appendListpack(
                StreamId.of(MAX, MAX),
                new Bytes(listpack.source, 0, listpack.length - 1),
                loadedTo,
              ),
            ).toBe(false)
          }
          rebuilt.recount()
          expect(rebuilt.length).toBe(model.length)
          rebuilt.lastId.copyFrom(stream.lastId)
          expect(all(rebuilt)).toEqual(model)
          rebuilt.free()
          copy.free()
          while (!stream.freeSome(1)) expect(arena.usedBytes).toBeGreaterThan(0)
          expect(arena.usedBytes).toBe(0)
          expect(copyArena.usedBytes).toBe(0)
        },
      ),
      { numRuns: 75 },
    )
  })

  test('keeps to itself, whichever of several is added to in turn', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(2), fc.constantFrom('add', 'add', 'add', 'delete', 'trim', 'copy')), {
          maxLength: 200,
        }),
        fc.constantFrom(2, 5, 100),
        (steps, entriesMax) => {
          const arena = new Arena()
          const streams = [0, 1, 2].map(() => ({ stream: new Stream(arena), model: [] as Entry[] }))
          let seq = 0n
          for (const [which, action] of steps) {
            const { stream, model } = streams[which]!
            if (action === 'add') {
              const entry = { ms: 1n, seq: ++seq, words: ['field', `value ${seq}`] }
              stream.append(StreamId.of(entry.ms, entry.seq), words(entry.words), 0, 1, 300, entriesMax)
              model.push(entry)
            } else if (action === 'copy') {
              const copy = { stream: stream.copy(arena), model: [...model] }
              stream.free()
              streams[which] = copy
            } else if (model.length > 0) {
              const gone = action === 'delete' ? model.pop()! : model.shift()!
              if (action === 'delete') stream.delete(StreamId.of(gone.ms, gone.seq))
              else stream.trimToLength(model.length, false, 0)
            }
          }
          for (const { stream, model } of streams) expect(all(stream)).toEqual(model)
        },
      ),
      { numRuns: 75 },
    )
  })
})

test('an id is printed as it is, whatever was printed before', () => {
  const half = fc.oneof(fc.bigInt({ min: 0n, max: 3n }), fc.bigInt({ min: 0n, max: MAX }), fc.constant(1763721631000n))
  fc.assert(
    fc.property(fc.array(fc.tuple(half, half)), (ids) => {
      for (const [ms, seq] of ids) expect(StreamId.of(ms, seq).toString()).toBe(`${ms}-${seq}`)
    }),
  )
})
