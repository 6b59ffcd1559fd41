import { expect, test } from 'vitest'
import { compared } from '../support/both-ways.ts'
import { createEngine } from '../support/engine.ts'

test('replies of the tests of commands are written as bytes and made as values, and are compared', () => {
  const client = createEngine().connect(3)
  const before = compared.replies
  expect(client.ask('SET', 'k', 'v')).toBe('+OK\r\n')
  expect(client.ask('CONFIG', 'GET', 'databases')).toBe('%1\r\n$9\r\ndatabases\r\n$2\r\n16\r\n')
  expect(compared.replies).toBe(before + 2)
})
