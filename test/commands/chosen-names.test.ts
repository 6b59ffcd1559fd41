// Names chosen by somebody who knows how names were hashed cost no more than any others.

import { expect, test } from 'vitest'
import { createEngine, encode } from '../support/engine.ts'
import { murmurCollisions } from '../support/murmur-collisions.ts'

const NAMES = 4096
const chosen = murmurCollisions(12)
const others = Array.from({ length: NAMES }, (_, i) => `${i}`.padEnd(chosen[0]!.length, 'other'))

const COMMANDS: Record<string, (names: readonly string[]) => (string | number)[]> = {
  SADD: (names) => ['SADD', 'key', ...names],
  HSET: (names) => ['HSET', 'key', ...names.flatMap((name) => [name, 'v'])],
  ZADD: (names) => ['ZADD', 'key', ...names.flatMap((name, i) => [i, name])],
  MSET: (names) => ['MSET', ...names.flatMap((name) => [name, 'v'])],
  SUBSCRIBE: (names) => ['SUBSCRIBE', ...names],
  WATCH: (names) => ['WATCH', ...names],
}

test.each(Object.keys(COMMANDS))('%s of names that collide in Murmur costs what other names cost', (command) => {
  /** The least of some times: what the machine does besides only adds. */
  const time = (names: readonly string[]): number => {
    const request = encode(COMMANDS[command]!(names))
    let least = Number.POSITIVE_INFINITY
    for (let i = 0; i < 4; i++) {
      const client = createEngine().connect()
      const before = process.cpuUsage()
      expect(client.sendRaw(request)).not.toContain('-ERR')
      least = Math.min(least, process.cpuUsage(before).user)
    }
    return least
  }
  const usual = time(others)
  expect(time(chosen)).toBeLessThan(5 * usual + 10_000)
})

test('scripts that look alike at a glance are told apart', () => {
  const client = createEngine().connect()
  const body = (i: number): string => `return '${`${i}`.padStart(3, '0').padStart(64, '.').padEnd(128, '.')}'`
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 200; i++) expect(client.ask('EVAL', body(i), 0)).toContain(`.${`${i}`.padStart(3, '0')}.`)
  }
})
