// All commands by name, in groups. A group is made when one of its commands is first asked for.
//
// A program uses a few dozen of some four hundred commands. All engines of a process share this
// catalog: it tells the group and the number of each name, even before the group is made.

import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import type { Command } from './command.ts'

/** Commands that are made together. */
export interface CommandGroup {
  /**
   * Full names in lower case, `config|get` included, in the order of the commands; a container
   * before its subcommands.
   */
  readonly names: readonly string[]
  commands(): readonly Command[]
}

export class CommandCatalog {
  /** The number of commands, with subcommands. Their numbers begin at 0. */
  readonly idCount: number
  readonly groups: readonly CommandGroup[]
  /** Group → the number of its first command. */
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

  /**
   * Returns the index of a command's group; undefined = there is no such command. `name` is in
   * lower case, and is not a subcommand's.
   */
  find(name: string): number | undefined {
    return this.#groupOf.get(name)
  }

  /** Returns the commands of a group, which is made if it was not before. */
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

/** Makes a group of commands that exist already. */
export function groupOf(commands: readonly Command[]): CommandGroup {
  return { names: commands.map(({ name }) => name), commands: () => commands }
}
