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
  readonly #byName = new Map<string, Command>()
  /** The name that was looked up last and found, and its command. */
  #lastName: string | undefined = undefined
  #last: Command | undefined = undefined

  constructor(commands: CommandTable) {
    this.#commands = commands
  }

  has(name: string): boolean {
    return this.find(name) !== undefined
  }

  /** Returns the command of a name; undefined = there is none, or it is not plain. */
  find(name: string): Command | undefined {
    if (name === this.#lastName) return this.#last
    const found = this.#byName.get(name) ?? this.#look(name)
    if (found === undefined) return undefined
    this.#lastName = name
    this.#last = found
    return found
  }

  #look(name: string): Command | undefined {
    if (typeof name !== 'string') return undefined
    const found = this.#commands.get(name)
    if (found === undefined || found.subcommands !== undefined) return undefined
    if (found.spec.changesConnection !== undefined || mayWait(found)) return undefined
    if (this.#byName.size < NAMES_MAX) this.#byName.set(name, found)
    return found
  }
}

/** Returns true if a command may park its client. */
export function mayWait({ flags, spec }: Pick<Command, 'flags' | 'spec'>): boolean {
  return flags.has('blocking') || spec.mayWait === true
}
