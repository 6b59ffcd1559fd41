// Commands that make one key of every type and encoding that redis-server can give it.

/** key → the commands that make it, words as latin1. */
export interface Sample {
  key: string
  commands: string[][]
  /** What OBJECT ENCODING says here, where that is not what redis-server 7.0 says. */
  encoding?: string
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i * 37 - 500))
const words = (count: number, length = 12): string[] =>
  Array.from({ length: count }, (_, i) => `word ${i} ${'\x00\xff\r\n'}`.padEnd(length, '-'))

export const STRINGS: Sample[] = [
  '',
  'text',
  '0',
  '-128',
  '127',
  '128',
  '-32768',
  '65535',
  '2147483647',
  '-2147483648',
  '2147483648',
  '9223372036854775807',
  '007',
  '-0',
  '\x00\xff\r\n',
  'x'.repeat(20),
  'x'.repeat(21),
  'abc'.repeat(100),
  'y'.repeat(100_000),
  Array.from({ length: 20_000 }, (_, i) => String.fromCharCode((i * i * 31) & 255)).join(''),
].map((value, i) => ({ key: `string ${i}`, commands: [['SET', `string ${i}`, value]] }))

const list = (key: string, encoding: 'listpack' | 'quicklist', elements: string[]): Sample => ({
  key,
  encoding,
  commands: [['RPUSH', key, ...elements]],
})

/** In 7.2 a small list is a listpack. */
export const LISTS: Sample[] = [
  list('list one', 'listpack', ['']),
  list('list numbers', 'listpack', [
    ...numbers(60),
    '127',
    '128',
    '4095',
    '4096',
    '-4096',
    '-4097',
    '8388607',
    '8388608',
  ]),
  list('list wide numbers', 'listpack', [
    ...['2147483647', '2147483648', '-2147483649', '-8388608', '-8388609', '32767', '32768', '-32769'],
    ...['9223372036854775807', '-9223372036854775808', '9007199254740993'],
  ]),
  list('list no numbers', 'listpack', ['9223372036854775808', '+1', '01', '1.5', '-']),
  list('list texts', 'quicklist', [...words(20), ...words(3, 100), ...words(2, 5000)]),
  list('list long', 'quicklist', words(5000)),
  list('list large', 'quicklist', ['a', 'x'.repeat(20_000), 'b', 'y'.repeat(200_000), 'c']),
]

const pairs = (fields: string[], value: (i: number) => string): string[] =>
  fields.flatMap((field, i) => [field, value(i)])

export const HASHES: Sample[] = [
  { key: 'hash one', commands: [['HSET', 'hash one', '', '']] },
  { key: 'hash small', commands: [['HSET', 'hash small', ...pairs(words(50), (i) => String(i * 1000))]] },
  { key: 'hash many', commands: [['HSET', 'hash many', ...pairs(words(2000), (i) => `value ${i}`)]] },
  { key: 'hash long', commands: [['HSET', 'hash long', 'field', 'v'.repeat(65), 'other', '\x00'.repeat(100_000)]] },
  {
    key: 'hash shrunk',
    commands: [
      ['HSET', 'hash shrunk', ...pairs(words(600), String)],
      ['HDEL', 'hash shrunk', ...words(600).slice(2)],
    ],
  },
]

const scored = (members: string[], score: (i: number) => string): string[] =>
  members.flatMap((member, i) => [score(i), member])
const SCORES = ['0', '-0', '1', '-1.5', '3.3333333333333335', '1e300', '-5e-324', 'inf', '-inf', '4611686018427387904']
const MORE_SCORES = [...SCORES, '9007199254740993', '1e17', '123456789012345680', '0.1', '1e-7']

