// The walk over any value's elements, and the rows that say what they are.

import { expect, test } from 'vitest'
import { Hash } from '../../src/store/hash/hash.ts'
import { List } from '../../src/store/list/list.ts'
import { Arena } from '../../src/store/memory/arena.ts'
import { MemberSet } from '../../src/store/set/member-set.ts'
import { SortedSet } from '../../src/store/sorted-set/sorted-set.ts'
import { Stream } from '../../src/store/stream/stream.ts'
import { TYPE_STRING, VALUE_KINDS, type Value } from '../../src/store/structures/value.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { structureHost } from '../support/structure-host.ts'

/** One value of each structure, with `count` elements. A stream is left without. */
function values(count: number): Value[] {
  const arena = new Arena()
  const host = structureHost()
  const list = new List(arena, host)
  const set = new MemberSet(arena, host)
  const sortedSet = new SortedSet(arena, host)
  const hash = new Hash(arena, host)
  for (let i = 0; i < count; i++) {
    const word = Bytes.from(`m${String(i).padStart(4, '0')}`)
    list.push('tail', word)
    set.add(word)
    sortedSet.add(word, i / 2)
    hash.set(word, Bytes.from(`v${i}`))
  }
  return [list, set, sortedSet, hash, new Stream(arena)]
}

test('a type has a cursor exactly when its row says what its elements are', () => {
  const all = values(1)
  expect(all.map(({ type }) => type).sort()).toEqual([...VALUE_KINDS.keys()].filter((type) => type !== TYPE_STRING))
  for (const value of all) {
    const cursor = value.elements?.(new Bytes(), new Bytes())
    expect(cursor !== undefined, VALUE_KINDS[value.type]!.name).toBe(VALUE_KINDS[value.type]!.elements !== undefined)
  }
})

test.each([0, 1, 2, 700])('a cursor shows each of %d elements once, with what belongs to it', (count) => {
  for (const value of values(count)) {
    const kind = VALUE_KINDS[value.type]!.elements
    const cursor = value.elements?.(new Bytes(), new Bytes())
    if (kind === undefined || cursor === undefined) continue
    const shown: string[] = []
    while (cursor.next()) {
      shown.push(
        [cursor.word, kind.words > 1 ? cursor.second : '', kind.hasScore ? cursor.score : '', cursor.expiryMs].join(
          ' ',
        ),
      )
    }
    expect(cursor.next()).toBe(false)
    if (kind.order === 'none') shown.sort()
    const expected = Array.from({ length: count }, (_, i) =>
      [`m${String(i).padStart(4, '0')}`, kind.words > 1 ? `v${i}` : '', kind.hasScore ? i / 2 : '', Infinity].join(' '),
    )
    expect(shown).toEqual(expected)
  }
})
