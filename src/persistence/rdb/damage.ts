// What can go wrong while reading RDB bytes, and the signal that is no fault at all.

/** The bytes are not what the format allows. The only error that reading RDB bytes throws. */
export class RdbDamage extends Error {
  /** Bytes from the file's beginning; set by whoever reads a file. */
  offset: number | undefined = undefined

  constructor(problem: string) {
    super(problem)
    this.name = 'RdbDamage'
  }
}

/** The bytes are fine but hold what this server cannot: a module's data, a version from the future. */
export class RdbUnsupported extends RdbDamage {}

/** Thrown when the chunk ends before the piece being read: fill and go on from the mark. One object, no stack. */
export const STARVED = Object.freeze({ starved: true })
