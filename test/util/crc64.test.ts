import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Source } from '../../src/util/bytes/bytes.ts'
import { Crc64 } from '../../src/util/bytes/crc64.ts'

function hex(crc: Crc64): string {
  const half = (n: number) => (n >>> 0).toString(16).padStart(8, '0')
  return half(crc.high) + half(crc.low)
}

const of = (text: string) => {
  const source = new Source(Buffer.from(text, 'latin1'))
  return hex(new Crc64().update(source, 0, text.length))
}

/** Bit by bit, as the definition says. */
function slow(bytes: Uint8Array): string {
  let crc = 0n
  for (const byte of bytes) {
    crc ^= BigInt(byte)
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0x95ac9329ac4bc9b5n : crc >> 1n
  }
  return crc.toString(16).padStart(16, '0')
}

test('the check value is that of Redis', () => {
  expect(of('123456789')).toBe('e9c6d914c4b8d9ca')
  expect(of('')).toBe('0000000000000000')
})

test('equals the definition for any bytes, in any pieces', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, cut) => {
      const source = new Source(Buffer.from(bytes))
      const middle = Math.min(cut, bytes.length)
      const crc = new Crc64().update(source, 0, middle).update(source, middle, bytes.length)
      expect(hex(crc)).toBe(slow(bytes))
      const written = Source.allocate(8)
      crc.writeTo(written, 0)
      expect(crc.equalsAt(written, 0)).toBe(true)
      written.u8[3]! ^= 1
      expect(crc.equalsAt(written, 0)).toBe(false)
    }),
  )
})
