import { performance } from 'node:perf_hooks'
import { describe, expect, test } from 'vitest'
import type { Arguments } from '../../src/protocol/arguments.ts'
import { splitInline } from '../../src/protocol/inline-words.ts'
import {
  ProtocolError,
  QueryBufferOverflow,
  type RequestHandler,
  RequestParser,
} from '../../src/protocol/request-parser.ts'
import { Source } from '../../src/util/bytes/bytes.ts'
import { Random } from '../../src/util/numbers/random.ts'
import { seedOf } from '../support/seed.ts'

/** Remembers requests as words, as a command would see them. */
class Recorder implements RequestHandler {
  halted = false
  authenticated = true
  bulkBytesMax = 512 * 1024 * 1024
  queryBufferBytesMax = 1024 * 1024 * 1024
  /** Stop after each request, as a client that blocks does. */
  haltAfterEach = false
  requests: string[][] = []
  raw: string[] = []

  request(args: Arguments): void {
    const words: string[] = []
    for (let i = 0; i < args.length; i++) words.push(args.string(i))
    this.requests.push(words)
    if (args.rawEnd > 0) this.raw.push(args.rawSource!.u8.toString('latin1', args.rawStart, args.rawEnd))
    if (this.haltAfterEach) this.halted = true
  }
}

interface Outcome {
  requests: string[][]
  error: string | undefined
}

/** A read buffer that is overwritten after each read, as the shared one is. */
const readBuffer = new Source(Buffer.alloc(64 * 1024))

