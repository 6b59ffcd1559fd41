// The reasons why a rule cannot be applied, in Redis's words.

export class RuleError extends Error {
  override name = 'RuleError'
  /**
   * True when the rule names an unknown command or category. Such a rule holds no secret and may be
   * logged.
   */
  readonly isUnknownName: boolean

  constructor(reason: string, isUnknownName = false) {
    super(reason)
    this.isUnknownName = isUnknownName
  }
}

export const REASONS = {
  syntax: 'Syntax error',
  unknownName: 'Unknown command or category name in ACL',
  keysAfterAll:
    "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns",
  channelsAfterAll:
    "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try 'resetchannels' to start with an empty list of channels",
  noSuchPassword: 'The password you are trying to remove from the user does not exist',
  passwordHash: 'The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters',
  duplicateUser: 'Duplicate user found. A user can only be defined once in config files',
  subcommandArgument: 'Allowing first-arg of a subcommand is not supported',
} as const

/**
 * Tells whether a text holds blanks or a zero byte. Names and patterns must not, because a rule is
 * one word of a line.
 */
export function hasBlanks(text: string): boolean {
  return /[\0\t-\r ]/.test(text)
}
