// The keys that tests of redis-benchmark find when they begin.

import { redisBenchmark } from './redis-benchmark.ts'
import type { Server } from './servers.ts'

/** The key that a test pops from, and the command that fills it. */
const FILLED: Readonly<Record<string, readonly [key: string, line: string, ...command: string[]]>> = {
  lpop: ['mylist', 'LPUSH', '-d', '64', '-t', 'lpush'],
  rpop: ['mylist', 'LPUSH', '-d', '64', '-t', 'lpush'],
  spop: ['myset', 'SADD myset element:__rand_int__', 'SADD', 'myset', 'element:__rand_int__'],
  zpopmin: ['myzset', 'ZADD myzset 0 element:__rand_int__', 'ZADD', 'myzset', '0', 'element:__rand_int__'],
}
/** The number of different members: few are drawn twice. */
const FILLING = ['-c', '10', '-P', '64', '-r', '100000000']

/**
 * Gives a test what it needs: an empty list to push to, or enough to be popped from until the end.
 */
export async function fillFor(test: string, { port, asker }: Server, count: number): Promise<void> {
  if (/^[lr](push|range)/.test(test)) await asker.ask('DEL', 'mylist')
  const filled = FILLED[test]
  if (filled === undefined) return
  const [key, line, ...command] = filled
  await asker.ask('DEL', key)
  await redisBenchmark(port, [...FILLING, '-n', String(count), ...command], line)
}
