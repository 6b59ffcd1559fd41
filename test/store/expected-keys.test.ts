import { expect, test } from 'vitest'
import { ExpectedKeys } from '../../src/store/keyspace/expected-keys.ts'
import type { Keyspace } from '../../src/store/keyspace/keyspace.ts'

/** Keys that are only counted, and the calls that they get. */
function counted(count: number) {
  const calls: (number | 'trim')[] = []
  const keys = {
    count,
    trims: 1,
    reserve: (buckets: number) => void calls.push(buckets),
    trim() {
      calls.push('trim')
      return --this.trims === 0
    },
  }
  return { calls, keys, asKeys: keys as unknown as Keyspace }
}

test('the first keys tell how many come, and buckets are made once; later they are given back', () => {
  const { asKeys, calls, keys } = counted(0)
  const expected = new ExpectedKeys(asKeys, 100, 1100)
  keys.count = 4095
  expected.reached(104)
  expect(calls).toEqual([])
  keys.count = 5000
  expected.reached(105)
  keys.count = 50_000
  expected.reached(150)
  expect(calls).toEqual([1_000_000])
  keys.trims = 2
  for (const place of [1099, 1100, 1101, 1102, 1103]) expected.reached(place)
  expect(calls).toEqual([1_000_000, 'trim', 'trim'])
})

test('a wrong guess costs 16 MB at most', () => {
  const { asKeys, calls, keys } = counted(0)
  const expected = new ExpectedKeys(asKeys, 0, 1_000_000)
  keys.count = 5000
  expected.reached(1)
  expect(calls).toEqual([4 * 1024 * 1024])
})

test('nothing is made for a reader that is not behind, brings few keys, or has many already', () => {
  const near = counted(0)
  const atTheEnd = new ExpectedKeys(near.asKeys, 7, 7)
  near.keys.count = 10_000
  for (const place of [8, 9, 10]) atTheEnd.reached(place)
  const many = counted(1_000_000)
  const behind = new ExpectedKeys(many.asKeys, 0, 100)
  many.keys.count += 10_000
  for (const place of [1, 50, 100, 101]) behind.reached(place)
  expect(near.calls).toEqual([])
  expect(many.calls).toEqual([])
})
