import { expect, test } from 'vitest'
import { ArgumentTexts } from '../../src/scripting/argument-texts.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { textOf } from '../../src/util/bytes/text.ts'

test('bytes of every length and value become the text of those bytes', () => {
  const all = Buffer.from(Array.from({ length: 256 }, (_, i) => (i * 37) & 255))
  for (let length = 0; length <= 40; length++) {
    for (let start = 0; start + length <= all.length; start++) {
      expect(textOf(all, start, length)).toBe(all.toString('latin1', start, start + length))
    }
  }
})

test('a cached text is returned for the same bytes only', () => {
  const memory = new ArgumentTexts(64)
  const texts = ['bull:jobs:wait', 'bull:jobs:wai2', 'bull:jobs:wait', '', 'x'.repeat(64), 'x'.repeat(65), '\xff\0', '']
  for (let round = 0; round < 3000; round++) {
    for (const place of [0, 1, 15, 16, 40]) {
      const text = texts[(round * (place + 1)) % texts.length]!
      expect(memory.text(place, Bytes.from(text))).toBe(text)
    }
  }
})

test('an index that kept changing is cached again once it is stable', () => {
  const memory = new ArgumentTexts(64)
  for (let i = 0; i < 20; i++) expect(memory.text(3, Bytes.from(`job:${i}`))).toBe(`job:${i}`)
  for (let i = 0; i < 2000; i++) expect(memory.text(3, Bytes.from('job:19'))).toBe('job:19')
})
