// BITFIELD, BITFIELD_RO: a string as an array of integers of any width.
//
// All operations are read before the first is done, so a mistake in the last
// leaves the string as it was. Only when one of them writes is the string
// opened for writing, and then long enough for all of them.

import type { Options } from '../../engine/requests/options.ts'
import type { ArgSpec } from '../../engine/spec/command.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import { ERR } from '../../protocol/errors.ts'
import {
  addToField,
  type FieldType,
  type Overflow,
  readField,
  setField,
  writeField,
} from '../../store/derived/bit-field.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { parseInteger } from '../../util/numbers/numbers.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { bitOffset } from './bit-offset.ts'
import { openBits } from './writable-bits.ts'

interface Operation {
  verb: 'GET' | 'SET' | 'INCRBY'
  type: FieldType
  offset: number
  /** The number to set or to add. */
  operand: number | bigint
  overflow: Overflow
}

const value = new Bytes()
const width = new Bytes()

const LETTER_I = 105
const LETTER_U = 117

function bitField(call: Call, access: 'write' | 'read'): void {
  const operations = readOperations(call)
  const { reply } = call
  let last = -1
  for (const { verb, offset, type } of operations) {
    if (verb === 'GET') continue
    if (access === 'read') throw ERR.bitfieldReadOnly
    last = Math.max(last, Math.floor((offset + type.bits - 1) / 8))
  }
  let grown = false
  if (last !== -1) grown = openBits(call.db, call.key(1), last, value)
  else if (!call.db.readString(call.key(1), value)) value.length = 0

  let changes = 0
  reply.array(operations.length)
  for (const { verb, type, offset, operand, overflow } of operations) {
    const old = readField(value, offset, type)
    if (verb === 'GET') {
      reply.integer(old)
      continue
    }
    const next = verb === 'SET' ? setField(type, operand, overflow) : addToField(type, old, operand, overflow)
    if (next === undefined) {
      reply.nil()
      continue
    }
    reply.integer(verb === 'SET' ? old : next)
    writeField(value, offset, type, next)
    if (grown || old !== next) changes++
  }
  if (changes > 0) {
    call.changed(call.key(1), 'setbit', changes)
  } else if (grown) {
    // Every operation failed, but the string has become longer. Redis reports no change; the
    // journal needs it.
    call.changedWithin(call.key(1))
  }
}

function readOperations(call: Call): Operation[] {
  const operations: Operation[] = []
  let overflow: Overflow = 'WRAP'
  const options = call.options(2)
  while (options.next()) {
    const verb = options.is('GET') ? 'GET' : options.is('SET') ? 'SET' : options.is('INCRBY') ? 'INCRBY' : undefined
    if (verb === undefined) {
      if (!options.is('OVERFLOW') || !options.has(1)) throw ERR.syntax
      overflow = overflowOf(options)
      continue
    }
    if (!options.has(verb === 'GET' ? 2 : 3)) throw ERR.syntax
    const type = fieldType(options.bytes())
    options.next()
    const offset = bitOffset(call, options.index, type.bits)
    const operand = verb !== 'GET' && options.next() ? call.args.integer(options.index) : 0
    operations.push({ verb, type, offset, operand, overflow })
  }
  return operations
}

function overflowOf(options: Options): Overflow {
  options.next()
  if (options.is('WRAP')) return 'WRAP'
  if (options.is('SAT')) return 'SAT'
  if (options.is('FAIL')) return 'FAIL'
  throw ERR.bitfieldOverflow
}

/** Reads `i1` … `i64`, `u1` … `u63`. */
function fieldType(word: Bytes): FieldType {
  const letter = word.length === 0 ? 0 : word.at(0)
  if (letter !== LETTER_I && letter !== LETTER_U) throw ERR.bitfieldType
  const signed = letter === LETTER_I
  const bits = parseInteger(width.set(word.source, word.start + 1, word.length - 1))
  if (typeof bits !== 'number' || bits < 1 || bits > (signed ? 64 : 63)) throw ERR.bitfieldType
  return { signed, bits }
}

const get: ArgSpec = {
  name: 'get-block',
  type: 'block',
  token: 'GET',
  args: [
    { name: 'encoding', type: 'string' },
    { name: 'offset', type: 'integer' },
  ],
}

const common = {
  group: 'bitmap',
  complexity: 'O(1) for each operation.',
  arity: -2,
} as const satisfies Partial<CommandSpec>

export const bitfield = defineCommand({
  ...common,
  name: 'BITFIELD',
  summary: 'Reads, sets and increments integers of any width within a string.',
  since: '3.2.0',
  flags: ['write', 'denyoom'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: ['access', 'update'], flags: ['variable_flags'], flagsOf }],
  args: [
    { name: 'key', type: 'key' },
    {
      name: 'operation',
      type: 'oneof',
      optional: true,
      multiple: true,
      args: [
        get,
        {
          name: 'write',
          type: 'block',
          args: [
            {
              name: 'overflow-block',
              type: 'oneof',
              token: 'OVERFLOW',
              optional: true,
              args: [
                { name: 'wrap', type: 'pure-token', token: 'WRAP' },
                { name: 'sat', type: 'pure-token', token: 'SAT' },
                { name: 'fail', type: 'pure-token', token: 'FAIL' },
              ],
            },
            {
              name: 'write-operation',
              type: 'oneof',
              args: [
                {
                  name: 'set-block',
                  type: 'block',
                  token: 'SET',
                  args: [
                    { name: 'encoding', type: 'string' },
                    { name: 'offset', type: 'integer' },
                    { name: 'value', type: 'integer' },
                  ],
                },
                {
                  name: 'incrby-block',
                  type: 'block',
                  token: 'INCRBY',
                  args: [
                    { name: 'encoding', type: 'string' },
                    { name: 'offset', type: 'integer' },
                    { name: 'increment', type: 'integer' },
                  ],
                },
              ],
            },
          ],
        },
      ],
    },
  ],
  reply: 'array: for each operation the value read, the one before SET or the one after INCRBY; nil where FAIL kept it',
  run: (call) => bitField(call, 'write'),
})

export const bitfieldRo = defineCommand({
  ...common,
  name: 'BITFIELD_RO',
  summary: 'Reads integers of any width within a string.',
  since: '6.0.0',
  flags: ['readonly', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  args: [
    { name: 'key', type: 'key' },
    { ...get, optional: true, multiple: true, multipleToken: true },
  ],
  reply: 'array: the value of each field',
  run: (call) => bitField(call, 'read'),
})

const READS = ['RO', 'access'] as const
const WRITES = ['RW', 'access', 'update'] as const

/**
 * Returns the flags of a BITFIELD call. It only reads if all its subcommands are GET or OVERFLOW. A
 * word that is no subcommand may stand for any of them.
 */
function flagsOf(args: Arguments, from: number): readonly string[] {
  for (let i = from + 2; i < args.length; i++) {
    const following = args.length - i - 1
    if (args.equalsIgnoreCase(i, 'GET') && following >= 2) i += 2
    else if (args.equalsIgnoreCase(i, 'OVERFLOW') && following >= 1) i += 1
    else return WRITES
  }
  return READS
}
