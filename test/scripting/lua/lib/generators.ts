// Random input for the libraries: texts that are nearly JSON, bytes that are nearly MessagePack,
// layouts of struct, and values of every kind to encode. The results are mostly well-formed;
// `damaged` changes a few of their bytes.

import fc from 'fast-check'
import { FUNCTION, type Plain, PlainTable, pairs, sequence } from './library-oracle.ts'

const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code))

/** Any bytes. */
export const bytes = (maxLength: number): fc.Arbitrary<string> =>
  fc.array(byte, { maxLength }).map((letters) => letters.join(''))

const text = (alphabet: string, maxLength: number): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...alphabet), { maxLength }).map((letters) => letters.join(''))

const POWERS = [7, 8, 15, 16, 31, 32, 52, 53, 62, 63, 64].map((exponent) => 2 ** exponent)

/** Numbers around every limit, and any others. */
export const number: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: -300, max: 300 }),
  fc.integer(),
  fc.double(),
  fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }).map(Number),
  fc.constantFrom(...POWERS.flatMap((power) => [power, power - 1, power + 1, -power, 1 - power, -power - 1])),
  fc.constantFrom(
    0.5,
    1.5,
    2.5,
    1e14,
    1e15,
    1e16,
    123456789012345,
    1.2345678901234568e16,
    1e21,
    1e-5,
    1e-4,
    1 / 3,
    0.1,
  ),
  fc.constantFrom(5e-324, Number.MAX_VALUE, 1 / 0, -1 / 0, Number.NaN),
)

/** Changes, drops, inserts a few bytes, or cuts the rest off. */
export function damaged(whole: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const damage = fc.tuple(fc.nat(), fc.constantFrom('cut', 'insert', 'drop', 'change'), byte)
  return fc.tuple(whole, fc.array(damage, { maxLength: 3 })).map(([start, damages]) => {
    let result = start
    for (const [place, what, letter] of damages) {
      const at = place % (result.length + 1)
      const rest = what === 'cut' ? '' : result.slice(what === 'insert' ? at : at + 1)
      result = result.slice(0, at) + (what === 'insert' || what === 'change' ? letter : '') + rest
    }
    return result
  })
}

// ── JSON ────────────────────────────────────────────────────────────────────

const ESCAPES = [
  ...['\\n', '\\t', '\\"', '\\\\', '\\/', '\\b', '\\f', '\\r', '\\x', '\\', '\\u', '\\a', '\\u12', '\\u12G4'],
  ...['\\u0000', '\\u00e9', '\\u0800', '\\uFFFF', '\\ud83d\\ude00', '\\uD800\\uDC00', '\\udbff\\udfff'],
  // Halves of pairs, alone and before something else.
  ...['\\ud83d', '\\ude00', '\\ud83d\\u0041', '\\ud83d\\n', '\\ud83d\\ud83d'],
]
const NUMBERS = [
  ...['0', '-0', '1', '1.5', '1e5', '1E-5', '1e400', '-1e400', '1e-400', '123456789012345678901234567890', '0.1e1'],
  ...[
    '1.',
    '.5',
    '-.5',
    '01',
    '-01',
    '1e',
    '1e+',
    '0x10',
    '0X1F',
    '0x1.8p3',
    '-0x1',
    '+1',
    'nan',
    'NaN',
    'inf',
    '-inf',
  ],
  ...['Infinity', '-Infinity', 'infinity', 'nan(1)', '1e5e5', '1..2', '--1', '- 1', '9007199254740993', '1_000'],
]
const jsonString = fc
  .array(
    fc.oneof(
      fc.constantFrom(...ESCAPES),
      byte.filter((letter) => letter !== '"'),
      text('abc \x7f\xc3\xa9\xf0\x9f\x98\x80\xed\xa0\x80', 6),
    ),
    { maxLength: 6 },
  )
  .map((parts) => `"${parts.join('')}"`)
const jsonNumber = fc.oneof(fc.constantFrom(...NUMBERS), number.map(String))

/** Texts that look like JSON. */
export const json: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    jsonNumber,
    jsonString,
    fc.constantFrom('true', 'false', 'null', 'tru', 'nul', 'True', 'undefined', ''),
    fc.array(tie('value'), { maxLength: 4 }).map((list) => `[${list.join(',')}]`),
    fc
      .array(fc.tuple(fc.oneof(jsonString, jsonNumber), tie('value')), { maxLength: 3 })
      .map((fields) => `{${fields.map(([name, value]) => `${name}:${value}`).join(',')}}`),
  ),
})).value

// ── MessagePack ─────────────────────────────────────────────────────────────

/** Returns a number’s bytes, the highest first. */
function big(value: number, size: number): string {
  let result = ''
  for (let i = size - 1; i >= 0; i--) result += String.fromCharCode(Math.floor(value / 2 ** (8 * i)) % 256)
  return result
}

