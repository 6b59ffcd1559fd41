/** Asserts what costs nothing to look at; what costs stands behind CHECKED (invariant.ts). Our bug, never the user's: says what was believed and stops. */
export function assert(condition: unknown, believed: string): asserts condition {
  if (!condition) throw new AssertionFailure(believed)
}

/** A belief of the program turned out false. */
export class AssertionFailure extends Error {
  constructor(believed: string) {
    super(`assertion failed: ${believed}`)
  }
}
