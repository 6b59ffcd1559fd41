// Records, their chain, and the notes of a copy: they are read as written, and changes are
// detected.

import { describe, expect, test } from 'vitest'
import { Chain, NOWHERE } from '../../src/replicated-log/chain.ts'
import { Gap } from '../../src/replicated-log/log.ts'
import { positionNoteOf, readPositionNote } from '../../src/replicated-log/position-note.ts'
import {
  cutPayload,
  decodeRecord,
  encodeEpochNote,
  encodeRecord,
  type LogRecord,
  NO_HASH,
  RECORD_HEADER_BYTES,
} from '../../src/replicated-log/record.ts'

/** Writes records one behind the other, as a leader does. */
class Writer {
  position = 0
  epoch = 0
  hash = NO_HASH

  write(kind: LogRecord['kind'], payload: string | Buffer = ''): { position: number; batch: Buffer } {
    if (kind === 'epoch') this.epoch++
    const { epoch, hash: previous } = this
    const position = ++this.position
    const made = encodeRecord({ kind, epoch, position, previous, payload: Buffer.from(payload) })
    this.hash = made.hash
    return { position, batch: made.batch }
  }

  lead(): { position: number; batch: Buffer } {
    return this.write('epoch', encodeEpochNote({ node: 'a', address: 'a:1' }))
  }
}

describe('a record', () => {
  test('is decoded as it was encoded', () => {
    const record = { kind: 'effects', epoch: 2 ** 40, position: 2 ** 47, previous: '0123456789abcdef' } as const
    const payload = Buffer.from('effects')
    const { batch, hash } = encodeRecord({ ...record, payload })
    expect(batch).toHaveLength(RECORD_HEADER_BYTES + payload.length)
    expect(decodeRecord(batch)).toEqual({ ...record, hash, payload })
  })

  test('is refused when any bit of it is flipped, or it is shorter or longer', () => {
    const { batch } = new Writer().write('effects', 'what was done')
    for (let bit = 0; bit < 8 * batch.length; bit++) {
      const damaged = Buffer.from(batch)
      damaged[bit >> 3]! ^= 1 << (bit & 7)
      expect(() => decodeRecord(damaged), `bit ${bit}`).toThrow(Gap)
    }
    for (let length = 0; length < batch.length; length++)
      expect(() => decodeRecord(batch.subarray(0, length))).toThrow(Gap)
    expect(() => decodeRecord(Buffer.concat([batch, Buffer.alloc(1)]))).toThrow(Gap)
  })

  test('has a note in the copy that identifies it', () => {
    for (const [kind, payload, rest] of [
      ['effects', 'abc', '3'],
      ['epoch', '{"node":"a b"}', '{"node":"a b"}'],
      ['lease', '', ''],
    ] as const) {
      const record = decodeRecord(
        encodeRecord({ kind, epoch: 3, position: 17, previous: NO_HASH, payload: Buffer.from(payload) }).batch,
      )
      const line = positionNoteOf(record)
      expect(readPositionNote(line.replace('\r\n', ''))).toEqual({
        epoch: 3,
        position: 17,
        hash: record.hash,
        kind,
        rest,
      })
    }
    expect(readPositionNote('#TS:1700000000')).toBeUndefined()
  })

  test('that would be too large is split', () => {
    for (const length of [0, 1, 59, 60, 61, 120, 200]) {
      const payload = Buffer.alloc(length, 'abcdefg')
      const pieces = cutPayload(payload, 60 + RECORD_HEADER_BYTES)
      expect(Buffer.concat(pieces)).toEqual(payload)
      expect(pieces.length).toBe(Math.max(1, Math.ceil(length / 60)))
      for (const piece of pieces) expect(piece.length).toBeLessThanOrEqual(60)
    }
  })
})

describe('a chain', () => {
  test('joins parts, and returns effects when they are complete', () => {
    const writer = new Writer()
    const chain = new Chain(NOWHERE)
    expect(chain.take(writer.lead())!.kind).toBe('epoch')
    expect(chain.leader).toEqual({ node: 'a', address: 'a:1' })
    expect(chain.take(writer.write('part', 'ab'))).toBeUndefined()
    expect(chain.take(writer.write('part', 'cd'))).toBeUndefined()
    const whole = chain.take(writer.write('effects', 'e'))!
    expect(whole.effects!.toString()).toBe('abcde')
    expect(whole.records.map(({ position }) => position)).toEqual([2, 3, 4])
    const note = encodeEpochNote({ node: 'a', address: 'a:2' })
    expect(chain.take(writer.write('lease', note.toString()))!.effects).toBeUndefined()
    // A node that begins to read here learns who leads.
    expect(chain.leader).toEqual({ node: 'a', address: 'a:2' })
  })

  test('forgets parts whose leader was fenced before the end', () => {
    const writer = new Writer()
    const chain = new Chain(NOWHERE)
    chain.take(writer.lead())
    chain.take(writer.write('part', 'ab'))
    chain.take(writer.lead())
    expect(chain.take(writer.write('effects', 'c'))!.effects!.toString()).toBe('c')
  })

  test('skips records of an earlier epoch', () => {
    const writer = new Writer()
    const chain = new Chain(NOWHERE)
    chain.take(writer.lead())
    const old = { epoch: 1, hash: writer.hash }
    chain.take(writer.lead())
    const { epoch, hash } = writer
    Object.assign(writer, old)
    expect(chain.take(writer.write('effects', 'late'))).toBeUndefined()
    Object.assign(writer, { epoch, hash })
    expect(chain.take(writer.write('effects', 'on'))!.effects!.toString()).toBe('on')
  })

  test.each([
    ['a position is missing', (writer: Writer) => writer.write('lease')],
    ['another record came before', (writer: Writer) => Object.assign(writer, { hash: '0123456789abcdef' })],
    ['an epoch begins without its record', (writer: Writer) => Object.assign(writer, { epoch: 2 })],
  ])('ends where %s', (_, spoil) => {
    const writer = new Writer()
    const chain = new Chain(NOWHERE)
    chain.take(writer.lead())
    spoil(writer)
    expect(() => chain.take(writer.write('effects', 'x'))).toThrow(Gap)
  })

  test('ends at a record that was written for another position', () => {
    const writer = new Writer()
    const chain = new Chain(NOWHERE)
    chain.take(writer.lead())
    writer.position++
    const { batch } = writer.write('lease')
    expect(() => chain.take({ position: 2, batch })).toThrow('was written for position 3')
  })
})
