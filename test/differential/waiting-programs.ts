// Programs of clients that wait while others make and unmake what they wait for.

import { Random } from '../../src/util/numbers/random.ts'
import { CONNECTIONS } from './generator.ts'
import type { Command, Program, Step } from './program.ts'
import { chance, pick } from './values.ts'

const STEPS = 120

/**
 * Most connections wait; the first changes keys, by a few kinds of changes that differ from program to program: so that what is
 * made lives long enough to be waited for.
 */
export function waitingProgram(seed: number): Program {
  const random = new Random(seed)
  const steps: Step[] = []
  const waiting = some(random, WAITING, 1 + random.below(4))
  const changing = [...some(random, MAKING, 1 + random.below(4)), ...some(random, UNMAKING, 1 + random.below(4))]
  let id = 0
  const step = (connection: number, ...commands: Command[]) => steps.push({ kind: 'send', connection, commands })
  for (let i = 0; i < STEPS; i++) {
    const connection = 1 + random.below(CONNECTIONS - 1)
    if (chance(random, 35)) {
      step(connection, pick(random, waiting)(random, 0))
    } else if (chance(random, 8)) {
      step(0, ['CLIENT', 'UNBLOCK', { idOf: connection }])
    } else {
      const change = (): Command => pick(random, changing)(random, ++id)
      if (chance(random, 20)) step(0, ['MULTI'], change(), change(), change(), ['EXEC'])
      else step(0, change())
    }
  }
  return { seed, steps }
}

/** Makes a command; `id` is larger with every change. */
type Maker = (random: Random, id: number) => Command

const key = (random: Random): string => pick(random, ['k1', 'k2', 'k3'])
const keys = (random: Random): string[] => Array.from({ length: 1 + random.below(2) }, () => key(random))
const some = <T>(random: Random, from: readonly T[], count: number): T[] =>
  Array.from({ length: count }, () => pick(random, from))

const WAITING: readonly Maker[] = [
  (random) => ['BLPOP', ...keys(random), '0'],
  (random) => ['BLMOVE', key(random), key(random), 'LEFT', 'RIGHT', '0'],
  (random) => ['BLMPOP', '0', '2', key(random), key(random), 'LEFT', 'COUNT', '2'],
  (random) => ['BZPOPMIN', ...keys(random), '0'],
  (random) => ['BZMPOP', '0', '1', key(random), 'MIN'],
  (random) => reads(['XREAD'], keys(random), '$'),
  (random) => reads(['XREAD'], keys(random), '5'),
  (random) => reads(['XREADGROUP', 'GROUP', 'g', 'alice'], keys(random), '>'),
  (random) => reads(['XREADGROUP', 'GROUP', 'g', 'bob', 'COUNT', '1'], keys(random), '>'),
  (random) => reads(['XREADGROUP', 'GROUP', 'h', 'bob', 'NOACK'], keys(random), '>'),
]

export function reads(command: Command, names: readonly string[], id: string): Command {
  return [...command, 'BLOCK', '0', 'STREAMS', ...names, ...names.map(() => id)]
}

const MAKING: readonly Maker[] = [
  (random, id) => ['XADD', key(random), `${id}-1`, 'f', 'v'],
  (random) => ['XGROUP', 'CREATE', key(random), 'g', pick(random, ['0', '$']), 'MKSTREAM'],
  (random) => ['XGROUP', 'CREATE', key(random), pick(random, ['g', 'h']), '$', 'MKSTREAM'],
  (random) => ['RPUSH', key(random), 'a', 'b'],
  (random) => ['ZADD', key(random), '1', 'a', '2', 'b'],
  (random) => ['COPY', key(random), key(random), 'REPLACE'],
  (random) => ['RENAME', key(random), key(random)],
]

const UNMAKING: readonly Maker[] = [
  (random) => ['XGROUP', 'DESTROY', key(random), 'g'],
  (random) => ['XGROUP', 'SETID', key(random), 'g', '0'],
  (random, id) => ['XDEL', key(random), `${id - 1}-1`],
  (random) => ['XTRIM', key(random), 'MAXLEN', '1'],
  (random) => ['SET', key(random), 'x'],
  (random) => ['SADD', key(random), 'x'],
  (random) => ['DEL', key(random)],
  (random) => ['UNLINK', key(random), key(random)],
  (random) => ['RENAME', key(random), key(random)],
  (random) => ['RENAMENX', key(random), key(random)],
  (random) => ['COPY', key(random), key(random), 'REPLACE'],
  (random) => ['COPY', key(random), key(random), 'DB', '1', 'REPLACE'],
  (random) => ['MOVE', key(random), '1'],
  (random) => ['SORT', key(random), 'ALPHA', 'STORE', key(random)],
  (random) => ['ZUNIONSTORE', key(random), '1', key(random)],
  (random) => ['SUNIONSTORE', key(random), key(random)],
  (random) => ['EXPIRE', key(random), '1000'],
  (random) => ['PERSIST', key(random)],
  (random) => ['PEXPIREAT', key(random), '1'],
  () => ['SWAPDB', '0', '1'],
  () => ['FLUSHDB'],
  () => ['FLUSHALL'],
  (random) => ['LTRIM', key(random), '1', '0'],
  (random) => ['ZREM', key(random), 'a', 'b'],
]
