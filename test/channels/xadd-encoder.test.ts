import { expect, test } from 'vitest'
import { XaddEncoder } from '../../src/channels/log/xadd-encoder.ts'
import { StreamId } from '../../src/store/stream/stream-id.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'

test('a kept message is encoded as the XADD that adds it, whatever the message before was', () => {
  const kept = new XaddEncoder()
  const keys = [Bytes.from('channel:{a}'), Bytes.from(`channel:{${'long'.repeat(200)}}`)]
  const times = [0, 9, 10, 1_732_339_999_999]
  for (const key of keys) {
    for (const ms of times) {
      for (const length of [0, 1, 64, 64, 1024]) {
        for (const seq of [0, 9, 10]) {
          const text = Bytes.from(String.fromCharCode(97 + seq).repeat(length))
          const request = kept.encode(key, StreamId.of(ms, seq), text)!
          const words = ['XADD', key.toString(), `${ms}-${seq}`, 'message', text.toString()]
          const raw = request.rawSource!.u8.toString('latin1', request.rawStart, request.rawEnd)
          expect(raw).toBe(`*5\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`)
          expect(Array.from({ length: request.length }, (_, i) => request.string(i))).toEqual(words)
          expect(kept.idText.toString()).toBe(words[2])
        }
      }
    }
  }
})

test('a long message or key is left to each sink to encode', () => {
  const kept = new XaddEncoder()
  const key = Bytes.from('channel:{a}')
  const id = StreamId.of(1, 2)
  expect(kept.encode(key, id, Bytes.from('x'.repeat(1025)))).toBe(undefined)
  expect(kept.encode(Bytes.from('k'.repeat(1025)), id, key)).toBe(undefined)
  expect(kept.idText.toString()).toBe('1-2')
})
