// DEBUG PROTOCOL, ERROR: replies of every shape, for authors of clients.

import { ERR, ReplyError } from '../../protocol/errors.ts'
import type { Reply } from '../../protocol/reply.ts'
import type { Call } from '../call.ts'

/** A reply of the given type. */
export function protocol(call: Call): void {
  const write = SHAPES.get(call.args.string(2).toLowerCase())
  if (write === undefined) {
    throw ERR.of(`Wrong protocol type name. Please use one of the following: ${[...SHAPES.keys()].join('|')}`)
  }
  write(call.reply)
}

const SHAPES: ReadonlyMap<string, (reply: Reply) => void> = new Map<string, (reply: Reply) => void>([
  ['string', (reply) => reply.text('Hello World')],
  ['integer', (reply) => reply.integer(12345)],
  ['double', (reply) => reply.printedDouble('3.141')],
  ['bignum', (reply) => reply.bigNumber('1234567999999999999999999999999999999')],
  ['null', (reply) => reply.nil()],
  [
    'array',
    (reply) => {
      reply.array(3)
      for (let i = 0; i < 3; i++) reply.integer(i)
    },
  ],
  [
    'set',
    (reply) => {
      reply.set(3)
      for (let i = 0; i < 3; i++) reply.integer(i)
    },
  ],
  [
    'map',
    (reply) => {
      reply.map(3)
      for (let i = 0; i < 3; i++) {
        reply.integer(i)
        reply.boolean(i === 1)
      }
    },
  ],
  [
    'attrib',
    (reply) => {
      // An attribute is not a reply by itself. A reply follows it, also for clients that get no
      // attributes.
      if (reply.protocol === 3 && reply.attribute !== undefined) {
        reply.attribute(1)
        reply.text('key-popularity')
        reply.array(2)
        reply.text('key:123')
        reply.integer(90)
      }
      reply.text('Some real reply following the attribute')
    },
  ],
  [
    'push',
    (reply) => {
      if (reply.protocol === 2) throw ERR.of('RESP2 is not supported by this command')
      // A push is not a reply. The client gets a reply, and the push after it, as always.
      reply.text('Some real reply following the push reply')
      reply.push(2)
      reply.text('server-cpu-usage')
      reply.integer(42)
    },
  ],
  ['verbatim', (reply) => reply.verbatim('This is a verbatim\nstring')],
  ['true', (reply) => reply.boolean(true)],
  ['false', (reply) => reply.boolean(false)],
])

/** An error with the caller's text, on one line. */
export function error(call: Call): void {
  throw new ReplyError(call.args.string(2).replace(/[\r\n]/g, ' '))
}
