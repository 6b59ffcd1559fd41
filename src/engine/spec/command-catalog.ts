// All commands by their names, in groups that are made when one of theirs is first asked for.
//
// A program uses a few dozen of some four hundred commands. What all engines of a process share is here: which group a name belongs to and
// which number it has, whether or not the group was made.

import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import type { Command } from './command.ts'

/** Commands that come into being together. */
export interface CommandGroup {
  /** Full names in lower case, `config|get` included, in the order of the commands; a container before its subcommands. */
  readonly names: readonly string[]
  commands(): readonly Command[]
}

export class CommandCatalog {
  /** How many commands there are, subcommands included: they are numbered from 0 on. */
  readonly idCount: number
  readonly groups: readonly CommandGroup[]
  /** The number of each group's first command. */
  readonly firstIds: readonly number[]
  readonly #groupOf = new Map<string, number>()

  constructor(groups: readonly CommandGroup[]) {
    this.groups = groups
    const firstIds: number[] = []
    let id = 0
    for (const [group, { names }] of groups.entries()) {
      firstIds.push(id)
      id += names.length
      for (const name of names) {
        if (name.includes('|')) continue
        if (this.#groupOf.has(name)) throw new Error(`${name} is registered twice`)
        this.#groupOf.set(name, group)
      }
    }
    this.firstIds = firstIds
    this.idCount = id
  }

  /** Returns a catalog with more commands. */
  with(commands: readonly Command[]): CommandCatalog {
    return new CommandCatalog([...this.groups, groupOf(commands)])
  }

  /** Returns the place of the group that a command belongs to; `name` is in lower case and no subcommand's. Undefined = there is no such command. */
  find(name: string): number | undefined {
    return this.#groupOf.get(name)
  }

  /** Returns the commands of a group, made now if they were not before. */
  commandsOf(group: number): readonly Command[] {
    const { names } = itemAt(this.groups, group)
    const commands = itemAt(this.groups, group).commands()
    assert(
      commands.length === names.length && commands.every(({ name }, i) => name === names[i]),
      'the names of commands are up to date (npm run docs)',
    )
    return commands
  }
}

/** Makes a group of commands that are there already. */
export function groupOf(commands: readonly Command[]): CommandGroup {
  return { names: commands.map(({ name }) => name), commands: () => commands }
}
