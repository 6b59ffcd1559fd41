/**
 * Asserts a belief that costs nothing to check; dear ones go behind CHECKED (invariant.ts). A
 * failure is a bug of ours, never the user's mistake. Throws with the belief as message.
 */
export function assert(condition: unknown, believed: string): asserts condition {
  if (!condition) throw new AssertionFailure(believed)
}

/** A belief of the program that turned out false. */
export class AssertionFailure extends Error {
  constructor(believed: string) {
    super(`assertion failed: ${believed}`)
  }
}
