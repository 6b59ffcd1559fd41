// One cursor over a command's options, so that all commands give the same errors.
//
//   const options = call.options(3)
//   while (options.next()) {
//     if (options.is('NX')) onlyIf = 'missing'
//     else if (options.is('COUNT')) count = options.integer(1)
//     else throw ERR.syntax
//   }

import type { Arguments } from '../../protocol/arguments.ts'
import { ERR, type ReplyError } from '../../protocol/errors.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'

export class Options {
  #args!: Arguments
  #at = 0

  /** Starts over at argument `first`. */
  begin(args: Arguments, first: number): this {
    this.#args = args
    this.#at = first - 1
    return this
  }

  /** Moves to the next word; false at the end. */
  next(): boolean {
    return ++this.#at < this.#args.length
  }

  /** Position of the current word among the arguments. */
  get index(): number {
    return this.#at
  }

  /** Tells whether the current word is `upperCase`, in any case. */
  is(upperCase: string): boolean {
    return this.#args.equalsIgnoreCase(this.#at, upperCase)
  }

  /** True when at least `count` words follow the current one. */
  has(count: number): boolean {
    return this.#at + count < this.#args.length
  }

  /** Takes the next word as a value. Throws ERR.syntax at the end. */
  bytes(): Bytes {
    if (++this.#at >= this.#args.length) throw ERR.syntax
    return this.#args.bytes(this.#at)
  }

  string(): string {
    return this.bytes().toString()
  }

  /**
   * Takes the next word as an integer in [min, max]. Throws ERR.notInteger, or `outOfRange` when it
   * is one outside.
   */
  integer(
    min: number = Number.MIN_SAFE_INTEGER,
    max: number = Number.MAX_SAFE_INTEGER,
    outOfRange: ReplyError = ERR.notInteger,
  ): number {
    if (++this.#at >= this.#args.length) throw ERR.syntax
    const value = this.#args.integer(this.#at)
    if (typeof value === 'bigint' || value < min || value > max) throw outOfRange
    return value
  }
}