/** Feeds bytes in pieces through one reused buffer, at a shifting place in it. */
function feed(pieces: readonly Buffer[], handler = new Recorder(), parser = new RequestParser()): Outcome {
  try {
    for (const piece of pieces) {
      for (let at = 0; at < piece.length || at === 0; at += readBuffer.u8.length) {
        const part = piece.subarray(at, at + readBuffer.u8.length)
        part.copy(readBuffer.u8, 0)
        parser.feed(readBuffer, 0, part.length, handler)
        readBuffer.u8.fill('!', 0, part.length)
        if (piece.length === 0) break
      }
      while (handler.haltAfterEach && handler.halted) {
        handler.halted = false
        parser.resume(handler)
      }
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return { requests: handler.requests, error: error.message }
  }
  return { requests: handler.requests, error: undefined }
}

const bytes = (latin1: string): Buffer => Buffer.from(latin1, 'latin1')

function encode(...words: string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`
}

const SAMPLES: [name: string, input: string, requests: string[][]][] = [
  ['one word', encode('PING'), [['PING']]],
  [
    'a pipeline',
    encode('SET', 'key', 'value') + encode('GET', 'key'),
    [
      ['SET', 'key', 'value'],
      ['GET', 'key'],
    ],
  ],
  ['empty arguments', encode('SET', '', '') + encode('x'), [['SET', '', ''], ['x']]],
  [
    'line breaks inside arguments',
    encode('SET', '\r\n', '*1\r\n$4\r\nPING\r\n'),
    [['SET', '\r\n', '*1\r\n$4\r\nPING\r\n']],
  ],
  [
    'every byte',
    encode('ECHO', String.fromCharCode(...Array(256).keys())),
    [['ECHO', String.fromCharCode(...Array(256).keys())]],
  ],
  [
    'lengths of one, two and three digits',
    encode('a'.repeat(9), 'b'.repeat(10), 'c'.repeat(99), 'd'.repeat(100)),
    [['a'.repeat(9), 'b'.repeat(10), 'c'.repeat(99), 'd'.repeat(100)]],
  ],
  ['empty and negative arrays', `*0\r\n*-1\r\n*-9223372036854775808\r\n${encode('PING')}`, [['PING']]],
  ['inline requests', 'PING\r\nset a b\n\r\n\n  GET   a  \r\n', [['PING'], ['set', 'a', 'b'], ['GET', 'a']]],
  [
    'inline quotes',
    'set "a b" \'c d\' "\\x41\\n\\"" \'it\\\'s\' x"y z"\r\n',
    [['set', 'a b', 'c d', 'A\n"', "it's", 'xy z']],
  ],
  [
    'arrays and lines mixed',
    `PING\r\n${encode('ECHO', 'x')}ECHO y\n${encode('PING')}`,
    [['PING'], ['ECHO', 'x'], ['ECHO', 'y'], ['PING']],
  ],
  ['arguments whose final two bytes are anything', '*2\r\n$1\r\naXY$1\r\nbZZ', [['a', 'b']]],
  ['a length line whose final byte is anything', '*1\rX$4\rXPING\r\n', [['PING']]],
]

describe('requests arrive whole however they were cut', () => {
  for (const [name, input, requests] of SAMPLES) {
    test(name, () => {
      const whole = bytes(input)
      expect(feed([whole])).toEqual({ requests, error: undefined })
      expect(feed([...whole].map((byte) => Buffer.of(byte)))).toEqual({ requests, error: undefined })
      for (let i = 1; i < whole.length; i++) {
        expect(feed([whole.subarray(0, i), whole.subarray(i)]), `cut at ${i}`).toEqual({ requests, error: undefined })
      }
    })

    test(`${name}, when each request halts its client`, () => {
      const whole = bytes(input)
      for (let i = 0; i <= whole.length; i++) {
        const handler = new Recorder()
        handler.haltAfterEach = true
        expect(feed([whole.subarray(0, i), whole.subarray(i)], handler), `cut at ${i}`).toEqual({
          requests,
          error: undefined,
        })
      }
    })
  }

  test('an array keeps its own bytes for the journal, wherever it was cut', () => {
    const requests = [encode('SET', 'key', 'value'), encode('DEL', 'a', 'b', 'c'), encode('PING')]
    const whole = bytes(requests.join(''))
    for (let i = 0; i <= whole.length; i++) {
      const handler = new Recorder()
      feed([whole.subarray(0, i), whole.subarray(i)], handler)
      expect(handler.raw).toEqual(requests)
    }
  })

  test('a halted client keeps what it sends, and gets it in order', () => {
    const handler = new Recorder()
    const parser = new RequestParser()
    feed([bytes(`${encode('BLPOP', 'k', '0')}*1\r\n$4\r\nPI`)], handler, parser)
    handler.halted = true
    feed([bytes(`NG\r\n${encode('ECHO', 'a')}`), bytes(encode('ECHO', 'b').slice(0, -3))], handler, parser)
    expect(handler.requests).toEqual([['BLPOP', 'k', '0']])
    expect(parser.pendingBytes).toBeGreaterThan(0)
    handler.halted = false
    parser.resume(handler)
    expect(handler.requests).toEqual([['BLPOP', 'k', '0'], ['PING'], ['ECHO', 'a']])
    feed([bytes('b\r\n')], handler, parser)
    expect(handler.requests.at(-1)).toEqual(['ECHO', 'b'])
    expect(parser.pendingBytes).toBe(0)
    expect(parser.reservedBytes).toBe(0)
  })

  test('a big argument that comes in while its client is halted is whole afterwards', () => {
    const handler = new Recorder()
    const parser = new RequestParser()
    const value = 'v'.repeat(100_000)
    const request = bytes(encode('SET', 'k', value) + encode('PING'))
    feed([request.subarray(0, 20)], handler, parser)
    handler.halted = true
    feed([request.subarray(20, 50_000), request.subarray(50_000)], handler, parser)
    expect(handler.requests).toEqual([])
    handler.halted = false
    parser.resume(handler)
    expect(handler.requests).toEqual([['SET', 'k', value], ['PING']])
  })

  test('wherever a request with a big argument is cut, what others send meanwhile does not become a part of it', () => {
    const request = bytes(encode('SET', 'key', 'v'.repeat(100_000)))
    for (let cut = 1; cut < 40; cut++) {
      const [handler, other] = [new Recorder(), new Recorder()]
      const [parser, otherParser] = [new RequestParser(), new RequestParser()]
      feed([request.subarray(0, cut), request.subarray(cut, 50_000)], handler, parser)
      feed([bytes(encode('PING') + encode('GET', 'another'))], other, otherParser)
      feed([request.subarray(50_000)], handler, parser)
      expect(handler.requests, `cut at ${cut}`).toEqual([['SET', 'key', 'v'.repeat(100_000)]])
      expect(other.requests).toEqual([['PING'], ['GET', 'another']])
    }
  })

  test('a big argument may be read where it is gathered, and nothing is gathered otherwise', () => {
    const handler = new Recorder()
    const parser = new RequestParser()
    const value = '0123456789'.repeat(20_000)
    const request = Buffer.from(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${value.length}\r\n${value}\r\n`, 'latin1')
    expect(parser.gathering).toBe(undefined)
    parser.feed(new Source(Buffer.from(request.subarray(0, 1000))), 0, 1000, handler)
    const { gathering, gatheredBytes } = parser
    const missing = request.subarray(1000)
    expect(gathering!.u8.length - gatheredBytes).toBe(missing.length)
    for (const [from, to] of [
      [0, 70_000],
      [70_000, missing.length],
    ] as const) {
      missing.copy(gathering!.u8, gatheredBytes + from, from, to)
      parser.feed(gathering!, gatheredBytes + from, gatheredBytes + to, handler)
    }
    expect(handler.requests[0]![2] === value).toBe(true)
    expect([parser.gathering, parser.pendingBytes]).toEqual([undefined, 0])
  })

  test('a huge argument has room made for it as it comes, and is whole in a buffer of exactly its size', () => {
    const length = 40_000_000
    const head = bytes(`*2\r\n$4\r\nECHO\r\n$${length}\r\n`)
    const parser = new RequestParser()
    const windows: [number, number, boolean][] = []
    const value = Buffer.alloc(length)
    for (let at = 0; at < length; at += 1000) value.writeUInt32LE(at, at)
    const handler = {
      halted: false,
      authenticated: true,
      bulkBytesMax: length,
      queryBufferBytesMax: 2 * length,
      request(args: Arguments) {
        const { source, start, length } = args.bytes(1)
        windows.push([source.u8.length, length, source.u8.subarray(start, start + length).equals(value)])
      },
    }
    parser.feed(new Source(Buffer.concat([head, value.subarray(0, 1000)])), 0, head.length + 1000, handler)
    expect(parser.reservedBytes).toBeLessThan(length / 2)
    for (let at = 1000; at < length; at += 1_000_000) {
      const piece = value.subarray(at, at + 1_000_000)
      parser.feed(new Source(piece), 0, piece.length, handler)
    }
    parser.feed(new Source(bytes('\r\n')), 0, 2, handler)
    expect(windows).toEqual([[length + 2, length, true]])
  })

  test('a request keeps its words while other clients are heard, and what came behind it follows', () => {
    const handler = new Recorder()
    const [parser, second, third] = [new RequestParser(), new RequestParser(), new RequestParser()]
    const others = new Recorder()
    const innermost = new Recorder()
    const record = others.request.bind(others)
    others.request = (args) => {
      const piece = bytes(encode('QUIT') + encode('AUTH', 'third', 'pass').slice(0, 20))
      third.feed(new Source(piece), 0, piece.length, innermost)
      record(args)
    }
    const rest = bytes(encode('AUTH', 'third', 'pass').slice(20))
    const sent = bytes(encode('AUTH', 'second', 'password') + encode('PING'))
    const plainly = handler.request.bind(handler)
    handler.request = (args) => {
      if (args.equalsIgnoreCase(0, 'EVAL')) {
        second.feed(new Source(sent), 0, sent.length, others)
        third.feed(new Source(rest), 0, rest.length, innermost)
      }
      plainly(args)
    }
    others.haltAfterEach = true
    const mine = bytes(encode('EVAL', 'script', '0') + encode('SET', 'k', 'v') + encode('GET', 'k').slice(0, -3))
    parser.feed(new Source(mine), 0, mine.length, handler)
    feed([bytes('k\r\n')], handler, parser)
    expect(handler.requests).toEqual([
      ['EVAL', 'script', '0'],
      ['SET', 'k', 'v'],
      ['GET', 'k'],
    ])
    expect(others.requests).toEqual([['AUTH', 'second', 'password']])
    expect(innermost.requests).toEqual([['QUIT'], ['AUTH', 'third', 'pass']])
  })

  test('a parser is not fed while a request of its own runs', () => {
    const parser = new RequestParser()
    const handler = new Recorder()
    const whole = bytes(encode('PING'))
    handler.request = () => parser.feed(new Source(whole), 0, whole.length, handler)
    expect(() => feed([whole], handler, parser)).toThrow('a parser is not fed while a request of its own runs')
    handler.request = (args) => void handler.requests.push([args.string(0)])
    expect(feed([whole], handler, parser).requests).toEqual([['PING']])
  })

  test('parsers of several clients do not disturb each other', () => {
    const a = new Recorder()
    const b = new Recorder()
    const parserA = new RequestParser()
    const parserB = new RequestParser()
    const first = bytes(encode('MSET', 'a', '1', 'b', '2'))
    const second = bytes(encode('RPUSH', 'list', 'x', 'y', 'z'))
    for (let i = 0; i < Math.max(first.length, second.length); i++) {
      if (i < first.length) feed([first.subarray(i, i + 1)], a, parserA)
      if (i < second.length) feed([second.subarray(i, i + 1)], b, parserB)
    }
    expect(a.requests).toEqual([['MSET', 'a', '1', 'b', '2']])
    expect(b.requests).toEqual([['RPUSH', 'list', 'x', 'y', 'z']])
  })
})

