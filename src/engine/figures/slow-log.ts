// SLOWLOG: the commands that took longest to run, the newest first.
//
// An entry has the command's words, shortened as Redis shortens them, and its client; a script's
// own calls have no client. Passwords are not kept. `slowlog-max-len` bounds the log; a lower bound
// takes effect with the next entry.

import type { Config } from '../../config/config.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import { assert } from '../../util/assert.ts'
import { textOf } from '../../util/bytes/text.ts'
import type { Client } from '../clients/client.ts'
import { type Command, isSecret } from '../spec/command.ts'
import type { UnitClock } from '../upkeep/unit-clock.ts'

/** Bytes of an entry without its texts and words. */
const ENTRY_BYTES = 160
const WORD_OVERHEAD_BYTES = 24
/** The most words of an entry, with the one that tells how many are missing. Redis's. */
const WORDS_MAX = 32
/** The most bytes of a word that are shown. A note on the missing bytes follows. Redis's. */
const WORD_BYTES_MAX = 128

export interface SlowLogEntry {
  readonly id: number
  /** Unix time of the command's end. */
  readonly seconds: number
  readonly microseconds: number
  /** As latin1. */
  readonly words: readonly string[]
  /** Both are empty for a script's own call. */
  readonly address: string
  readonly clientName: string
}

export class SlowLog {
  /** Bytes of all entries. */
  bytes = 0
  readonly #config: Config
  readonly #unitClock: UnitClock
  /** The newest last. */
  #entries: SlowLogEntry[] = []
  #nextId = 0

  constructor(config: Config, unitClock: UnitClock) {
    this.#config = config
    this.#unitClock = unitClock
  }

  get length(): number {
    return this.#entries.length
  }

  /** Returns the newest entries, in falling order of time. */
  newest(count: number): readonly SlowLogEntry[] {
    return this.#entries.slice(Math.max(0, this.#entries.length - count)).reverse()
  }

  clear(): void {
    this.#entries = []
    this.bytes = 0
  }

  /** Adds a command that took long enough; `client` is undefined for a script's own call. */
  add(command: Command, args: Arguments, client: Client | undefined, microseconds: number): void {
    const lengthMax = this.#config.get('slowlog-max-len')
    if (lengthMax === 0 || command.flags.has('skip_slowlog')) return
    const entry = {
      id: this.#nextId++,
      seconds: Math.floor(this.#unitClock.now() / 1000),
      microseconds,
      words: shortened(command, args),
      address: client?.connection.transport.address ?? '',
      clientName: client?.identity.name ?? '',
    }
    this.#entries.push(entry)
    this.bytes += bytesOf(entry)
    if (this.#entries.length <= lengthMax) return
    for (const old of this.#entries.splice(0, this.#entries.length - lengthMax)) this.bytes -= bytesOf(old)
    assert(this.bytes >= bytesOf(entry), 'the bytes of the slow log are those of its entries')
  }
}

function bytesOf({ address, clientName, words }: SlowLogEntry): number {
  let bytes = ENTRY_BYTES + address.length + clientName.length
  for (const { length } of words) bytes += WORD_OVERHEAD_BYTES + length
  return bytes
}

function shortened(command: Command, args: Arguments): string[] {
  const words: string[] = []
  const shown = args.length > WORDS_MAX ? WORDS_MAX - 1 : args.length
  for (let i = 0; i < shown; i++) words.push(isSecret(command, args, i) ? '(redacted)' : shortenedWord(args, i))
  if (shown < args.length) words.push(`... (${args.length - shown} more arguments)`)
  assert(words.length <= WORDS_MAX, 'invariant 8: an entry of the slow log keeps a bounded number of words')
  return words
}

function shortenedWord(args: Arguments, i: number): string {
  const word = args.original(i)
  const { length, source, start } = word
  if (length <= WORD_BYTES_MAX) return word.toString()
  const text = textOf(source.u8, start, WORD_BYTES_MAX)
  return `${text}... (${length - WORD_BYTES_MAX} more bytes)`
}
