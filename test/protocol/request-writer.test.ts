// Requests as bytes: every kind of word, around the lengths at which the way of writing changes.

import { expect, test } from 'vitest'
import { EffectFraming } from '../../src/engine/effects/effect-framing.ts'
import { encodeRequest, RequestWriter } from '../../src/protocol/request-writer.ts'
import { AssertionFailure } from '../../src/util/assert.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'

/** The naive encoder. */
function expected(words: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${words.length}\r\n`)]
  for (const word of words) parts.push(Buffer.from(`$${word.length}\r\n`), word, Buffer.from('\r\n'))
  return Buffer.concat(parts)
}

const LENGTHS = [0, 1, 9, 10, 23, 24, 25, 63, 64, 65, 99, 100, 999, 1000, 70_000]

test('words of any length are written as latin1, as UTF-8 and as bytes', () => {
  for (const length of LENGTHS) {
    const text = 'x'.repeat(length)
    const whole = expected([Buffer.from(text)])
    expect(encodeRequest([text]).equals(whole)).toBe(true)
    expect(encodeRequest([text], 'utf8').equals(whole)).toBe(true)
    expect(encodeRequest([Buffer.from(text)]).equals(whole)).toBe(true)
    expect(encodeRequest([Bytes.from(text)]).equals(whole)).toBe(true)
    for (const tail of ['é', 'ÿ']) {
      const word = text + tail
      expect(encodeRequest([word]).equals(expected([Buffer.from(word, 'latin1')]))).toBe(true)
      expect(encodeRequest([word, 'b'], 'utf8').equals(expected([Buffer.from(word), Buffer.from('b')]))).toBe(true)
    }
    const long = `${text}€😀`
    expect(encodeRequest([long], 'utf8').equals(expected([Buffer.from(long)]))).toBe(true)
  }
})

test('numbers are printed, and many words are counted', () => {
  expect(encodeRequest([1, -2.5, 12345678901234567890n]).toString()).toBe(
    '*3\r\n$1\r\n1\r\n$4\r\n-2.5\r\n$20\r\n12345678901234567890\r\n',
  )
  expect(encodeRequest(Array<string>(1000).fill('a')).toString()).toBe(`*1000\r\n${'$1\r\na\r\n'.repeat(1000)}`)
})

test('a writer grows, goes on behind what it holds, and begins anew', () => {
  const writer = new RequestWriter(1)
  writer.command(['SET', Bytes.from('k'), 7n])
  writer.insert(0, 'first ')
  expect(writer.u8.toString('latin1', 0, writer.length)).toBe('first *3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\n7\r\n')
  writer.clear()
  expect(writer.length).toBe(0)
})

test('effects are framed as redis-server frames them', () => {
  const framing = new EffectFraming()
  const text = (): string => framing.writer.u8.toString('latin1', 0, framing.writer.length)
  const words = (): string[] => [...text().matchAll(/\r\n([A-Z]+|\d)(?=\r\n)/g)].map(([, word]) => word!)
  framing.beginUnit()
  framing.command(3, ['PING'])
  framing.endUnit()
  expect(words()).toEqual(['SELECT', '3', 'PING'])
  framing.writer.clear()
  framing.beginUnit()
  framing.command(4, ['PING'])
  framing.command(4, ['PING'])
  framing.endUnit()
  expect(words()).toEqual(['MULTI', 'SELECT', '4', 'PING', 'PING', 'EXEC'])
  framing.writer.clear()
  framing.beginUnit()
  framing.command(5, ['PING'])
  expect(() => framing.beginUnit()).toThrow(AssertionFailure)
  expect(() => framing.goOnIn(new RequestWriter())).toThrow(AssertionFailure)
  framing.abandonUnit()
  expect(text()).toBe('')
  framing.command(4, ['PING'])
  expect(words()).toEqual(['PING'])
})
