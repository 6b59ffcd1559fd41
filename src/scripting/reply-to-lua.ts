// Turns a command's reply into Lua values, for redis.call.
//
// The shapes are Redis's. With RESP2, the default of scripts, a status is {ok=…}, an error {err=…}
// and null is false; maps, sets and doubles have the form of RESP2. With RESP3, after
// redis.setresp(3), there are {map=…}, {set=…}, {double=…}, {verbatim_string=…}, {big_number=…},
// booleans, and nil.
//
// Containers under construction are on a stack. A reply is complete when the stack is empty again.

import type { ReplyError } from '../protocol/errors.ts'
import type { Reply } from '../protocol/reply.ts'
import { byteAt } from '../util/array-reads.ts'
import type { Bytes, Source } from '../util/bytes/bytes.ts'
import { textOf } from '../util/bytes/text.ts'
import { formatDouble } from '../util/numbers/numbers.ts'
import { meter, TEXT_BYTES_MAX } from './lua/script-meter.ts'
import { EMPTY_SHAPE } from './lua/shape.ts'
import { LuaTable } from './lua/table.ts'
import type { LuaValue } from './lua/value.ts'

/** Size of a string without its characters. */
const STRING_BYTES = 32

/**
 * Other clients are served each time that this many elements were read: every few milliseconds.
 */
const ELEMENTS_PER_LOOK = 16 * 1024

/** Added to `meter.bytes` while a command runs, so that the meter never throws into it. */
export const REPLY_ALLOWANCE_BYTES = 2 ** 40

/**
 * The largest reply that becomes values. Redis has no such bound. The call fails for a larger
 * reply, and its texts are not made.
 */
const REPLY_BYTES_MAX = TEXT_BYTES_MAX
const ALLOWANCE_LEFT_MIN = REPLY_ALLOWANCE_BYTES - REPLY_BYTES_MAX

const nothing = (): void => {}

type Shape = 'array' | 'map' | 'set'

/** A container with elements still to come. */
interface Open {
  shape: Shape
  /** Elements from index 1 on: those so far, and nil for some of the others. */
  elements: LuaValue[]
  /** Index of the next element. */
  at: number
  /** Elements still to come. */
  missing: number
}

export class ReplyToLua implements Reply {
  protocol: 2 | 3 = 2
  /** The reply, after the command has run. */
  value: LuaValue = undefined
  /** The error that the command replied; undefined when it replied none. */
  failure: ReplyError | undefined = undefined
  /** True when the reply was too large. */
  overflowed = false
  readonly #open: Open[] = []
  #last: Open | undefined = undefined
  readonly #hear: () => void

  /** `hear` is called every few milliseconds during a long reply. It must not throw. */
  constructor(hear: () => void = nothing) {
    this.#hear = hear
  }

  /** Starts a new reply. */
  begin(): void {
    this.value = undefined
    this.failure = undefined
    this.overflowed = false
    if (this.#last !== undefined) {
      this.#open.length = 0
      this.#last = undefined
    }
  }

  startOver(): void {
    this.begin()
  }

  ok(): void {
    this.status('OK')
  }

  status(text: string): void {
    this.#put(record('ok', text))
  }

