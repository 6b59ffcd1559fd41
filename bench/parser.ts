// Is a request parser of our own worth it? The same pipelined requests through RequestParser and
// through redis-parser.
//
// redis-parser is made for replies, but a request is a RESP array of bulks, which
// a reply may be too: so it can read requests. Asked to return buffers, as a server
// that must not spoil bytes needs it.

import Parser from 'redis-parser'
import type { Arguments } from '../src/protocol/arguments.ts'
import { RequestParser } from '../src/protocol/request-parser.ts'
import { Source } from '../src/util/bytes/bytes.ts'
import { median } from './pairs.ts'
import { type Answer, perSecond, type Question, type Row, type Scale } from './question.ts'
import { encode } from './wire.ts'

/** The most bytes that one read of a socket brings. */
const READ_BYTES = 64 * 1024

const SAMPLES = [
  { what: 'GET, 16 B key', request: encode('GET', 'key:000000012345') },
  { what: 'SET, 16 B key, 64 B value', request: encode('SET', 'key:000000012345', 'v'.repeat(64)) },
  {
    what: 'MSET, 10 keys',
    request: encode('MSET', ...Array.from({ length: 10 }, (_, i) => [`key:00000001234${i}`, 'v'.repeat(64)]).flat()),
  },
  { what: 'LPUSH, 4 KiB element', request: encode('LPUSH', 'queue', 'v'.repeat(4096)) },
]

async function ask(scale: Scale): Promise<Answer> {
  const rows: Row[] = []
  for (const { what, request } of SAMPLES) {
    const count = Math.max(1, Math.floor(READ_BYTES / request.length))
    const chunk = Buffer.from(request.repeat(count))
    const ours: number[] = []
    const theirs: number[] = []
    for (let i = 0; i < 3; i++) {
      ours.push(rate(ownParser(chunk), count, scale))
      theirs.push(rate(redisParser(chunk), count, scale))
    }
    const ratio = median(ours.map((value, i) => value / theirs[i]!))
    const row: Row = {
      what: `${what}: requests parsed`,
      respite: perSecond(median(ours)),
      redis: perSecond(median(theirs)),
      figure: `${ratio.toFixed(1)} ×`,
      target: '',
      met: undefined,
    }
    rows.push(row)
    console.log(`  ${row.what}: ${row.respite} : ${row.redis} = ${row.figure}`)
  }
  return {
    title: 'Request parser: ours, and redis-parser in the column of redis-server',
    commandLines: [],
    rows,
    notes: [
      `Whole requests in reads of ${READ_BYTES / 1024} KiB; each parser looks at every argument's length. Decision: docs/decisions/0001-request-parser.md.`,
    ],
  }
}

/** Requests per second of a function that parses `count` of them. */
function rate(parse: () => void, count: number, scale: Scale): number {
  for (let i = 0; i < (scale.quick ? 1 : 300); i++) parse()
  let done = 0
  const started = performance.now()
  const end = started + scale.seconds * 1000
  do {
    for (let i = 0; i < 20; i++) parse()
    done += 20 * count
  } while (performance.now() < end)
  const perSecond = (done / (performance.now() - started)) * 1000
  if (seenBytes === 0) throw new Error('nothing was parsed')
  return perSecond
}

/** Never looked at; it keeps the work from being optimised away. */
let seenBytes = 0

function ownParser(chunk: Buffer): () => void {
  const parser = new RequestParser()
  const source = new Source(chunk)
  const handler = {
    halted: false,
    authenticated: true,
    bulkBytesMax: 512 * 1024 * 1024,
    queryBufferBytesMax: 1024 * 1024 * 1024,
    request(args: Arguments) {
      for (let i = 0; i < args.length; i++) seenBytes += args.bytes(i).length
    },
  }
  return () => parser.feed(source, 0, chunk.length, handler)
}

function redisParser(chunk: Buffer): () => void {
  const parser = new Parser({
    returnBuffers: true,
    returnReply(reply) {
      for (const argument of reply as Buffer[]) seenBytes += argument.length
    },
    returnError(error) {
      throw error
    },
  })
  return () => parser.execute(chunk)
}

export const parser: Question = { name: 'parser', ask }
