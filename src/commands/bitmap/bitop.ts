// BITOP: combines strings bit by bit. Shorter strings are filled up with zeros.

import { ERR } from '../../protocol/errors.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { TYPE_STRING } from '../../store/structures/value.ts'
import { type BitOperation, combineBits, invertBits } from '../../util/bytes/bitops.ts'
import { Bytes, copyBytes, Source } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'

const value = new Bytes()
const other = new Bytes()
const result = new Bytes()

function operationOf(word: Bytes): BitOperation | 'NOT' {
  if (word.equalsIgnoreCase('AND')) return 'AND'
  if (word.equalsIgnoreCase('OR')) return 'OR'
  if (word.equalsIgnoreCase('XOR')) return 'XOR'
  if (word.equalsIgnoreCase('NOT')) return 'NOT'
  throw ERR.syntax
}

/** Computes the combination of the strings named from argument 3 on, in `result`. */
function combine(call: Call, operation: BitOperation | 'NOT'): void {
  const { length } = result
  readSource(call, 3, value)
  if (operation === 'NOT') {
    invertBits(result, value, length)
    return
  }
  let from = 4
  /** Bytes of the result that may be other than zero. */
  let written: number
  if (call.args.length === 4) {
    written = value.length
    copyInto(result, value, 0, written)
  } else {
    readSource(call, from++, other)
    const common = Math.min(value.length, other.length)
    const longer = value.length > common ? value : other
    combineBits(operation, result, value, other, common)
    written = operation === 'AND' ? common : longer.length
    copyInto(result, longer, common, written)
  }
  clear(result, written)
  for (; from < call.args.length; from++) {
    readSource(call, from, other)
    combineBits(operation, result, result, other, other.length)
    // Beyond the shortest string AND gives zeros.
    if (operation === 'AND') clear(result, other.length)
  }
}

/** Copies bytes `from` to `to` of one string to the same place in another, or in itself. */
function copyInto(target: Bytes, origin: Bytes, from: number, to: number): void {
  if (target.source === origin.source && target.start === origin.start) return
  copyBytes(target.source, target.start + from, origin.source, origin.start + from, to - from)
}

function clear(target: Bytes, from: number): void {
  target.source.u8.fill(0, target.start + from, target.start + target.length)
}

/**
 * Writes the result over the destination's string if that has the same length and may be
 * overwritten. Allocating 4 MiB and freeing them takes three times as long as combining them.
 * Returns false if nothing was written.
 */
function combineInPlace(call: Call, operation: BitOperation | 'NOT', destination: Bytes, length: number): boolean {
  const { db } = call
  const found = db.find(destination)
  if (found === NONE || db.typeOf(found) !== TYPE_STRING || db.strings.lengthOf(found) !== length) return false
  // The first two sources are read before they are overwritten. A later source would be lost by
  // then.
  for (let i = 5; i < call.args.length; i++) if (db.find(call.key(i)) === found) return false
  const entry = db.findForWrite(destination)
  db.strings.resize(entry, length, result)
  combine(call, operation)
  db.clearExpiry(entry)
  return true
}

/**
 * Points a window at a string that `run` has already read; `run` has counted it as a hit or a miss.
 */
function readSource(call: Call, i: number, window: Bytes): void {
  const entry = call.db.find(call.key(i))
  if (entry === NONE) window.length = 0
  else call.db.strings.read(entry, window)
}

export const bitop = defineCommand({
  name: 'BITOP',
  summary: 'Combines strings bit by bit and stores the result.',
  group: 'bitmap',
  since: '2.6.0',
  complexity: 'O(n), n being the total length of the strings.',
  arity: -4,
  flags: ['write', 'denyoom'],
  keys: [
    { first: 2, last: 2, step: 1, access: 'OW', use: 'update' },
    { first: 3, last: -1, step: 1, access: 'RO', use: 'access' },
  ],
  args: [
    {
      name: 'operation',
      type: 'oneof',
      args: [
        { name: 'and', type: 'pure-token', token: 'AND' },
        { name: 'or', type: 'pure-token', token: 'OR' },
        { name: 'xor', type: 'pure-token', token: 'XOR' },
        { name: 'not', type: 'pure-token', token: 'NOT' },
      ],
    },
    { name: 'destkey', type: 'key' },
    { name: 'key', type: 'key', multiple: true },
  ],
  reply: 'integer: the length of the result, which is that of the longest string',
  run(call) {
    const operation = operationOf(call.args.bytes(1))
    if (operation === 'NOT' && call.args.length !== 4) throw ERR.bitopNotSources
    const destination = call.key(2)
    let length = 0
    for (let i = 3; i < call.args.length; i++) {
      if (call.db.readString(call.key(i), value)) length = Math.max(length, value.length)
    }
    if (length === 0) {
      if (call.db.delete(destination)) call.changed(destination, 'del')
    } else {
      if (!combineInPlace(call, operation, destination, length)) {
        result.set(Source.allocate(length), 0, length)
        combine(call, operation)
        const entry = call.db.writeString(destination, result, false, true)
        // As in Redis, the result has the raw encoding, even if it looks like an integer.
        call.db.strings.resize(entry, length, value)
      }
      call.changed(destination, 'set')
    }
    call.reply.integer(length)
  },
})
