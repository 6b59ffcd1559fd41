// The errors of reading RDB bytes, and the signal STARVED, which is no error.

/** The bytes are not what the format allows. The only error that reading RDB bytes throws. */
export class RdbDamage extends Error {
  /** Bytes from the file's beginning; the reader of a file sets it. */
  offset: number | undefined = undefined

  constructor(problem: string) {
    super(problem)
    this.name = 'RdbDamage'
  }
}

/**
 * The bytes are right but hold something that this server cannot load: a module's data, a later
 * version of the format.
 */
export class RdbUnsupported extends RdbDamage {}

/**
 * Thrown when the chunk ends before the piece being read: fill, and go on from the mark. One
 * object, without a stack.
 */
export const STARVED = Object.freeze({ starved: true })