const MALFORMED: [input: string, error: string][] = [
  ['*x\r\n', 'invalid multibulk length'],
  ['*\r\n', 'invalid multibulk length'],
  ['*01\r\n', 'invalid multibulk length'],
  ['*+1\r\n', 'invalid multibulk length'],
  ['*-0\r\n', 'invalid multibulk length'],
  ['*1 \r\n', 'invalid multibulk length'],
  ['*2147483648\r\n', 'invalid multibulk length'],
  ['*9223372036854775808\r\n', 'invalid multibulk length'],
  ['*-9223372036854775809\r\n', 'invalid multibulk length'],
  ['*1\r\nPING\r\n', "expected '$', got 'P'"],
  ['*1\r\n:1\r\n', "expected '$', got ':'"],
  ['*1\r\n$-1\r\n', 'invalid bulk length'],
  ['*1\r\n$\r\n', 'invalid bulk length'],
  ['*1\r\n$4x\r\nPING\r\n', 'invalid bulk length'],
  ['*1\r\n$04\r\nPING\r\n', 'invalid bulk length'],
  ['*1\r\n$00\r\n\r\n', 'invalid bulk length'],
  ['*1\r\n$536870913\r\n', 'invalid bulk length'],
  ['*2\r\n$1\r\naXY:1\r\n', "expected '$', got ':'"],
  ['"a\r\n', 'unbalanced quotes in request'],
  ["'a\r\n", 'unbalanced quotes in request'],
  ['"a"b\r\n', 'unbalanced quotes in request'],
  ["'a'b\r\n", 'unbalanced quotes in request'],
]

