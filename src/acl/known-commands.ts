// What rules must know of commands.

/** A command, as rules speak of it. */
export interface RuleCommand {
  /** Its place in a selector's bitmap: 0, 1, … without gaps. */
  readonly id: number
  /** Lower case; a subcommand's with its container's: `config|get`. */
  readonly name: string
  readonly subcommands: ReadonlyMap<string, RuleCommand> | undefined
}

export interface KnownCommands {
  /** Number of ids. */
  readonly idCount: number
  /** Finds a command by its whole name, in any case. */
  get(name: string): RuleCommand | undefined
  /** The commands of a category, subcommands included; undefined = there is no such category. */
  inCategory(name: string): readonly RuleCommand[] | undefined
}
