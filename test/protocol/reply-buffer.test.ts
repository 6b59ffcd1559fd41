import { describe, expect, test } from 'vitest'
import { ERR } from '../../src/protocol/errors.ts'
import { ReplyBuffer, type ReplyReceiver } from '../../src/protocol/reply-buffer.ts'
import { Bytes, type Source } from '../../src/util/bytes/bytes.ts'
import { Random } from '../../src/util/numbers/random.ts'

class Receiver implements ReplyReceiver {
  readonly protocol: 2 | 3
  readonly segments: { source: Source; start: number; end: number }[] = []

  constructor(protocol: 2 | 3 = 2) {
    this.protocol = protocol
  }

  addSegment(source: Source, start: number, end: number): void {
    this.segments.push({ source, start, end })
  }

  get text(): string {
    return this.segments.map(({ source, start, end }) => source.u8.toString('latin1', start, end)).join('')
  }
}

function written(protocol: 2 | 3, write: (reply: ReplyBuffer) => void, bytes?: number): string {
  const buffer = new ReplyBuffer(bytes)
  const receiver = new Receiver(protocol)
  buffer.open(receiver)
  write(buffer)
  buffer.close()
  return receiver.text
}

const SHAPES: [name: string, write: (reply: ReplyBuffer) => void, resp2: string, resp3: string][] = [
  ['ok', (r) => r.ok(), '+OK\r\n', '+OK\r\n'],
  ['status', (r) => r.status('PONG'), '+PONG\r\n', '+PONG\r\n'],
  ['error', (r) => r.error(ERR.syntax), '-ERR syntax error\r\n', '-ERR syntax error\r\n'],
  ['bulk', (r) => r.bulk(Bytes.from('a\r\nb')), '$4\r\na\r\nb\r\n', '$4\r\na\r\nb\r\n'],
  ['empty bulk', (r) => r.bulk(Bytes.from('')), '$0\r\n\r\n', '$0\r\n\r\n'],
  ['text', (r) => r.text('\xff'), '$1\r\n\xff\r\n', '$1\r\n\xff\r\n'],
  ['nil', (r) => r.nil(), '$-1\r\n', '_\r\n'],
  ['nil array', (r) => r.nilArray(), '*-1\r\n', '_\r\n'],
  ['array', (r) => r.array(12), '*12\r\n', '*12\r\n'],
  ['map', (r) => r.map(3), '*6\r\n', '%3\r\n'],
  ['set', (r) => r.set(3), '*3\r\n', '~3\r\n'],
  ['push', (r) => r.push(3), '*3\r\n', '>3\r\n'],
  ['double', (r) => r.double(1.5), '$3\r\n1.5\r\n', ',1.5\r\n'],
  ['true', (r) => r.boolean(true), ':1\r\n', '#t\r\n'],
  ['false', (r) => r.boolean(false), ':0\r\n', '#f\r\n'],
  ['verbatim', (r) => r.verbatim('a:1\r\n'), '$5\r\na:1\r\n\r\n', '=9\r\ntxt:a:1\r\n\r\n'],
  ['raw', (r) => r.raw('+x\r\n'), '+x\r\n', '+x\r\n'],
]

describe('shapes', () => {
  for (const [name, write, resp2, resp3] of SHAPES) {
    test(`${name} in RESP2 and RESP3`, () => {
      expect(written(2, write)).toBe(resp2)
      expect(written(3, write)).toBe(resp3)
    })
  }

  const integers = [0, 1, 9, 10, 99, 100, 999, 1000, 12345, 999_999_999, 1_000_000_000, 4_294_967_296, 2 ** 53 - 1]
  for (const value of [...integers, ...integers.map((i) => -i), 2n ** 63n - 1n, -(2n ** 63n)]) {
    test(`integer ${value}`, () => expect(written(2, (r) => r.integer(value))).toBe(`:${value}\r\n`))
  }

  test('an error never breaks its line', () => {
    expect(written(2, (r) => r.error(ERR.of('a\r\nb')))).toBe('-ERR a  b\r\n')
  })

  test('a change of protocol concerns what follows', () => {
    const write = (reply: ReplyBuffer): void => {
      reply.nil()
      reply.setProtocol(3)
      reply.nil()
    }
    expect(written(2, write)).toBe('$-1\r\n_\r\n')
  })
})

