import { Redis } from 'ioredis'
import * as hooks from 'vitest'
import { afterEach, describe, expect, test } from 'vitest'
import { useBroker } from '../../src/drop-in/testing.ts'

// Registered first, so run last: what is seen here is what the next test begins with.
const left: unknown[] = []
const broker = useBroker({ hooks, fill: (opened) => opened.call('SET', 'user', 'ada') })
afterEach(async () => void left.push(await broker.call('DBSIZE')))

describe('a broker of the file', () => {
  test('is open in tests, and filled', async () => {
    expect(await broker.call('GET', 'user')).toBe('ada')
    await broker.call('SET', 'mine', 1)
    await broker.call('SET', 'user', 'eve')
    const redis = new Redis({ Connector: broker.Connector })
    expect(await redis.get('mine')).toBe('1')
    redis.disconnect()
  })

  test('begins each test as it began the first', async () => {
    expect(left).toEqual([2])
    expect(await broker.call('KEYS', '*')).toEqual(['user'])
    expect(await broker.call('GET', 'user')).toBe('ada')
  })
})

test('without hooks it says where to get them; before the tests there is no broker', () => {
  expect(() => useBroker()).toThrow('import * as hooks from "vitest"')
  const never = { beforeAll() {}, afterEach() {}, afterAll() {} }
  expect(() => useBroker({ hooks: never }).call('PING')).toThrow('the broker is open in tests and in hooks')
})
