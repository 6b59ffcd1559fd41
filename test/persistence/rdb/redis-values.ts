// Commands that make one key of every type and encoding that redis-server can give it.

/** key → the commands that make it, words as latin1. */
export interface Sample {
  key: string
  commands: string[][]
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

const list = (key: string, elements: string[]): Sample => ({ key, commands: [['RPUSH', key, ...elements]] })

export const LISTS: Sample[] = [
  list('list one', ['']),
  list('list numbers', [...numbers(60), '127', '128', '4095', '4096', '-4096', '-4097', '8388607', '8388608']),
  list('list wide numbers', ['2147483647', '2147483648', '-2147483649', '9223372036854775807', '-9223372036854775808']),
  list('list no numbers', ['9223372036854775808', '+1', '01', '1.5', '-']),
  list('list texts', [...words(20), ...words(3, 100), ...words(2, 5000)]),
  list('list long', words(5000)),
  list('list large', ['a', 'x'.repeat(20_000), 'b', 'y'.repeat(200_000), 'c']),
]

export const SAMPLES: Sample[] = [...STRINGS, ...LISTS]
