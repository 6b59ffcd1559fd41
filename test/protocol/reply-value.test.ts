import { describe, expect, test } from 'vitest'
import { BadReply } from '../../src/protocol/reply-reader.ts'
import { CommandError, type ReplyValue, ReplyValueReader } from '../../src/protocol/reply-value.ts'
import { utf8Of } from '../../src/util/bytes/text.ts'

function read(pieces: readonly string[]): { replies: ReplyValue<string>[]; pushes: ReplyValue<string>[][] } {
  const replies: ReplyValue<string>[] = []
  const pushes: ReplyValue<string>[][] = []
  const reader = new ReplyValueReader<string>(utf8Of, {
    reply: (value) => replies.push(value),
    push: (parts) => pushes.push(parts),
  })
  for (const piece of pieces) {
    const bytes = Buffer.from(piece, 'latin1')
    reader.feed(bytes)
    // The engine reuses its buffers.
    bytes.fill('!')
  }
  return { replies, pushes }
}

const VALUES: [name: string, bytes: string, value: ReplyValue<string>][] = [
  ['status', '+OK\r\n', 'OK'],
  ['integer', ':-12\r\n', -12],
  ['large integer', ':9223372036854775807\r\n', 9223372036854775807n],
  ['bulk', '$6\r\n\xc3\xa4\r\n\xc3\xb6\r\n', 'ä\r\nö'],
  ['long bulk', '$20\r\nabcdefghijklmnopqr\xc3\xa4\r\n', 'abcdefghijklmnopqrä'],
  ['empty bulk', '$0\r\n\r\n', ''],
  ['nil in RESP2', '$-1\r\n', null],
  ['nil array in RESP2', '*-1\r\n', null],
  ['nil', '_\r\n', null],
  ['true', '#t\r\n', true],
  ['false', '#f\r\n', false],
  ['double', ',1.5\r\n', 1.5],
  ['infinity', ',-inf\r\n', Number.NEGATIVE_INFINITY],
  ['big number', '(-123456789012345678901234567890\r\n', -123456789012345678901234567890n],
  ['big number of a script, which is none', '(1e5\r\n', '1e5'],
  ['verbatim', '=8\r\ntxt:text\r\n', 'text'],
  ['array', '*3\r\n:1\r\n*0\r\n$1\r\na\r\n', [1, [], 'a']],
  [
    'map',
    '%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n*1\r\n:2\r\n',
    new Map<ReplyValue<string>, ReplyValue<string>>([
      ['a', 1],
      ['b', [2]],
    ]),
  ],
  ['value with an attribute', '*2\r\n|1\r\n$1\r\na\r\n*2\r\n:1\r\n:2\r\n$1\r\nb\r\n:3\r\n', ['b', 3]],
  ['set', '~2\r\n$1\r\na\r\n$1\r\nb\r\n', new Set<ReplyValue<string>>(['a', 'b'])],
]

describe('values', () => {
  for (const [name, bytes, value] of VALUES) {
    test(`${name}, whole and cut anywhere`, () => {
      expect(read([bytes]).replies).toEqual([value])
      for (let i = 1; i < bytes.length; i++) expect(read([bytes.slice(0, i), bytes.slice(i)]).replies).toEqual([value])
    })
  }

  test('an error is a CommandError with its code, inside an array too', () => {
    const { replies } = read(['-WRONGTYPE not that\r\n*2\r\n:1\r\n-ERR no\r\n'])
    expect(replies[0]).toBeInstanceOf(CommandError)
    expect(replies[0]).toMatchObject({ code: 'WRONGTYPE', message: 'WRONGTYPE not that' })
    expect((replies[1] as ReplyValue<string>[])[1]).toMatchObject({ code: 'ERR', message: 'ERR no' })
  })

  test('pushes are told apart from replies', () => {
    const { replies, pushes } = read([':1\r\n>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n:2\r\n'])
    expect(replies).toEqual([1, 2])
    expect(pushes).toEqual([['message', 'c', 'hi']])
  })
})

test('arrays within arrays are read however deep they go', () => {
  const depth = 100_000
  const { replies } = read([`${'*1\r\n'.repeat(depth)}:1\r\n:2\r\n`])
  let value = replies[0]
  let levels = 0
  while (Array.isArray(value)) {
    value = value[0]
    levels++
  }
  expect([levels, value, replies[1]]).toEqual([depth, 1, 2])
})

test('a long array that comes in many pieces is looked at once', () => {
  const element = '$1\r\nx\r\n%1\r\n:1\r\n*1\r\n_\r\n'
  let decoded = 0
  const replies: ReplyValue<string>[] = []
  const reader = new ReplyValueReader<string>(
    (u8, start, length) => {
      decoded++
      return utf8Of(u8, start, length)
    },
    { reply: (value) => replies.push(value), push() {} },
  )
  const bytes = Buffer.from(`*20000\r\n${element.repeat(10_000)}$3000000\r\n${'y'.repeat(3_000_000)}\r\n+OK\r\n`)
  bytes.write('*20001\r\n')
  for (let at = 0; at < bytes.length; at += 100) reader.feed(Buffer.from(bytes.subarray(at, at + 100)))
  const [array, last] = replies as [ReplyValue<string>[], string]
  expect([array.length, last]).toEqual([20_001, 'OK'])
  expect(array[19_998]).toBe('x')
  expect(array[19_999]).toEqual(new Map([[1, [null]]]))
  expect((array[20_000] as string).length).toBe(3_000_000)
  // Each text once, whatever the number of pieces.
  expect(decoded).toBe(10_001)
})

test('a push within pieces, and what follows it', () => {
  const bytes = '>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n*1\r\n:1\r\n'
  const { replies, pushes } = read([...bytes])
  expect(pushes).toEqual([['message', 'c', 'hi']])
  expect(replies).toEqual([[1]])
})

test('bytes that are no replies are refused, whatever they announce', () => {
  for (const bytes of ['$x\r\n', '*1x\r\n', '$--1\r\n', 'HTTP/1.1 400 Bad Request\r\n'])
    expect(() => read([bytes])).toThrow(BadReply)
  expect(read(['$999999999999999\r\nabc', 'def']).replies).toEqual([])
})

test('an attribute without content is none', () => {
  expect(read(['*2\r\n|0\r\n:1\r\n:2\r\n']).replies).toEqual([[1, 2]])
})