export const SORTED_SETS: Sample[] = [
  { key: 'zset one', commands: [['ZADD', 'zset one', '1', '']] },
  { key: 'zset small', commands: [['ZADD', 'zset small', ...scored(words(15), (i) => MORE_SCORES[i]!)]] },
  { key: 'zset many', commands: [['ZADD', 'zset many', ...scored(words(1500), (i) => String((i * 7919) % 1009))]] },
  {
    key: 'zset long',
    commands: [['ZADD', 'zset long', '5', 'm'.repeat(65), ...scored(words(15), (i) => MORE_SCORES[i]!)]],
  },
]

export const SETS: Sample[] = [
  { key: 'set one', commands: [['SADD', 'set one', '']], encoding: 'listpack' },
  { key: 'set texts', commands: [['SADD', 'set texts', ...words(100)]], encoding: 'listpack' },
  { key: 'set mixed', commands: [['SADD', 'set mixed', '1', '2', 'three', '-4', '01']], encoding: 'listpack' },
  { key: 'set many', commands: [['SADD', 'set many', ...words(1000)]] },
  { key: 'set long', commands: [['SADD', 'set long', 'm'.repeat(65), 'n'.repeat(70_000)]] },
  { key: 'intset 16', commands: [['SADD', 'intset 16', ...numbers(100), '32767', '-32768']] },
  { key: 'intset 32', commands: [['SADD', 'intset 32', '32768', '-5', '2147483647', '-2147483648']] },
  { key: 'intset 64', commands: [['SADD', 'intset 64', '2147483648', '9223372036854775807', '-9223372036854775808']] },
  {
    key: 'intset wide',
    commands: [['SADD', 'intset wide', '9007199254740993', '9007199254740992', '-9007199254740993']],
  },
  { key: 'integers many', commands: [['SADD', 'integers many', ...numbers(2000)]] },
]

const entries = (key: string, count: number): string[][] =>
  Array.from({ length: count }, (_, i) => [
    'XADD',
    key,
    `${1000 + i}-${i % 3}`,
    'field',
    String(i),
    i % 7 === 0 ? 'odd' : 'other',
    'x'.repeat(i % 50),
  ])

export const STREAMS: Sample[] = [
  { key: 'stream one', commands: [['XADD', 'stream one', '1-1', '', '']] },
  { key: 'stream many', commands: entries('stream many', 500) },
  {
    key: 'stream empty',
    commands: [
      ['XADD', 'stream empty', '18446744073709551615-5', 'f', 'v'],
      ['XDEL', 'stream empty', '18446744073709551615-5'],
    ],
  },
  {
    key: 'stream holes',
    commands: [
      ...entries('stream holes', 300),
      ['XDEL', 'stream holes', '1000-0', '1005-2', '1250-1'],
      ['XTRIM', 'stream holes', 'MAXLEN', '150'],
    ],
  },
  {
    key: 'stream groups',
    commands: [
      ...entries('stream groups', 40),
      ['XGROUP', 'CREATE', 'stream groups', 'first', '0'],
      ['XGROUP', 'CREATE', 'stream groups', 'second', '1010-1', 'ENTRIESREAD', '11'],
      ['XGROUP', 'CREATE', 'stream groups', 'idle', '$'],
      ['XGROUP', 'CREATECONSUMER', 'stream groups', 'idle', 'nobody'],
      ['XREADGROUP', 'GROUP', 'first', 'alice', 'COUNT', '10', 'STREAMS', 'stream groups', '>'],
      ['XREADGROUP', 'GROUP', 'first', 'bob', 'COUNT', '5', 'STREAMS', 'stream groups', '>'],
      ['XREADGROUP', 'GROUP', 'second', 'alice', 'STREAMS', 'stream groups', '>'],
      ['XACK', 'stream groups', 'first', '1002-2', '1011-2'],
      ['XCLAIM', 'stream groups', 'first', 'bob', '0', '1003-0', 'RETRYCOUNT', '77', 'JUSTID'],
      ['XDEL', 'stream groups', '1004-1'],
    ],
  },
]

export const SAMPLES: Sample[] = [...STRINGS, ...LISTS, ...HASHES, ...SETS, ...SORTED_SETS, ...STREAMS]
