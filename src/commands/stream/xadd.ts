// XADD: adds an entry to a stream, and may trim it.
//
// The journaled command names the id that was made and the exact length after trimming (invariant
// 4). For that, the request's own arguments are changed.

import { ERR } from '../../protocol/errors.ts'
import { NODE_BYTES_LIMIT, Stream, writeStreamId } from '../../store/stream/stream.ts'
import { ID_INVALID, ID_WANTS_SEQUENCE, parseStreamId, StreamId } from '../../store/stream/stream-id.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { replaceById, STAR, TrimOptions } from './stream-arguments.ts'

const trim = new TrimOptions()
const asked = new StreamId()
const id = new StreamId()

/** How much of the id the request gives. */
type Given = 'nothing' | 'time' | 'all'

function xaddRun(call: Call): void {
  const { args } = call
  trim.begin()
  let create = true
  let given: Given = 'nothing'
  let at = 2
  for (; at < args.length; at++) {
    const word = args.bytes(at)
    if (word.length === 1 && word.at(0) === STAR) break
    const taken = trim.take(call, at)
    if (taken !== -1) {
      at = taken
    } else if (args.equalsIgnoreCase(at, 'NOMKSTREAM')) {
      create = false
    } else {
      given = readGiven(word)
      break
    }
  }
  trim.check(call)
  const first = at + 1
  const words = args.length - first
  if (words < 2 || (words & 1) === 1) throw ERR.arity(call.command.name)
  if (given === 'all' && asked.isZero) throw ERR.streamIdZero

  const key = call.key(1)
  const existing = call.db.getForWrite(key, Stream)
  if (existing === undefined && !create) {
    call.reply.nil()
    return
  }
  if (existing?.lastId.isMax) throw ERR.streamExhausted
  chooseId(call, existing?.lastId ?? ZERO, given)
  if (words > 1 && tooLarge(call, first)) throw ERR.streamEntryTooLarge

  const stream = existing ?? new Stream(call.db.arena)
  const { nodeBytes, nodeEntries } = call.db.host.limits.stream
  try {
    stream.append(id, args, first, words >>> 1, nodeBytes, nodeEntries)
  } catch (error) {
    if (existing === undefined) stream.free()
    throw error
  }
  if (existing === undefined) call.db.create(key, stream)
  if (given === 'all') {
    writeStreamId(call.reply, id)
  } else {
    replaceById(call, at, id)
    call.reply.bulk(args.bytes(at))
  }
  call.changed(key, 'xadd')
  call.wake(key)
  if (trim.strategy !== 'none') {
    if (trim.trim(stream) > 0) call.notify(key, 'xtrim')
    if (trim.approximate) trim.makeExact(call, stream)
  }
}

const ZERO = new StreamId()

function readGiven(word: Bytes): Given {
  const result = parseStreamId(word, asked, 0, true)
  if (result === ID_INVALID) throw ERR.streamId
  return result === ID_WANTS_SEQUENCE ? 'time' : 'all'
}

/** Makes the entry's id. Throws if it is not above the last id. */
function chooseId(call: Call, last: StreamId, given: Given): void {
  if (given === 'nothing') {
    id.setTime(call.now())
    if (id.compare(last) <= 0) id.copyFrom(last).increment()
    return
  }
  id.copyFrom(asked)
  if (given === 'time' && id.sameTime(last)) {
    if (last.sequenceIsMax) throw ERR.streamIdNotAbove
    id.copyFrom(last).increment()
  }
  if (id.compare(last) <= 0) throw ERR.streamIdNotAbove
}

/** Returns true if an entry's words are more than a node may ever hold. */
function tooLarge(call: Call, first: number): boolean {
  let bytes = 0
  for (let i = first; i < call.args.length; i++) bytes += call.args.bytes(i).length
  return bytes > NODE_BYTES_LIMIT
}

export const xadd = defineCommand({
  name: 'XADD',
  summary: 'Adds an entry to a stream, creating it if needed.',
  group: 'stream',
  since: '5.0.0',
  complexity: 'O(1) for the entry, O(N) with N entries trimmed.',
  arity: -5,
  flags: ['write', 'denyoom', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'update' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'nomkstream', type: 'pure-token', token: 'NOMKSTREAM', optional: true, since: '6.2.0' },
    {
      name: 'trim',
      type: 'block',
      optional: true,
      args: [
        {
          name: 'strategy',
          type: 'oneof',
          args: [
            { name: 'maxlen', type: 'pure-token', token: 'MAXLEN' },
            { name: 'minid', type: 'pure-token', token: 'MINID', since: '6.2.0' },
          ],
        },
        {
          name: 'operator',
          type: 'oneof',
          optional: true,
          args: [
            { name: 'equal', type: 'pure-token', token: '=' },
            { name: 'approximately', type: 'pure-token', token: '~' },
          ],
        },
        { name: 'threshold', type: 'string' },
        { name: 'count', type: 'integer', token: 'LIMIT', optional: true, since: '6.2.0' },
      ],
    },
    {
      name: 'id-selector',
      type: 'oneof',
      args: [
        { name: 'auto-id', type: 'pure-token', token: '*' },
        { name: 'id', type: 'string' },
      ],
    },
    {
      name: 'data',
      type: 'block',
      multiple: true,
      args: [
        { name: 'field', type: 'string' },
        { name: 'value', type: 'string' },
      ],
    },
  ],
  tips: ['nondeterministic_output'],
  reply: 'bulk string: the id of the entry; nil with NOMKSTREAM when there is no stream',
  history: [
    ['6.2.0', 'Takes NOMKSTREAM, MINID and LIMIT.'],
    ['7.0.0', 'Takes ids whose sequence is to be made: `<ms>-*`.'],
  ],
  run: xaddRun,
})
