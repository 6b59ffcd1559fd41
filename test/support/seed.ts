// Where tests by chance begin.

const EVERYDAY = 20_261_121

/**
 * The seed of a test by chance: what the variable of that name says, else the same every day, so that a change is judged by
 * the inputs the last one was judged by. A soak takes another one each time; failing tests print theirs.
 */
export function seedOf(variable: string): number {
  const given = process.env[variable]
  if (given !== undefined) return Number(given)
  return process.env.SOAK === undefined ? EVERYDAY : Date.now() % 1_000_000_000
}
