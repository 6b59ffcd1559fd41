// Runs every request of a test both ways: its reply is written as bytes, which the test looks at, and made as values, as a
// direct call has it (src/engine/requests/direct-calls.ts). Both must say the same.

import { isDeepStrictEqual } from 'node:util'
import { expect } from 'vitest'
import type { Client } from '../../src/engine/clients/client.ts'
import type { Engine } from '../../src/engine/engine.ts'
import type { Call } from '../../src/engine/requests/call.ts'
import type { Arguments } from '../../src/protocol/arguments.ts'
import type { ReplyError } from '../../src/protocol/errors.ts'
import type { Reply } from '../../src/protocol/reply.ts'
import type { ReplyBuffer } from '../../src/protocol/reply-buffer.ts'
import { ReplyToValues } from '../../src/protocol/reply-to-values.ts'
import { CommandError, type ReplyValue, ReplyValueReader } from '../../src/protocol/reply-value.ts'
import type { Bytes, Source } from '../../src/util/bytes/bytes.ts'
import { utf8Of } from '../../src/util/bytes/text.ts'

type Value = ReplyValue<string | Buffer>

/** How many replies were compared in this process. */
export const compared = { replies: 0 }

/** No direct calls: they reply once for each channel. Or another client is replied to while they run. */
const SEVERAL_REPLIES = /subscribe$|^client\|unblock$/

/** Writes a reply into bytes and into values. */
class Both implements Reply {
  readonly protocol: 2 | 3
  readonly #bytes: ReplyBuffer
  readonly #source: Source
  readonly #position: number
  readonly #values: readonly ReplyToValues[]

  constructor(bytes: ReplyBuffer, values: readonly ReplyToValues[], protocol: 2 | 3) {
    this.protocol = protocol
    this.#bytes = bytes
    this.#source = bytes.source
    this.#position = bytes.position
    this.#values = values
  }

  #each(write: (reply: Reply) => void): void {
    for (const reply of this.#values) write(reply)
    write(this.#bytes)
  }

  startOver(): void {
    for (const reply of this.#values) reply.startOver()
    expect(this.#bytes.rewind(this.#source, this.#position)).toBe(true)
  }

  setProtocol(protocol: 2 | 3): void {
    for (const reply of this.#values) reply.setProtocol(protocol)
    this.#bytes.setProtocol(protocol)
  }

  ok(): void {
    this.#each((reply) => reply.ok())
  }

  status(text: string): void {
    this.#each((reply) => reply.status(text))
  }

  error(error: ReplyError): void {
    this.#each((reply) => reply.error(error))
  }

  integer(value: number | bigint): void {
    this.#each((reply) => reply.integer(value))
  }

  bulk(bytes: Bytes): void {
    this.#each((reply) => reply.bulk(bytes))
  }

  bulkFrom(source: Source, start: number, length: number): void {
    this.#each((reply) => reply.bulkFrom(source, start, length))
  }

  bulkRow(source: Source, start: number, count: number): number {
    for (const reply of this.#values) reply.bulkRow(source, start, count)
    return this.#bytes.bulkRow(source, start, count)
  }

  text(latin1: string): void {
    this.#each((reply) => reply.text(latin1))
  }

  nil(): void {
    this.#each((reply) => reply.nil())
  }

  nilArray(): void {
    this.#each((reply) => reply.nilArray())
  }

  array(length: number): void {
    this.#each((reply) => reply.array(length))
  }

  map(length: number): void {
    this.#each((reply) => reply.map(length))
  }

  set(length: number): void {
    this.#each((reply) => reply.set(length))
  }

  push(length: number): void {
    this.#each((reply) => reply.push(length))
  }

  double(value: number): void {
    this.#each((reply) => reply.double(value))
  }

  printedDouble(text: string): void {
    this.#each((reply) => reply.printedDouble(text))
  }

  boolean(value: boolean): void {
    this.#each((reply) => reply.boolean(value))
  }

  bigNumber(text: string): void {
    this.#each((reply) => reply.bigNumber(text))
  }

  verbatim(latin1: string, format?: string): void {
    this.#each((reply) => reply.verbatim(latin1, format))
  }
}

/** Has an engine answer all requests both ways from now on. */
export function answerBothWays(engine: Engine): void {
  const { dispatch, replies } = engine.requests
  const original = dispatch.dispatch.bind(dispatch)
  const text = new ReplyToValues()
  const bytes = new ReplyToValues()
  dispatch.dispatch = (client: Client, args: Arguments, call: Call): void => {
    // Whose reply is not a client's own has no values to be compared.
    if (call.reply !== replies) {
      original(client, args, call)
      return
    }
    const { source, position } = replies
    text.begin(client.protocol, false)
    bytes.begin(client.protocol, true)
    call.reply = new Both(replies, [text, bytes], client.protocol)
    try {
      original(client, args, call)
    } finally {
      call.reply = replies
    }
    // A refusal is written as bytes alone; a reply that is longer than the buffer went into several.
    if (!text.isWhole || replies.source !== source || replies.position === position) return
    const written = source.u8.subarray(position, replies.position)
    const texts = valuesIn(written, utf8Of)
    if (texts.length > 1) {
      expect(call.command.name).toMatch(SEVERAL_REPLIES)
      return
    }
    expectSame(comparable(text.value), comparable(texts[0] ?? null))
    expectSame(comparable(bytes.value), comparable(valuesIn(written, copyOf)[0] ?? null))
    compared.replies++
  }
}

/** The test library's comparison explains a difference, but walks every byte of a buffer as a property. */
function expectSame(found: unknown, wanted: unknown): void {
  if (isDeepStrictEqual(found, wanted)) return
  expect(found).toStrictEqual(wanted)
  expect.unreachable('the values differ')
}

function valuesIn(written: Buffer, decode: (u8: Buffer, start: number, length: number) => string | Buffer): Value[] {
  const found: Value[] = []
  new ReplyValueReader<string | Buffer>(decode, { reply: (value) => void found.push(value), push() {} }).feed(written)
  return found
}

function copyOf(u8: Buffer, start: number, length: number): Buffer {
  return Buffer.from(u8.subarray(start, start + length))
}

/** An error is compared by its text, and a map or set by its elements in their order. */
function comparable(value: Value): unknown {
  if (value instanceof CommandError) return { error: value.message }
  if (Array.isArray(value)) return value.map(comparable)
  if (value instanceof Set) return { set: [...value].map(comparable) }
  if (value instanceof Map) return { map: [...value].flat().map(comparable) }
  return value
}