describe('malformed input', () => {
  for (const [input, error] of MALFORMED) {
    test(`${JSON.stringify(input)}: ${error}`, () => {
      const good = encode('PING')
      const whole = bytes(good + input)
      const expected = { requests: [['PING']], error }
      expect(feed([whole])).toEqual(expected)
      expect(feed([...whole].map((byte) => Buffer.of(byte)))).toEqual(expected)
      for (let i = 1; i < whole.length; i++) {
        expect(feed([whole.subarray(0, i), whole.subarray(i)]), `cut at ${i}`).toEqual(expected)
      }
    })
  }

  test('says nothing before the wrong line is whole', () => {
    expect(feed([bytes('*1\r\nPING\r')]).error).toBeUndefined()
    expect(feed([bytes('*1\r\nPING\r\n')]).error).toBe("expected '$', got 'P'")
  })

  test('a parser can be used again after a reset', () => {
    const parser = new RequestParser()
    const handler = new Recorder()
    for (const [input] of MALFORMED) {
      expect(feed([bytes(input)], handler, parser).error).toBeDefined()
      parser.reset()
      handler.requests = []
      expect(feed([bytes(encode('PING'))], handler, parser)).toEqual({ requests: [['PING']], error: undefined })
    }
  })
})

describe('limits', () => {
  const inlineMax = 64 * 1024

  test('an inline request of 64 KiB passes, one byte more does not', () => {
    const longest = 'a'.repeat(inlineMax)
    expect(feed([bytes(`${longest}\n`)])).toEqual({ requests: [[longest]], error: undefined })
    expect(feed([bytes(`${longest}a`)])).toEqual({ requests: [], error: 'too big inline request' })
    expect(feed([bytes(`${longest}a\n`)])).toEqual({ requests: [], error: 'too big inline request' })
  })

  test('a length line without an end is given up after 64 KiB', () => {
    expect(feed([bytes(`*${'1'.repeat(inlineMax - 1)}`)]).error).toBeUndefined()
    expect(feed([bytes(`*${'1'.repeat(inlineMax)}`)]).error).toBe('too big mbulk count string')
    expect(feed([bytes(`*1\r\n$${'1'.repeat(inlineMax - 1)}`)]).error).toBeUndefined()
    expect(feed([bytes(`*1\r\n$${'1'.repeat(inlineMax)}`)]).error).toBe('too big bulk count string')
    expect(feed([bytes(`*1\r\n${'x'.repeat(inlineMax + 1)}`)]).error).toBe('too big bulk count string')
  })

  test('the largest argument is proto-max-bulk-len', () => {
    const handler = new Recorder()
    handler.bulkBytesMax = 1000
    expect(feed([bytes(encode('ECHO', 'x'.repeat(1000)))], handler).error).toBeUndefined()
    expect(feed([bytes(encode('ECHO', 'x'.repeat(1001)))], handler).error).toBe('invalid bulk length')
  })

  test('an unauthenticated client may send ten arguments of 16 KiB and no more', () => {
    const stranger = (input: string): string | undefined => {
      const handler = new Recorder()
      handler.authenticated = false
      return feed([bytes(input)], handler).error
    }
    expect(stranger(encode(...Array(10).fill('x')))).toBeUndefined()
    expect(stranger('*11\r\n')).toBe('unauthenticated multibulk length')
    expect(stranger(encode('AUTH', 'x'.repeat(16384)))).toBeUndefined()
    expect(stranger('*2\r\n$4\r\nAUTH\r\n$16385\r\n')).toBe('unauthenticated bulk length')
  })

  test('unprocessed bytes above client-query-buffer-limit end the connection', () => {
    const handler = new Recorder()
    handler.queryBufferBytesMax = 100_000
    handler.halted = true
    const parser = new RequestParser()
    feed([bytes('PING\r\n'), bytes('x'.repeat(99_000))], handler, parser)
    expect(() => feed([bytes('x'.repeat(1000))], handler, parser)).toThrow(QueryBufferOverflow)

    const receiving = new Recorder()
    receiving.queryBufferBytesMax = 100_000
    const big = bytes(encode('SET', 'k', 'x'.repeat(200_000)))
    expect(() => feed([big], receiving)).toThrow(QueryBufferOverflow)
    const several = bytes(encode('MSET', 'a', 'x'.repeat(60_000), 'b', 'x'.repeat(60_000)))
    expect(() => feed([several.subarray(0, 20), several.subarray(20)], receiving)).toThrow(QueryBufferOverflow)
  })
})

