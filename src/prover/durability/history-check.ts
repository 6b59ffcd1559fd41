// Checks the clients' records against the possible orders of events.
//
// Lists that only grow need no search: the final list gives the order of all pushes. So it is
// enough that each acknowledged value is in the list once, that every read is a prefix of it, and
// that an operation that ended before another began precedes it.
//
// Counters need no search either: each addition returns another number, and later ones higher
// numbers.
//
// Registers need one: is there an order of the operations, each within its time, in which every
// read sees the last write (Wing and Gong 1993; with the memory of visited states, Lowe 2017)?

import { assert } from '../../util/assert.ts'

/** An operation of a client. All times are of one clock. */
export interface Operation {
  readonly client: number
  readonly key: string
  readonly kind: 'push' | 'list' | 'write' | 'read' | 'swap'
  /** The value written. */
  readonly value: string
  readonly beganMs: number
  /** Infinite while the outcome is unknown. */
  endedMs: number
  /** `none`: it did not happen; `unknown`: it did, did not, or will. */
  outcome: 'done' | 'none' | 'unknown'
  /** The result: elements, or the previous value of a register ('' = none). */
  seen: readonly string[]
  /** A follower has replied, which may be behind. */
  isLate: boolean
}

/**
 * Returns the first contradiction in the operations on a list that ended as `final`; undefined when
 * there is none.
 */
export function checkList(operations: readonly Operation[], final: readonly string[]): string | undefined {
  const places = new Map<string, number>()
  for (const [place, value] of final.entries()) {
    if (places.has(value)) return `${value} is in the list twice`
    places.set(value, place)
  }
  const pushes = operations.filter(({ kind }) => kind === 'push')
  const pushed = new Map(pushes.map((push) => [push.value, push]))
  for (const value of final) if (!pushed.has(value)) return `${value} was never pushed`
  for (const { outcome, value } of pushes) {
    if (outcome === 'done' && !places.has(value)) return `${value} was acknowledged but is lost`
    if (outcome === 'none' && places.has(value)) return `${value} was refused but is there`
  }
  for (const { kind, seen, value } of operations) {
    if (kind !== 'list') continue
    const wrong = seen.findIndex((element, place) => final[place] !== element)
    if (wrong !== -1) return `a read (${value}) saw ${seen[wrong]} at ${wrong}, where there is ${final[wrong]}`
  }
  // All operations with a reply, in the order in which they began: those that had ended by then
  // come before. A push takes effect at its index, a read behind the last element that it saw.
  const placed = operations
    .filter(({ isLate, outcome }) => outcome === 'done' && !isLate)
    .map((operation) => ({
      operation,
      place: operation.kind === 'push' ? (places.get(operation.value) ?? -1) + 1 : operation.seen.length,
    }))
  const byEnd = placed.toSorted((a, b) => a.operation.endedMs - b.operation.endedMs)
  let ended = 0
  let least = 0
  for (const { operation, place } of placed.toSorted((a, b) => a.operation.beganMs - b.operation.beganMs)) {
    for (
      let next = byEnd[ended];
      next !== undefined && next.operation.endedMs < operation.beganMs;
      next = byEnd[++ended]
    )
      least = Math.max(least, next.place)
    const isBefore = operation.kind === 'push' ? place <= least : place < least
    if (isBefore)
      return `${operation.kind} ${operation.value} comes at ${place}, and ${least} was reached before it began`
  }
  // A value cannot be seen before it was sent.
  for (const { endedMs, kind, seen } of operations) {
    if (kind !== 'list') continue
    for (const value of seen)
      if ((pushed.get(value)?.beganMs ?? Number.POSITIVE_INFINITY) > endedMs)
        return `${value} was seen before it was pushed`
  }
  return undefined
}

/** An addition of one to a counter. */
export interface Counting {
  readonly beganMs: number
  endedMs: number
  outcome: Operation['outcome']
  /** The value of the counter in the reply. */
  count: number
}

