import { describe, expect, test } from 'vitest'
import { withPlainReads } from '../../scripts/plain-reads.ts'
import { byteAt, itemAt, numberAt } from '../../src/util/array-reads.ts'

describe('reads of arrays', () => {
  test('stand in place in the package', () => {
    expect(withPlainReads('const a = itemAt(list, byteAt(this.#bytes, i + 1))', false)).toBe(
      'const a = list[this.#bytes[i + 1]]',
    )
    expect(withPlainReads('const a = itemAt(list as string[], 1).length', false)).toBe(
      'const a = (list as string[])[1].length',
    )
  })

  test('do not go on with the line before them', () => {
    const lines = (read: string): string => `let a = [[1]]\nconst f = () => a\nf()\n${read}[0] = 2\nresult = a`
    for (const checked of [false, true]) {
      const code = withPlainReads(lines('itemAt(a, 0)'), checked)
      expect(new Function('result', `${code}\nreturn result`)()).toEqual([[2]])
    }
  })

  test.each([
    ['itemAt', itemAt([1], 0), () => itemAt([1], 1)],
    ['byteAt', byteAt(Buffer.from([1]), 0), () => byteAt(Buffer.from([1]), -1)],
    ['numberAt', numberAt(new Float64Array([1]), 0), () => numberAt(new Float64Array([1]), Number.NaN)],
  ])('%s asserts in tests that there is an item', (_, item, read) => {
    expect(item).toBe(1)
    expect(read).toThrow('assertion failed: the index is within the array')
  })
})