  error(error: ReplyError): void {
    const table = errorTable(error.text)
    // The error was counted when the command failed.
    table.set('ignore_error_stats_update', true)
    if (this.#last === undefined) this.failure = error
    this.#put(table)
  }

  integer(value: number | bigint): void {
    this.#put(typeof value === 'number' ? value : Number(value))
  }

  bulk(bytes: Bytes): void {
    this.bulkFrom(bytes.source, bytes.start, bytes.length)
  }

  bulkFrom(source: Source, start: number, length: number): void {
    this.#put(this.#stringOf(source, start, length))
  }

  bulkRow(source: Source, start: number, count: number): number {
    const { u8 } = source
    let at = start
    for (let left = count; left > 0; left--) {
      const length = byteAt(u8, at)
      this.#put(this.#stringOf(source, at + 1, length))
      at += length + 2
    }
    return at
  }

  text(latin1: string): void {
    meter.charge(latin1.length + STRING_BYTES)
    this.#put(meter.bytes < ALLOWANCE_LEFT_MIN ? this.#overflow() : latin1)
  }

  nil(): void {
    this.#put(this.protocol === 3 ? undefined : false)
  }

  nilArray(): void {
    this.nil()
  }

  array(length: number): void {
    this.#begin('array', length)
  }

  map(length: number): void {
    this.#begin(this.protocol === 3 ? 'map' : 'array', 2 * length)
  }

  set(length: number): void {
    this.#begin(this.protocol === 3 ? 'set' : 'array', length)
  }

  push(length: number): void {
    this.#begin('array', length)
  }

  double(value: number): void {
    if (this.protocol === 3) this.#put(record('double', value))
    else this.text(formatDouble(value))
  }

  printedDouble(text: string): void {
    if (this.protocol === 3) this.#put(record('double', Number(text)))
    else this.text(text)
  }

  bigNumber(text: string): void {
    if (this.protocol === 3) this.#put(record('big_number', text))
    else this.text(text)
  }

  boolean(value: boolean): void {
    this.#put(this.protocol === 3 ? value : value ? 1 : 0)
  }

  verbatim(latin1: string, format = 'txt'): void {
    if (this.protocol === 2) {
      this.text(latin1)
      return
    }
    meter.charge(latin1.length + STRING_BYTES)
    const parts = record('format', format)
    parts.set('string', latin1)
    this.#put(record('verbatim_string', parts))
  }

  #stringOf(source: Source, start: number, length: number): string {
    meter.charge(length + STRING_BYTES)
    return meter.bytes < ALLOWANCE_LEFT_MIN ? this.#overflow() : textOf(source.u8, start, length)
  }

  #overflow(): string {
    this.overflowed = true
    return ''
  }

  #begin(shape: Shape, missing: number): void {
    if (missing === 0) {
      this.#put(made(shape, [undefined]))
      return
    }
    this.#last = { shape, elements: roomFor(missing), at: 1, missing }
    this.#open.push(this.#last)
  }

  #put(value: LuaValue): void {
    let put = value
    while (true) {
      const last = this.#last
      if (last === undefined) {
        this.value = put
        return
      }
      last.elements[last.at++] = put
      if (--last.missing > 0) {
        if (last.missing % ELEMENTS_PER_LOOK === 0) this.#hear()
        return
      }
      const open = this.#open
      open.pop()
      // Index -1 is avoided: V8 would look for a property of that name.
      this.#last = open.length === 0 ? undefined : open[open.length - 1]
      put = made(last.shape, last.elements)
    }
  }
}

/** Makes {err=…} of an error's text. */
export function errorTable(text: string): LuaTable {
  return record('err', text)
}

/** Makes a table of one field. */
export function record(name: string, value: LuaValue): LuaTable {
  const table = new LuaTable()
  // Made in one step: every SET makes such a table, and few are read.
  table.adoptFields(EMPTY_SHAPE.with(name), [undefined, value])
  return table
}

function made(shape: Shape, elements: LuaValue[]): LuaTable {
  const table = new LuaTable()
  if (shape === 'array') {
    if (elements.length > 1) table.adopt(elements)
    return table
  }
  if (shape === 'set') {
    for (let i = 1; i < elements.length; i++) if (elements[i] !== undefined) table.set(elements[i], true)
    return record('set', table)
  }
  for (let i = 1; i < elements.length; i += 2) if (elements[i] !== undefined) table.set(elements[i], elements[i + 1])
  return record('map', table)
}

/** Enough nils for most replies and argument lists, and one unused slot. */
const NILS: readonly LuaValue[] = Array.from<LuaValue>({ length: 65 }).fill(undefined)

/**
 * Returns an array for elements from index 1 to `count`, with exactly that size. Pushing to an
 * array of one element allocates sixteen more, which was a seventh of all garbage of a job's
 * scripts.
 */
export function roomFor(count: number): LuaValue[] {
  return count < NILS.length ? NILS.slice(0, count + 1) : [undefined]
}
