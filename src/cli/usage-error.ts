// A command line that a program cannot take.

/** The message names the word of the command line that is wrong. */
export class UsageError extends Error {
  override name = 'UsageError'
}