describe('segments', () => {
  test('replies of one receiver in one turn are one segment', () => {
    const buffer = new ReplyBuffer()
    const receiver = new Receiver()
    buffer.open(receiver)
    for (let i = 0; i < 100; i++) buffer.integer(i)
    buffer.close()
    expect(receiver.segments.length).toBe(1)
  })

  test('nothing written is no segment', () => {
    const buffer = new ReplyBuffer()
    const receiver = new Receiver()
    buffer.open(receiver)
    expect(buffer.dirty).toBe(false)
    buffer.mark()
    buffer.close()
    buffer.close()
    expect(receiver.segments).toEqual([])
  })

  test('an interrupted receiver keeps the written bytes and continues afterwards', () => {
    const buffer = new ReplyBuffer()
    const first = new Receiver(2)
    const second = new Receiver(3)
    buffer.open(first)
    buffer.nil()
    const interrupted = buffer.open(second)
    expect(interrupted).toBe(first)
    buffer.nil()
    buffer.close()
    buffer.open(interrupted!)
    buffer.nil()
    buffer.close()
    expect(first.text).toBe('$-1\r\n$-1\r\n')
    expect(second.text).toBe('_\r\n')
  })

  test('markFor hands over only to the receiver whose turn it is', () => {
    const buffer = new ReplyBuffer()
    const first = new Receiver()
    buffer.open(first)
    buffer.ok()
    buffer.markFor(new Receiver())
    expect(first.segments.length).toBe(0)
    buffer.markFor(first)
    expect(first.text).toBe('+OK\r\n')
    expect(buffer.dirty).toBe(false)
  })

  test('a reply that no longer fits goes on in another scratch, and nothing written moves', () => {
    for (const size of [64, 100, 333]) {
      const random = new Random(size)
      const buffer = new ReplyBuffer(size)
      const receiver = new Receiver(3)
      let expected = ''
      buffer.open(receiver)
      for (let i = 0; i < 2000; i++) {
        const word = 'x'.repeat(random.uint32() % (i % 50 === 0 ? 1000 : 40))
        switch (random.uint32() % 9) {
          case 0:
            buffer.ok()
            expected += '+OK\r\n'
            break
          case 1:
            buffer.status(word)
            expected += `+${word}\r\n`
            break
          case 2:
            buffer.bulk(Bytes.from(word))
            expected += `$${word.length}\r\n${word}\r\n`
            break
          case 3:
            buffer.text(word)
            expected += `$${word.length}\r\n${word}\r\n`
            break
          case 4:
            buffer.integer(i * 1000)
            expected += `:${i * 1000}\r\n`
            break
          case 5:
            buffer.map(i)
            expected += `%${i}\r\n`
            break
          case 6:
            buffer.verbatim(word)
            expected += `=${word.length + 4}\r\ntxt:${word}\r\n`
            break
          case 7:
            buffer.nil()
            expected += '_\r\n'
            break
          default:
            buffer.raw(word)
            expected += word
        }
      }
      buffer.close()
      expect(receiver.text).toBe(expected)
    }
  })

  test('a reply of 8 MiB is one segment of its own', () => {
    const buffer = new ReplyBuffer()
    const receiver = new Receiver()
    const value = Bytes.over(Buffer.alloc(8 * 1024 * 1024, 'v'))
    buffer.open(receiver)
    buffer.ok()
    buffer.bulk(value)
    buffer.status('x'.repeat(40))
    buffer.close()
    expect(receiver.segments.length).toBe(3)
    expect(receiver.text === `+OK\r\n$${value.length}\r\n${value.toString()}\r\n+${'x'.repeat(40)}\r\n`).toBe(true)
    // The scratch went on where it was, and the large one is not kept.
    expect(receiver.segments[2]!.source).toBe(receiver.segments[0]!.source)
    buffer.recycle()
    const next = new Receiver()
    buffer.open(next)
    buffer.ok()
    buffer.close()
    expect(next.segments[0]).toMatchObject({ start: 0, end: 5 })
    expect(next.segments[0]!.source).toBe(receiver.segments[0]!.source)
  })

  test('after a large reply as the last one the scratch is used again', () => {
    const buffer = new ReplyBuffer(64)
    for (let turn = 0; turn < 3; turn++) {
      const receiver = new Receiver()
      buffer.open(receiver)
      buffer.text('x'.repeat(1000))
      buffer.close()
      expect(receiver.text.length).toBe(1000 + 9)
      buffer.recycle()
      buffer.open(receiver)
      buffer.ok()
      buffer.close()
      expect(receiver.segments.at(-1)!.source.u8.length).toBe(64)
    }
  })

  test('recycled, the scratch is written anew; abandoned, what was written is left alone', () => {
    const buffer = new ReplyBuffer(64)
    const say = (text: string): Receiver => {
      const receiver = new Receiver()
      buffer.open(receiver)
      buffer.status(text)
      buffer.close()
      return receiver
    }
    const first = say('first')
    buffer.recycle()
    const second = say('secnd')
    expect(first.text).toBe('+secnd\r\n')
    buffer.abandon()
    for (let i = 0; i < 100; i++) {
      say(`other ${i}`)
      buffer.recycle()
    }
    expect(second.text).toBe('+secnd\r\n')
    // The abandoned scratch was used up; its successor is recycled again.
    expect(say('x').segments[0]!.start).toBe(0)
  })
})

