/** An option that cannot be taken; the message names it. */
export class OptionError extends Error {
  override name = 'OptionError'
}
