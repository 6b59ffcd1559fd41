// Commands that any call may run as they are: they change no connection, have no subcommands, and
// never wait. The others are looked at once more for each call (`Broker`, `Session`).

import type { Command } from '../engine/spec/command.ts'
import type { CommandTable } from '../engine/spec/command-table.ts'

/**
 * The most names that are remembered: a name may be written in many mixtures of upper and lower
 * case, but programs use a few.
 */
const NAMES_MAX = 1024

export class PlainCommands {
  readonly #commands: CommandTable
  /** Names as callers write them. */
  readonly #names = new Set<string>()
  /** The name that was looked up last and found. */
  #last: string | undefined = undefined

  constructor(commands: CommandTable) {
    this.#commands = commands
  }

  has(name: string): boolean {
    if (name === this.#last) return true
    if (!this.#names.has(name) && !this.#look(name)) return false
    this.#last = name
    return true
  }

  #look(name: string): boolean {
    if (typeof name !== 'string') return false
    const found = this.#commands.get(name)
    if (found === undefined || found.subcommands !== undefined) return false
    if (found.spec.changesConnection !== undefined || mayWait(found)) return false
    if (this.#names.size < NAMES_MAX) this.#names.add(name)
    return true
  }
}

/** Returns true if a command may park its client. */
export function mayWait({ flags, spec }: Pick<Command, 'flags' | 'spec'>): boolean {
  return flags.has('blocking') || spec.mayWait === true
}
