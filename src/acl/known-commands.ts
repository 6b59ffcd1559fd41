// The commands that rules can name. The engine implements this interface.

/** A command as rules name it. */
export interface RuleCommand {
  /** Its index in a selector's bitmap: 0, 1, … without gaps. */
  readonly id: number
  /** Lower case; a subcommand's name includes its container: `config|get`. */
  readonly name: string
  readonly subcommands: ReadonlyMap<string, RuleCommand> | undefined
}

export interface KnownCommands {
  /** Number of ids. */
  readonly idCount: number
  /**
   * Returns a command by its whole name, in any case; a renamed command has its first name here.
   */
  getOriginal(name: string): RuleCommand | undefined
  /**
   * Returns the commands of a category with subcommands; undefined when there is no such category.
   */
  inCategory(name: string): readonly RuleCommand[] | undefined
}