describe('big arguments', () => {
  for (const size of [32 * 1024 - 1, 32 * 1024, 64 * 1024, 1024 * 1024, 64 * 1024 * 1024]) {
    test(`${size} bytes in chunks arrive intact`, () => {
      const value = Buffer.alloc(size, 'abcdefghijklmnopqrstuvwxyz0123456789')
      const request = Buffer.concat([
        bytes(`*4\r\n$4\r\nMSET\r\n$1\r\nk\r\n$${size}\r\n`),
        value,
        bytes(`\r\n$1\r\nz\r\n${encode('PING')}`),
      ])
      for (const chunk of [1460, 16 * 1024, 64 * 1024]) {
        if (size > 2 ** 20 && chunk < 16 * 1024) continue
        const handler = new Recorder()
        let seen: Buffer | undefined
        handler.request = (args) => {
          if (args.length === 4) {
            expect([args.string(0), args.string(1), args.string(3)]).toEqual(['MSET', 'k', 'z'])
            seen = args.bytes(2).toBuffer()
          } else handler.requests.push([args.string(0)])
        }
        const pieces: Buffer[] = []
        for (let at = 0; at < request.length; at += chunk) pieces.push(request.subarray(at, at + chunk))
        expect(feed(pieces, handler)).toEqual({ requests: [['PING']], error: undefined })
        expect(seen!.equals(value)).toBe(true)
      }
    })
  }

  test('the cost of a request of many arguments grows with its bytes, not with the number of reads', () => {
    const words = Array.from({ length: 100_000 }, (_, i) => `element:${i}`)
    const request = bytes(encode('RPUSH', 'list', ...words))
    const time = (chunk: number): number => {
      let best = Number.POSITIVE_INFINITY
      for (let round = 0; round < 3; round++) {
        const handler = new Recorder()
        let count = 0
        handler.request = (args) => {
          count = args.length
        }
        const pieces: Buffer[] = []
        for (let at = 0; at < request.length; at += chunk) pieces.push(request.subarray(at, at + chunk))
        const before = performance.now()
        feed(pieces, handler)
        best = Math.min(best, performance.now() - before)
        expect(count).toBe(words.length + 2)
      }
      return best
    }
    // Two thousand reads instead of forty; a parser that starts over at each would take fifty times as long.
    expect(time(1024)).toBeLessThan(10 * time(64 * 1024) + 20)
  })
})

