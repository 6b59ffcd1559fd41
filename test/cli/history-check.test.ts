// The checker of histories finds every violation, and nothing else.

import { describe, expect, test } from 'vitest'
import {
  type Counting,
  checkCounter,
  checkList,
  checkRegister,
  type Operation,
} from '../../src/prover/durability/history-check.ts'

function operation(
  kind: Operation['kind'],
  value: string,
  beganMs: number,
  endedMs: number,
  seen: string[] = [],
): Operation {
  const outcome = endedMs === Number.POSITIVE_INFINITY ? 'unknown' : 'done'
  return { client: 0, key: 'k', kind, value, beganMs, endedMs, outcome, seen, isLate: false }
}
const NEVER = Number.POSITIVE_INFINITY

describe('lists', () => {
  test('with each acknowledged value once and in order are right', () => {
    const operations = [
      operation('push', 'a', 0, 1),
      operation('push', 'b', 2, NEVER),
      operation('push', 'c', 2, 4),
      operation('list', '', 3, 5, ['a', 'c']),
    ]
    expect(checkList(operations, ['a', 'c'])).toBeUndefined()
    expect(checkList(operations, ['a', 'c', 'b'])).toBeUndefined()
  })

  test.each([
    ['an acknowledged value that is lost', [operation('push', 'a', 0, 1)], []],
    ['a value that is there twice', [operation('push', 'a', 0, NEVER)], ['a', 'a']],
    ['a value nobody pushed', [], ['a']],
    ['a refused value that is there', [{ ...operation('push', 'a', 0, 1), outcome: 'none' as const }], ['a']],
    ['the wrong order', [operation('push', 'a', 0, 1), operation('push', 'b', 2, 3)], ['b', 'a']],
    ['a read of what came to nothing', [operation('list', '', 0, 1, ['a']), operation('push', 'a', 0, NEVER)], []],
    ['a stale read', [operation('push', 'a', 0, 1), operation('list', '', 2, 3, [])], ['a']],
    [
      'a read that is older than one before',
      [operation('push', 'a', 0, NEVER), operation('list', '', 1, 2, ['a']), operation('list', '', 3, 4, [])],
      ['a'],
    ],
    ['a read of the future', [operation('list', '', 0, 1, ['a']), operation('push', 'a', 2, 3)], ['a']],
  ])('show %s', (_, operations, final) => {
    expect(checkList(operations, final)).toBeTypeOf('string')
  })
})

describe('registers', () => {
  test.each([
    ['reads after writes', [operation('write', '1', 0, 1), operation('read', '', 2, 3, ['1'])]],
    [
      'reads beside a write see either',
      [operation('write', '1', 0, 9), operation('read', '', 1, 2, ['']), operation('read', '', 3, 4, ['1'])],
    ],
    [
      'a write of unknown outcome may take effect late',
      [operation('write', '1', 0, NEVER), operation('read', '', 1, 2, ['']), operation('read', '', 8, 9, ['1'])],
    ],
    ['swaps in a row', [operation('swap', '2', 0, 9, ['1']), operation('swap', '1', 0, 9, [''])]],
  ])('are right: %s', (_, operations) => {
    expect(checkRegister(operations)).toBeUndefined()
  })

  test.each([
    ['a stale read', [operation('write', '1', 0, 1), operation('read', '', 2, 3, [''])]],
    [
      'a value that comes and goes',
      [operation('write', '1', 0, NEVER), operation('read', '', 1, 2, ['1']), operation('read', '', 3, 4, [''])],
    ],
    ['two swaps of the same value', [operation('swap', '1', 0, 9, ['']), operation('swap', '2', 0, 9, [''])]],
  ])('show %s', (_, operations) => {
    expect(checkRegister(operations)).toBeTypeOf('string')
  })
})

describe('counters', () => {
  const added = (count: number, beganMs: number, endedMs: number): Counting => {
    return { beganMs, endedMs, outcome: endedMs === NEVER ? 'unknown' : 'done', count }
  }

  test('with a different number for each addition, higher for later ones, are right', () => {
    const countings = [added(2, 0, 9), added(1, 1, 2), added(0, 2, NEVER), added(4, 10, 11)]
    expect(checkCounter(countings, 4)).toBeUndefined()
  })

  test.each([
    ['an addition that is lost', [added(1, 0, 1), added(2, 2, 3)], 1],
    ['an addition that was done twice', [added(1, 0, 1)], 2],
    ['two that were told the same', [added(1, 0, 1), added(1, 0, 1)], 2],
    ['a number that was never reached', [added(3, 0, 1), added(0, 0, NEVER)], 2],
    ['a number that went back', [added(2, 0, 1), added(1, 2, 3)], 2],
  ])('show %s', (_, countings, final) => {
    expect(checkCounter(countings, final)).toBeTypeOf('string')
  })
})
