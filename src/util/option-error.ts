/** An option that is not valid; the message names it. */
export class OptionError extends Error {
  override name = 'OptionError'
}