test('any requests, cut anywhere, are read as a naive parser reads them', () => {
  const seed = seedOf('FUZZ_SEED')
  const random = new Random(seed)
  const below = (n: number): number => random.uint32() % n
  for (let round = 0; round < 1500; round++) {
    let input = ''
    const count = 1 + below(8)
    for (let i = 0; i < count; i++) {
      const words = Array.from({ length: 1 + below(below(4) === 0 ? 40 : 4) }, () => randomWord(below))
      const kind = below(20)
      if (kind < 14) input += encode(...words)
      else if (kind < 18) input += `${words.map(quote).join(' ')}${below(2) === 0 ? '\r\n' : '\n'}`
      else input += ['*0\r\n', '\r\n', '*-1\r\n'][below(3)]
    }
    if (below(4) === 0) {
      const at = below(input.length)
      const noise = String.fromCharCode(below(256))
      input = input.slice(0, at) + noise + input.slice(at + below(3))
    }
    const whole = bytes(input)
    const pieces: Buffer[] = []
    for (let at = 0; at < whole.length; ) {
      const size = 1 + below(below(3) === 0 ? 5 : 70_000)
      pieces.push(whole.subarray(at, at + size))
      at += size
    }
    const handler = new Recorder()
    handler.haltAfterEach = below(4) === 0
    expect(feed(pieces, handler), `FUZZ_SEED=${seed} round ${round}`).toEqual(naive(input))
  }
})

function randomWord(below: (n: number) => number): string {
  const kind = below(30)
  const length = kind === 0 ? 30_000 + below(60_000) : kind < 5 ? below(300) : below(12)
  let word = ''
  const first = below(256)
  for (let i = 0; i < Math.min(length, 40); i++) word += String.fromCharCode(below(256))
  return word.padEnd(length, String.fromCharCode(first))
}

function quote(word: string): string {
  const hex = (char: string): string => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`
  return `"${word.slice(0, 1000).replace(/[^a-zA-Z0-9 ]/g, hex)}"`
}

/** The protocol, as plainly as it can be said. */
function naive(input: string): Outcome {
  const requests: string[][] = []
  const fail = (error: string): Outcome => ({ requests, error })
  const pending = { requests, error: undefined }
  const line = (at: number, end: string): number => {
    const found = input.indexOf(end, at)
    const nul = input.indexOf('\0', at)
    return found === -1 || (nul !== -1 && nul < found) ? -1 : found
  }
  const number = (text: string): number | undefined =>
    /^(0|-?[1-9]\d*)$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text) ? Number(text) : undefined
  let at = 0
  while (at < input.length) {
    if (input[at] !== '*') {
      const end = line(at, '\n')
      if ((end === -1 ? input.length : end) - at > 65536) return fail('too big inline request')
      if (end === -1) return pending
      const words = splitInline(input.slice(at, end).replace(/\r$/, ''))
      if (words === undefined) return fail('unbalanced quotes in request')
      if (words.length > 0) requests.push(words)
      at = end + 1
      continue
    }
    let end = line(at, '\r')
    if (end === -1 && input.length - at > 65536) return fail('too big mbulk count string')
    if (end === -1 || end + 1 >= input.length) return pending
    const count = number(input.slice(at + 1, end))
    if (count === undefined || count > 2147483647) return fail('invalid multibulk length')
    at = end + 2
    const words: string[] = []
    while (words.length < count) {
      end = line(at, '\r')
      if (end === -1 && input.length - at > 65536) return fail('too big bulk count string')
      if (end === -1 || end + 1 >= input.length) return pending
      if (input[at] !== '$') return fail(`expected '$', got '${input[at]}'`)
      const length = number(input.slice(at + 1, end))
      if (length === undefined || length < 0 || length > 512 * 1024 * 1024) return fail('invalid bulk length')
      at = end + 2
      if (at + length + 2 > input.length) return pending
      words.push(input.slice(at, at + length))
      at += length + 2
    }
    if (words.length > 0) requests.push(words)
  }
  return pending
}
