// The libraries beside redis-server’s: the same calls and the same answers, including the texts of
// errors.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { redisServerMissing } from '../../../support/redis-server.ts'
import {
  call,
  FUNCTION,
  type LibraryCall,
  ours,
  type Plain,
  PlainTable,
  pairs,
  sequence,
  useLibraryOracle,
} from './library-oracle.ts'

const skipped = redisServerMissing()

describe.skipIf(skipped)('library calls answer as in redis-server', () => {
  const oracle = useLibraryOracle()

  async function compare(calls: readonly LibraryCall[]): Promise<void> {
    const differences = await oracle.differences(calls)
    expect(differences.slice(0, 25)).toEqual([])
  }

  const random = <T>(arbitrary: fc.Arbitrary<T>, count: number, seed = 1): T[] =>
    fc.sample(arbitrary, { numRuns: count, seed })

  const text = (alphabet: string, maxLength: number): fc.Arbitrary<string> =>
    fc.array(fc.constantFrom(...alphabet), { maxLength }).map((letters) => letters.join(''))

  const anyNumber = fc.oneof(
    fc.integer({ min: -300, max: 300 }),
    fc.integer(),
    fc.double({ noNaN: true }),
    fc.constantFrom(
      0.5,
      -0.5,
      1.5,
      2.5,
      -0,
      1e15,
      1e14,
      123456789012345,
      2 ** 31,
      2 ** 32,
      2 ** 53,
      2 ** 63,
      -(2 ** 63),
      2 ** 64,
    ),
    fc.constantFrom(1e300, -1e300, 1 / 0, -1 / 0, Number.NaN, 0.1, 1 / 3),
  )

  test('string: functions with positions', async () => {
    const calls: LibraryCall[] = []
    const values = [undefined, 0, 1, 2, 3, 4, 5, -1, -2, -4, -5, 1.9, -1.9, '2', 'x', 1e10, -1e10]
    for (const i of values) {
      for (const j of values) calls.push(call('string.sub', 'abcd', i, j), call('string.byte', 'abcd', i, j))
      calls.push(call('string.sub', 'abcd', i), call('string.byte', 'abcd', i), call('string.find', 'abcabc', 'b', i))
      calls.push(call('string.match', 'abcabc', '()b', i), call('string.find', 'abc', '', i))
      if (i !== 1e10) calls.push(call('string.rep', 'ab', i))
      calls.push(call('string.find', 'a.c', '.', i, true), call('string.char', i, 65))
    }
    await compare(calls)
  })

  test('string: wrong and missing arguments', async () => {
    const calls: LibraryCall[] = []
    for (const name of [
      'byte',
      'char',
      'find',
      'gmatch',
      'gsub',
      'len',
      'lower',
      'match',
      'rep',
      'reverse',
      'sub',
      'upper',
      'format',
    ]) {
      for (const args of [
        [],
        [undefined],
        ['x'],
        [12.5],
        [true],
        [sequence()],
        ['x', undefined],
        ['x', sequence()],
        ['x', 'y', sequence()],
      ]) {
        calls.push(call(`string.${name}`, ...(args as Plain[])))
      }
    }
    calls.push(
      call('string.dump'),
      call('string.char', 255, 256),
      call('string.char', -1),
      call('string.char', 2 ** 32 + 65),
    )
    calls.push(
      call('string.gsub', 'x', 'y', true),
      call('string.gsub', 'x', 'x', 1),
      call('string.gsub', 'x', 'x', 'y', sequence()),
    )
    calls.push(
      call('string.gsub', 'x', 'x', undefined),
      call('string.gsub', 'x', 'y', 'z', 2 ** 32),
      call('string.rep', 'x', 2 ** 32 + 1),
    )
    calls.push(call('string.byte', 'x'.repeat(9000), 1, -1))
    await compare(calls)
  })

  test('string: case, reverse and length of every byte', async () => {
    const bytes = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('')
    await compare(
      ['upper', 'lower', 'reverse', 'len'].flatMap((name) => [
        call(`string.${name}`, bytes),
        call(`string.${name}`, 'aZé09'),
        call(`string.${name}`, ''),
      ]),
    )
  })

  test('patterns: every class on every byte', async () => {
    const bytes = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('')
    const calls: LibraryCall[] = []
    for (const letter of 'acdlpsuwxzACDLPSUWXZqQ.') {
      const item = letter === '.' ? letter : `%${letter}`
      calls.push(
        call('string.gsub', bytes, item, ''),
        call('string.gsub', bytes, `[${item}_]`, ''),
        call('string.gsub', bytes, `[^${item}1-3]`, ''),
      )
    }
    await compare(calls)
  })

  test('patterns: special and faulty ones', async () => {
    const subjects = [
      '',
      'a',
      'ab',
      'abc',
      'aabb',
      '(a(b)c)',
      '[x]',
      'a]b',
      'THE (quick) fox',
      'x^y$',
      'a\0b',
      '%d',
      '-',
      'key = value',
    ]
    const patterns = [
      '',
      '^',
      '$',
      '^$',
      'a*',
      'a-',
      'a-$',
      '^a',
      'a$',
      '.-b',
      '(a*)(b*)',
      '()',
      '(())',
      '()a()',
      '(a)%1',
      '%bxy',
      '%b()',
      '%b',
      '%bx',
      '%f',
      '%f[%w]',
      '%f[%W]',
      '%f[',
      '%fa',
    ]
    patterns.push(
      '[',
      '[]',
      '[]]',
      '[^]]',
      '[^',
      '[a-',
      '[a-]',
      '[%',
      '[%]',
      '[%]]',
      '[a-c]+',
      '[c-a]',
      '[-a]',
      '[%a-z]',
      '[+--]',
      '%',
      'a%',
      '(',
      ')',
      '(a',
      'a)',
      '(()',
      '%1',
      '(%1)',
      '(a)%2',
      '%0',
      '(a)(%1)',
    )
    patterns.push(
      '*',
      '+',
      '?',
      '-',
      'a**',
      'a?b?c?',
      '^^',
      '$$',
      'a$b',
      'a\0b',
      '\0',
      'a\0%',
      '%z',
      '[%z]',
      '()'.repeat(32),
      '()'.repeat(33),
      '(%w+) = (%w+)',
      '[^%s]+',
      '%s*',
      '[[]',
      '[]-a]',
      '[a%-z]',
      '%-',
      '%.',
      '.',
      '..',
    )
    const calls: LibraryCall[] = []
    for (const subject of subjects) {
      for (const pattern of patterns) {
        calls.push(
          call('string.find', subject, pattern),
          call('string.match', subject, pattern),
          call('string.gsub', subject, pattern, '<%0%1>'),
        )
        calls.push(call('string.gsub', subject, pattern, '-', 1))
      }
    }
    await compare(calls)
  })

  test('patterns: random ones on random subjects', async () => {
    const patterns = random(text('aab.%*+-?[]^$()f1wdb ', 9), 2500)
    const subjects = random(text('aabbc1 ()[]', 12), 2500, 2)
    const replacements = random(text('x%012%', 5), 2500, 3)
    await compare(
      patterns.flatMap((pattern, i) => [
        call('string.find', subjects[i]!, pattern),
        call('string.gsub', subjects[i]!, pattern, replacements[i]!),
      ]),
    )
  })

  test('gsub: replacements from a table', async () => {
    const table = pairs(['a', 'x'], ['b', false], ['c', 12], [1, 'one'], ['t', sequence()])
    await compare([
      call('string.gsub', 'abcd', '.', table),
      call('string.gsub', 'abc', '()b', table),
      call('string.gsub', 'abc', '', table),
      call('string.gsub', 'at', '.', table),
    ])
  })

  test('format: conversions with flags, width and precision', async () => {
    const flags = fc.subarray([...'-+ #0']).map((list) => list.join(''))
    const width = fc.constantFrom('', '', '1', '5', '12', '20', '99')
    const precision = fc.constantFrom('', '', '.', '.0', '.1', '.3', '.10', '.14', '.20', '.99')
    const numeric = random(fc.tuple(flags, width, precision, fc.constantFrom(...'diuoxXeEfgGc'), anyNumber), 3000)
    const strings = random(
      fc.tuple(
        flags,
        width,
        precision,
        fc.constantFrom(...'sq'),
        fc.oneof(text('ab\0"\\\n\r\xff', 8), text('y', 130), fc.integer()),
      ),
      400,
    )
    // C does not define flags on %c and %s that have no meaning there.
    await compare(
      [...numeric, ...strings].map(([f, w, p, letter, value]) =>
        call('string.format', `<%${/[cs]/.test(letter) ? f.replace(/[^-]/g, '') : f}${w}${p}${letter}>`, value),
      ),
    )
  })

  test('format: faults, and when they are found', async () => {
    const formats = [
      '%',
      '%%',
      '%%%',
      '%y',
      '%10',
      '%.',
      '%-',
      '%-+ #0d',
      '%-+ #00d',
      '%123d',
      '%.123d',
      '%1.1.1d',
      '%*d',
      '%ld',
      '%\0',
      '%d%y',
      '%d %d',
      '%5%',
      '%a',
      '%n',
      'a%sb\0c',
    ]
    await compare(
      formats.flatMap((format) => [
        call('string.format', format),
        call('string.format', format, 1),
        call('string.format', format, 'x'),
        call('string.format', format, 1, 2),
        call('string.format', format, sequence()),
        call('string.format', format, undefined),
      ]),
    )
  })

  test('bit: all functions on all kinds of numbers', async () => {
    const calls: LibraryCall[] = []
    for (const [a, b] of random(fc.tuple(anyNumber, anyNumber), 300)) {
      for (const name of ['tobit', 'bnot', 'bswap', 'tohex']) calls.push(call(`bit.${name}`, a))
      for (const name of ['band', 'bor', 'bxor', 'lshift', 'rshift', 'arshift', 'rol', 'ror', 'tohex'])
        calls.push(call(`bit.${name}`, a, b))
    }
    for (const name of [
      'tobit',
      'bnot',
      'bswap',
      'tohex',
      'band',
      'bor',
      'bxor',
      'lshift',
      'rshift',
      'arshift',
      'rol',
      'ror',
    ]) {
      for (const args of [
        [],
        [undefined],
        ['x'],
        ['0x10', '3'],
        [1, undefined],
        [1, 'x'],
        [1, 2, 3],
        [1, 2, sequence()],
        [true, 1],
      ])
        calls.push(call(`bit.${name}`, ...(args as Plain[])))
    }
    await compare(calls)
  })

  test('struct: formats and values', async () => {
    const calls: LibraryCall[] = []
    for (const layout of random(text('bBhHlLTiIxfdsc<>! 0123489y-', 8), 2500)) {
      calls.push(call('struct.pack', layout, 1, 300, -2, 'abc', 5, 6, 7, 8))
      calls.push(call('struct.pack', layout, 'abcdef', 'x', 'y'), call('struct.size', layout))
      calls.push(call('struct.unpack', layout, '\x02ab\xff\xfecd\0efghijklmnopqrst\0uvwxyz\x80'.repeat(3)))
      calls.push(call('struct.unpack', layout, '\xff'.repeat(40), 3))
    }
    for (const [option, number] of random(
      fc.tuple(fc.constantFrom('b', 'B', 'h', 'H', 'l', 'L', 'i', 'I', 'i3', 'i7', 'i16', 'f', 'd', 'T'), anyNumber),
      600,
    )) {
      calls.push(call('struct.pack', `<${option}`, number), call('struct.pack', `>!${option}`, number))
    }
    for (const args of [
      [],
      [undefined],
      ['i'],
      ['s'],
      ['i', sequence()],
      ['i33', 1],
      ['!3i', 1],
      ['!0', 1],
      ['i99999999999', 1],
      ['bc0', 'x'],
      ['c5', 'abc'],
      ['i2147483648', 1],
    ]) {
      for (const name of ['pack', 'unpack', 'size']) calls.push(call(`struct.${name}`, ...(args as Plain[])))
    }
    for (const from of [0, -1, 1, 2, 4, 5, 6, 1e18, 'x', undefined])
      calls.push(call('struct.unpack', 'h', 'abcd', from))
    for (const size of ['\x02', '\x04', '\x05', '\x00'])
      calls.push(call('struct.unpack', 'Bc0', `${size}abcd`), call('struct.unpack', 'Bc0s', `${size}abcd\0x`))
    await compare(calls)
  })

  const FUNCTION_VALUE: Plain = FUNCTION
  const json = fc.letrec<{ value: Plain; table: Plain }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom<Plain>(undefined, null, true, false, '', 'k', FUNCTION_VALUE),
      anyNumber,
      text('a"\\/\b\x01\x7f\xff\n', 6),
      tie('table'),
    ),
    // At most one field where there are fields: the order of several depends on Lua’s hashes.
    table: fc.oneof(
      fc
        .array(tie('value'), { maxLength: 4 })
        .map((list) => sequence(...(list as Plain[]).filter((one) => one !== undefined))),
      fc
        .tuple(fc.oneof(text('ab"/', 3), fc.integer({ min: -2, max: 14 }), fc.constantFrom(1.5, true)), tie('value'))
        .map((pair) => pairs(pair as [Plain, Plain])),
      fc
        .uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 6 })
        .map((keys) => pairs(...keys.map((key) => [key, key * 2] as const))),
    ),
  }))

  /**
   * Tells whether no table in it has several keys outside 1..n, whose order depends on Lua’s
   * hashes.
   */
  function hasOneOrder(value: Plain): boolean {
    if (!(value instanceof PlainTable)) return true
    const keys = value.pairs.map(([key]) => Number(key)).sort((a, b) => a - b)
    return (
      (keys.length < 2 || keys.every((key, i) => key === i + 1)) && value.pairs.every(([, one]) => hasOneOrder(one))
    )
  }

  test('cjson.encode: values of every kind, nested', async () => {
    await compare(random(json.value, 2000).map((value) => call('cjson.encode', value)))
    await compare([
      call('cjson.encode'),
      call('cjson.encode', 1, 2),
      call('cjson.encode', undefined),
      call('cjson.encode', FUNCTION),
    ])
  })

  test('cjson.encode: a table of timestamps or ids is an object', async () => {
    const keys = [2 ** 31 - 1, 2 ** 31, 1_700_000_000_000, 2 ** 53, 1e300, 1 / 0]
    await compare(keys.map((key) => call('cjson.encode', pairs([key, 'x']))))
    expect(ours(call('cjson.encode', pairs([1_700_000_000_000, 'x'])))).toBe(
      `'${Buffer.from('{"1700000000000":"x"}').toString('hex')}'`,
    )
  })

  test('cjson.decode: valid, broken and strange texts', async () => {
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '"a"',
      '"\\n"',
      '"\\u00e9"',
      '"\\ud83d\\ude00"',
      '"\\ud83d"',
      '"\\udc00"',
      '"\\u12"',
      '"\\x"',
      'true',
      'tru',
      'false',
      'null',
      'nul',
      'nan',
      'inf',
      '-inf',
      'Infinity',
      '+1',
      '1',
      '-1',
      '01',
      '-',
      '.5',
      '1.',
      '1e5',
      '1e',
      '1E+2',
      '0x1F',
      '0x',
      '0x1p4',
      '123456789012345678',
      '1e400',
      ' ',
      '\n',
      '\0',
      '\v',
      "'",
      '\\',
      '"abc',
      '{"a":1}',
      '{"a":1,"b":[1,2,null],"a":2}',
      '[1,{"x":[]}]',
      '"long string that is longer than others \\" and so on"',
    ]
    const texts = random(fc.array(fc.constantFrom(...pieces), { maxLength: 7 }), 6000).map((list) => list.join(''))
    await compare([...pieces, ...texts].map((one) => call('cjson.decode', one)))
    await compare([
      call('cjson.decode'),
      call('cjson.decode', 1),
      call('cjson.decode', sequence()),
      call('cjson.decode', '1', 2),
      call('cjson.decode', undefined),
      call('cjson.decode', '['.repeat(1000)),
      call('cjson.decode', '['.repeat(1001)),
      call('cjson.decode', '{"a":'.repeat(1001)),
    ])
  })

  test('cjson: round trips of texts with random structure', async () => {
    const texts = random(fc.json({ maxDepth: 4 }), 1500)
    await compare(texts.map((one) => call('cjson.decode', Buffer.from(one).toString('latin1'))))
  })

  test('cjson: settings and their effects', async () => {
    const number = sequence(1.23456789, 1e15, 1 / 3)
    await compare([
      ...[
        'encode_max_depth',
        'decode_max_depth',
        'encode_number_precision',
        'encode_sparse_array',
        'encode_invalid_numbers',
        'decode_invalid_numbers',
        'encode_keep_buffer',
      ].flatMap((name) =>
        [
          [],
          [undefined],
          ['x'],
          [0],
          [-1],
          [2 ** 31],
          [sequence()],
          [undefined, undefined],
          [1, 2, 3, 4],
          ['off', 'x'],
          [false, 'x', 1],
          [false, 1, 'x'],
          [undefined, -1],
          [undefined, 1, -1],
          [0.5],
        ].map((args) => call(`cjson.${name}`, ...(args as Plain[]))),
      ),
      call('cjson.encode_number_precision', 3),
      call('cjson.encode', number),
      call('cjson.encode_number_precision', 14),
      call('cjson.encode_max_depth', 2),
      call('cjson.encode', sequence(sequence())),
      call('cjson.encode', sequence(sequence(sequence()))),
      call('cjson.encode_max_depth', 1000),
      call('cjson.decode_max_depth', 2),
      call('cjson.decode', '[[]]'),
      call('cjson.decode', '[[[]]]'),
      call('cjson.decode', '[{"a":{'),
      call('cjson.decode_max_depth', 1000),
      call('cjson.encode_invalid_numbers', true),
      call('cjson.encode', sequence(1 / 0, -1 / 0, Number.NaN)),
      call('cjson.encode_invalid_numbers', 'null'),
      call('cjson.encode', sequence(1 / 0, Number.NaN)),
      call('cjson.encode_invalid_numbers'),
      call('cjson.encode_invalid_numbers', 'off'),
      call('cjson.decode_invalid_numbers', false),
      ...['nan', 'inf', '-inf', '01', '-01', '0x1', '+1', '0', '-0', '-.5', '-', '[Infinity]', 'null', '1e', 'i'].map(
        (one) => call('cjson.decode', one),
      ),
      call('cjson.decode_invalid_numbers', true),
      call('cjson.encode_sparse_array', true, 1, 2),
      call('cjson.encode', pairs([4, 1])),
      call('cjson.encode', pairs([2, 1])),
      call('cjson.encode_sparse_array', false, 0, 0),
      call('cjson.encode', pairs([40, 1])),
      call('cjson.encode_sparse_array', false, 2, 10),
    ])
  })

  test('cmsgpack.pack: values of every kind, nested', async () => {
    await compare(
      random(json.value, 2000, 5)
        .filter(hasOneOrder)
        .map((value) => call('cmsgpack.pack', value)),
    )
    let nested: Plain = 1
    const calls = [
      call('cmsgpack.pack'),
      call('cmsgpack.pack', undefined, 1),
      call('cmsgpack.pack', 1, 'a', sequence(true, false, null)),
    ]
    for (let i = 0; i < 20; i++) {
      nested = i % 2 === 0 ? sequence(nested) : pairs(['k', nested])
      calls.push(call('cmsgpack.pack', nested))
    }
    for (const length of [0, 31, 32, 255, 256, 65535, 65536]) calls.push(call('cmsgpack.pack', 'x'.repeat(length)))
    for (const exponent of [5, 6, 7, 8, 15, 16, 31, 32, 53, 62, 63, 64]) {
      for (const delta of [-1, 0, 1]) calls.push(call('cmsgpack.pack', 2 ** exponent + delta, -(2 ** exponent) + delta))
    }
    calls.push(
      call('cmsgpack.pack', sequence(...Array.from({ length: 16 }, (_, i) => i))),
      call('cmsgpack.pack', sequence(...Array.from({ length: 100 }, () => 'x'))),
    )
    await compare(calls)
  })

  test('cmsgpack.unpack: random bytes, and messages cut short', async () => {
    const kinds = fc.constantFrom(
      ...'\xc0\xc2\xc3\x01\x7f\xe0\xff\xca\xcb\xcc\xcd\xce\xcf\xd0\xd1\xd2\xd3\xd9\xda\x80\x81\x82\x83\x90\x91\x93\xa0\xa1\xa3\xdc\xde\xdd\xdf\xdb\xc1\xc4\xd4\0\0\0\x02\x03ab',
    )
    const messages = random(fc.array(kinds, { maxLength: 14 }), 4000).map((list) => list.join(''))
    await compare(messages.map((message) => call('cmsgpack.unpack', message)))
    const whole =
      '\x85\xa4name\xa3job\xa2id\xcd\x01\x00\xa1d\xcb\x3f\xf8\0\0\0\0\0\0\xa1a\x93\x01\xc0\x03\xa1m\x81\x01\xc3'
    await compare(Array.from({ length: whole.length + 1 }, (_, i) => call('cmsgpack.unpack', whole.slice(0, i))))
  })

  test('cmsgpack: offsets and limits', async () => {
    const calls = [
      call('cmsgpack.unpack'),
      call('cmsgpack.unpack', sequence()),
      call('cmsgpack.unpack', 12),
      call('cmsgpack.unpack_one'),
      call('cmsgpack.unpack_limit', 'a'),
      call('cmsgpack.unpack_limit', 'a', sequence()),
    ]
    for (const offset of [undefined, 0, 1, 2, 3, 4, -1, 'x', 2 ** 32]) {
      calls.push(call('cmsgpack.unpack_one', '\x01\x02\x03', offset))
      for (const limit of [0, 1, 2, 3, 4, -1]) calls.push(call('cmsgpack.unpack_limit', '\x01\x02\x03', limit, offset))
    }
    calls.push(
      call('cmsgpack.unpack', '\x91'.repeat(1000)),
      call('cmsgpack.unpack', '\x91'.repeat(50_000)),
      call('cmsgpack.unpack', '\x81\x01'.repeat(50_000)),
      call('cmsgpack.unpack', '\x01'.repeat(9000)),
    )
    await compare(calls)
  })
})