/**
 * Returns the first contradiction in additions to a counter that began at 0 and ended at `final`;
 * undefined when there is none.
 */
export function checkCounter(countings: readonly Counting[], final: number): string | undefined {
  const done = countings.filter(({ outcome }) => outcome === 'done')
  const unknown = countings.filter(({ outcome }) => outcome === 'unknown').length
  if (final < done.length) return `${done.length} were acknowledged, and it is ${final}`
  if (final > done.length + unknown) return `it is ${final}, and at most ${done.length + unknown} were added`
  const seen = new Set<number>()
  for (const { count } of done) {
    if (seen.has(count)) return `two clients got ${count}`
    if (count < 1 || count > final) return `a client got ${count}, and the counter is ${final}`
    seen.add(count)
  }
  const byEnd = done.toSorted((a, b) => a.endedMs - b.endedMs)
  let ended = 0
  let least = 0
  for (const { beganMs, count } of done.toSorted((a, b) => a.beganMs - b.beganMs)) {
    for (let next = byEnd[ended]; next !== undefined && next.endedMs < beganMs; next = byEnd[++ended])
      least = Math.max(least, next.count)
    if (count <= least) return `a client got ${count}, after ${least} had been reached`
  }
  return undefined
}

/** States that are tried before a history is given up as too hard. */
const STATES_MAX = 200_000

/** Returns the contradiction in the operations on one register; undefined when there is none. */
export function checkRegister(operations: readonly Operation[]): string | undefined {
  const relevant = operations
    .filter(({ isLate, kind, outcome }) => outcome !== 'none' && !isLate && (outcome === 'done' || kind !== 'read'))
    .toSorted((a, b) => a.beganMs - b.beganMs)
  const done = new Array<boolean>(relevant.length).fill(false)
  let left = relevant.filter(({ outcome }) => outcome === 'done').length
  const tried = new Set<string>()
  const stack: { next: number; value: string; chosen: number }[] = [{ next: 0, value: '', chosen: -1 }]
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    if (left === 0) return undefined
    const chosen = findNext(relevant, done, top)
    if (chosen === -1) {
      stack.pop()
      if (top.chosen !== -1) {
        done[top.chosen] = false
        if (relevant[top.chosen]?.outcome === 'done') left++
      }
      continue
    }
    top.next = chosen + 1
    const operation = relevant[chosen]
    assert(operation !== undefined, 'the chosen operation is one of the history')
    const { kind, outcome, value } = operation
    done[chosen] = true
    const after = kind === 'read' ? top.value : value
    const state = `${after}|${done.map((is) => (is ? '1' : '0')).join('')}`
    if (tried.has(state)) {
      done[chosen] = false
      continue
    }
    tried.add(state)
    if (tried.size > STATES_MAX) throw new Error(`more than ${STATES_MAX} states of ${relevant.length} operations`)
    if (outcome === 'done') left--
    stack.push({ next: 0, value: after, chosen })
  }
  return left === 0
    ? undefined
    : `no order explains the register: ${relevant.map(({ beganMs, endedMs, kind, seen, value }) => `${kind} ${value} saw ${seen} ${beganMs}–${endedMs}`).join('; ')}`
}

/**
 * The next operation that may come now: no remaining operation had ended before it began, and the
 * value it saw is the current one.
 */
function findNext(
  operations: readonly Operation[],
  done: readonly boolean[],
  { next, value }: { next: number; value: string },
): number {
  let firstEndMs = Number.POSITIVE_INFINITY
  for (const [i, { endedMs }] of operations.entries()) if (!done[i] && endedMs < firstEndMs) firstEndMs = endedMs
  for (const [at, { beganMs, kind, outcome, seen }] of operations.slice(next).entries()) {
    const i = next + at
    if (beganMs > firstEndMs) return -1
    if (done[i]) continue
    if (kind === 'write' || outcome === 'unknown' || seen[0] === value) return i
  }
  return -1
}
