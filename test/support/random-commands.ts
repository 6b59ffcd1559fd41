// Random commands that write values of every type, for tests that compare states: a few keys, so that they meet again and again.

import type { Random } from '../../src/util/numbers/random.ts'

const LONG = 'K'.repeat(70_000)
const TYPED = ['string', 'list', 'hash', 'set', 'zset', 'stream'] as const
type Kind = (typeof TYPED)[number]
/** Of each type some keys that usually hold it. */
const KEYS = TYPED.flatMap((kind) => [`${kind}1`, `${kind}2`, `${kind}3`])
/** Small ones, those that have a buffer of their own, and numbers. */
const VALUES = ['', 'x', '12', '-7', '3.5', 'v'.repeat(60), 'w'.repeat(700), 'L'.repeat(70_000)]
const MANY = Array.from({ length: 600 }, (_, i) => `element:${i}`)

type Words = (string | number)[]

/** Makes a command. `nowMs` = the time, for expiries. */
export function randomCommand(random: Random, nowMs: number): Words {
  const of = <T>(choices: readonly T[]): T => choices[random.below(choices.length)]!
  const any = (): string => of([...KEYS, LONG])
  const key = (kind: Kind): string => (random.below(12) === 0 ? any() : `${kind}${1 + random.below(3)}`)
  const [s, l, h, u, z, x] = [key('string'), key('list'), key('hash'), key('set'), key('zset'), key('stream')]
  const [value, other] = [of(VALUES), of(VALUES)]
  const member = of(['m1', 'm2', '5', '17', 'M'.repeat(100), `n${random.below(200)}`])
  const [one, two] = [any(), any()]
  const id = `${1 + random.below(50)}-0`
  return of<() => Words>([
    () => ['SET', s, value],
    () => ['SET', s, value, 'PX', 1000 + random.below(100_000)],
    () => ['MSET', s, value, key('string'), other],
    () => ['APPEND', s, value],
    () => ['SETRANGE', s, random.below(100), value],
    () => ['SETBIT', s, random.below(2000), 1],
    () => ['INCR', s],
    () => ['INCRBYFLOAT', s, '1.5'],
    () => ['GETDEL', s],
    () => ['PFADD', s, member],
    () => ['PFCOUNT', s],
    () => ['DEL', one],
    () => ['EXPIRE', one, 10 + random.below(1000)],
    () => ['PEXPIREAT', one, nowMs + 5 + random.below(50)],
    () => ['PERSIST', one],
    () => ['RENAME', one, two],
    () => ['COPY', one, two, 'REPLACE'],
    () => ['MOVE', one, 1],
    () => ['LPUSH', l, value, member],
    () => ['RPUSH', l, member, value, other],
    () => ['RPUSH', l, ...MANY],
    () => ['LPOP', l, 1 + random.below(3)],
    () => ['LSET', l, random.below(4), value],
    () => ['LINSERT', l, 'BEFORE', member, value],
    () => ['LREM', l, 0, member],
    () => ['LTRIM', l, 1, 300],
    () => ['LMOVE', l, key('list'), 'LEFT', 'RIGHT'],
    () => ['HSET', h, member, value],
    () => ['HSET', h, ...MANY.slice(0, 300)],
    () => ['HDEL', h, member, 'm1'],
    () => ['HINCRBY', h, member, 3],
    () => ['HPEXPIRE', h, 5 + random.below(1000), 'FIELDS', 2, member, 'm1'],
    () => ['HPERSIST', h, 'FIELDS', 1, member],
    () => ['SADD', u, member, random.below(300)],
    () => ['SADD', u, ...MANY],
    () => ['SREM', u, member, 'm1'],
    () => ['SMOVE', u, key('set'), member],
    () => ['SUNIONSTORE', u, key('set'), key('set')],
    () => ['SDIFFSTORE', u, key('set'), key('set')],
    () => ['ZADD', z, random.below(10), member],
    () => ['ZADD', z, ...MANY.flatMap((name, i) => [i % 7, name])],
    () => ['ZINCRBY', z, 2, member],
    () => ['ZREM', z, member, 'm2'],
    () => ['ZPOPMIN', z, 3],
    () => ['ZRANGESTORE', z, key('zset'), 0, 20],
    () => ['GEOADD', z, 13.4, 52.5, member],
    () => ['XADD', x, '*', 'field', value],
    () => ['XADD', x, 'MAXLEN', 5, '*', 'field', member],
    () => ['XDEL', x, id],
    () => ['XTRIM', x, 'MAXLEN', 3],
    () => ['XGROUP', 'CREATE', x, 'g', '0', 'MKSTREAM'],
    () => ['XREADGROUP', 'GROUP', 'g', of(['one', 'two']), 'COUNT', 3, 'STREAMS', x, '>'],
    () => ['XACK', x, 'g', id],
    () => ['XAUTOCLAIM', x, 'g', 'two', 0, 0],
    () => ['XGROUP', 'DELCONSUMER', x, 'g', 'one'],
    () => ['SORT', u, 'ALPHA', 'STORE', l],
    () => ['GET', s],
    () => ['SET', LONG, value],
    () => ['LRANGE', l, 0, -1],
    () => ['EVAL', "redis.call('SET', KEYS[1], 'script') redis.call('INCR', KEYS[2])", 2, one, two],
    () => ['SELECT', random.below(8) === 0 ? 1 : 0],
    () => (random.below(20) === 0 ? ['FLUSHDB'] : ['TOUCH', one]),
    () => (random.below(20) === 0 ? ['FLUSHALL'] : ['TOUCH', one]),
    () => (random.below(5) === 0 ? ['SWAPDB', 0, 1] : ['TOUCH', one]),
  ])()
}