test('it is time to send when a long reply has memory of its own, or the scratch was full; not any more when that was sent or left', () => {
  const long = Bytes.over(Buffer.alloc(5000, 'x'))
  for (const end of ['recycle', 'leave', 'abandon'] as const) {
    const buffer = new ReplyBuffer(2048)
    buffer.open(new Receiver())
    expect(buffer.halfFull).toBe(false)
    buffer.bulk(long)
    expect(buffer.halfFull).toBe(true)
    buffer.ok()
    expect(buffer.halfFull).toBe(true)
    buffer.close()
    buffer[end]()
    expect(buffer.halfFull).toBe(false)
  }
})

describe('a row of bulk strings', () => {
  const texts = Array.from({ length: 128 }, (_, length) => 'abcdefghij'.repeat(13).slice(0, length))
  const row = Buffer.concat(texts.map((text) => Buffer.from(`${String.fromCharCode(text.length)}${text}?`, 'latin1')))
  const expected = texts.map((text) => `$${text.length}\r\n${text}\r\n`).join('')

  // Sizes at which the scratch ends in the middle of the row, in headers, content and line ends.
  for (const bytes of [undefined, ...Array.from({ length: 20 }, (_, i) => 150 + 7 * i)]) {
    test(`is written like single ones, with a scratch of ${bytes ?? 'the usual'} bytes`, () => {
      const source = Bytes.over(row).source
      let end = -1
      const text = written(
        2,
        (reply) => {
          reply.text('before')
          end = reply.bulkRow(source, 0, texts.length)
          reply.text('after')
        },
        bytes,
      )
      expect(text).toBe(`$6\r\nbefore\r\n${expected}$5\r\nafter\r\n`)
      expect(end).toBe(row.length)
    })
  }

  test('may begin and end anywhere', () => {
    const source = Bytes.over(row).source
    expect(written(3, (reply) => reply.bulkRow(source, 2 + 3, 2))).toBe('$2\r\nab\r\n$3\r\nabc\r\n')
  })
})

test('a whole double is written as its text would be', () => {
  for (let power = 0; power < 16; power++) {
    for (const value of [10 ** power, 10 ** power - 1, -(10 ** power), 1 - 10 ** power, 2 ** power, 0, -0]) {
      const shown = Object.is(value, -0) ? '-0' : String(value)
      expect(written(2, (reply) => reply.double(value))).toBe(`$${shown.length}\r\n${shown}\r\n`)
      expect(written(3, (reply) => reply.double(value))).toBe(`,${shown}\r\n`)
    }
  }
  expect(written(2, (reply) => reply.double(Number.MAX_SAFE_INTEGER))).toBe('$16\r\n9007199254740991\r\n')
  expect(written(2, (reply) => reply.double(Number.MIN_SAFE_INTEGER))).toBe('$17\r\n-9007199254740991\r\n')
})