/** One of three encodings of a count: in the type itself, in two bytes, in four. */
const counted = (way: number, small: number, wide: string, count: number): string =>
  way === 0 ? big(small | count, 1) : way === 1 ? wide[0]! + big(count, 2) : wide[1]! + big(count, 4)

const limits = fc.array(fc.constantFrom('\0', '\x01', '\x7f', '\x80', '\xff', '\xfe'), { minLength: 8, maxLength: 8 })

/** Messages with every type, also with those that lua-cmsgpack does not know. */
export const message: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.integer({ min: 0, max: 0x7f }).map((small) => big(small, 1)),
    fc.integer({ min: 0xe0, max: 0xff }).map((small) => big(small, 1)),
    fc.constantFrom('\xc0', '\xc2', '\xc3', '\xc1'),
    fc
      .tuple(fc.constantFrom(0xcc, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3), limits)
      .map(([type, digits]) => big(type, 1) + digits.slice(0, 1 << (type & 3)).join('')),
    fc.tuple(fc.constantFrom('\xca', '\xcb'), bytes(8)).map(([type, digits]) => {
      return type + digits.padEnd(8, '\0').slice(0, type === '\xca' ? 4 : 8)
    }),
    fc.tuple(fc.nat({ max: 3 }), bytes(31)).map(([way, string]) => {
      return (way === 3 ? `\xd9${big(string.length, 1)}` : counted(way, 0xa0, '\xda\xdb', string.length)) + string
    }),
    // bin and ext.
    fc
      .tuple(fc.nat({ max: 2 }), bytes(20))
      .map(([way, string]) => '\xc4\xc5\xc6'[way]! + big(string.length, 1 << way) + string),
    fc
      .tuple(fc.nat({ max: 4 }), bytes(17))
      .map(([way, string]) => '\xd4\xd5\xd6\xd7\xd8'[way]! + string.padEnd(17, 'x').slice(0, 1 + (1 << way))),
    fc
      .tuple(fc.nat({ max: 2 }), bytes(9))
      .map(([way, string]) => `${'\xc7\xc8\xc9'[way]!}${big(string.length, 1 << way)}\x05${string}`),
    fc
      .tuple(fc.nat({ max: 2 }), fc.array(tie('value'), { maxLength: 5 }))
      .map(([way, list]) => counted(way, 0x90, '\xdc\xdd', list.length) + list.join('')),
    fc
      .tuple(fc.nat({ max: 2 }), fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 4 }))
      .map(([way, fields]) => counted(way, 0x80, '\xde\xdf', fields.length) + fields.flat().join('')),
  ),
})).value

// ── values and layouts ──────────────────────────────────────────────────────

/**
 * Values to encode. Tables have at most one field beside 1..n, or sparse numbers: the order of
 * several fields depends on Lua’s hashes.
 */
export const value: fc.Arbitrary<Plain> = fc.letrec<{ value: Plain; table: Plain }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom<Plain>(undefined, null, true, false, '', FUNCTION as Plain),
    number,
    bytes(12),
    text('a"\\/\b\x01\x7f\xff\n\t\r\f', 8),
    tie('table'),
  ),
  table: fc.oneof(
    fc.array(tie('value'), { maxLength: 5 }).map((list) => sequence(...list.filter((one) => one !== undefined))),
    fc
      .tuple(
        fc.oneof(
          bytes(4),
          fc.integer({ min: -2, max: 40 }),
          number.filter((key) => !Number.isNaN(key)),
          fc.boolean(),
        ),
        tie('value'),
      )
      .map((pair) => pairs(pair as [Plain, Plain])),
    fc
      .uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 9 })
      .map((keys) => pairs(...keys.map((key) => [key, key * 2] as const))),
  ),
})).value

/** Whether no table in it has several keys outside 1..n. */
export function hasOneOrder(plain: Plain): boolean {
  if (!(plain instanceof PlainTable)) return true
  const keys = plain.pairs.map(([key]) => Number(key)).sort((a, b) => a - b)
  return (keys.length < 2 || keys.every((key, i) => key === i + 1)) && plain.pairs.every(([, one]) => hasOneOrder(one))
}

const SIZES = ['', '', '1', '2', '3', '4', '5', '8', '16', '17', '32', '33', '0', '256', '99999']
const option = fc
  .tuple(fc.constantFrom(...'bBhHlLTiIxfdsc '), fc.constantFrom(...SIZES))
  .map(([letter, size]) => ('iIc'.includes(letter) ? letter + size : letter))
const ALIGNMENTS = ['<', '>', '!', '!1', '!2', '!4', '!8', '!16', '!3', '!32', '=', 'y', '-']

/** Layouts of struct, right and wrong. */
export const layout: fc.Arbitrary<string> = fc
  .array(fc.oneof({ arbitrary: option, weight: 3 }, fc.constantFrom(...ALIGNMENTS)), { maxLength: 6 })
  .map((options) => options.join(''))
