// Checks what clients saw against what may have happened.
//
// Lists that only grow need no search: the final list says in which order everything took place, so it is enough that each acknowledged value is in it
// once, that every read is a beginning of it, and that what ended before something else began precedes it.
//
// Counters need none either: each addition is told another number, later ones higher ones.
//
// Registers need one: is there an order of the operations, each within its time, in which every read sees the last write (Wing and
// Gong 1993; with the memory of states that were tried, Lowe 2017)?

/** Something a client asked for. Times are of one clock. */
export interface Operation {
  readonly client: number
  readonly key: string
  readonly kind: 'push' | 'list' | 'write' | 'read' | 'swap'
  /** What is written. */
  readonly value: string
  readonly beganMs: number
  /** Infinite while nobody knows what became of it. */
  endedMs: number
  /** `none`: it has not happened; `unknown`: it has, or has not, or is going to. */
  outcome: 'done' | 'none' | 'unknown'
  /** What was seen: elements, or the value of a register before ('' = there is none). */
  seen: readonly string[]
  /** It was answered by a follower, which may be behind. */
  isLate: boolean
}

/** Returns what is wrong with the operations on a list that ended as `final`; undefined = nothing. */
export function checkList(operations: readonly Operation[], final: readonly string[]): string | undefined {
  const places = new Map<string, number>()
  for (const [place, value] of final.entries()) {
    if (places.has(value)) return `${value} is in the list twice`
    places.set(value, place)
  }
  const pushes = operations.filter(({ kind }) => kind === 'push')
  const pushed = new Map(pushes.map((push) => [push.value, push]))
  for (const value of final) if (!pushed.has(value)) return `nobody pushed ${value}`
  for (const { outcome, value } of pushes) {
    if (outcome === 'done' && !places.has(value)) return `${value} was acknowledged, and is lost`
    if (outcome === 'none' && places.has(value)) return `${value} was refused, and is there`
  }
  for (const { kind, seen, value } of operations) {
    if (kind !== 'list') continue
    const wrong = seen.findIndex((element, place) => final[place] !== element)
    if (wrong !== -1) return `a read (${value}) saw ${seen[wrong]} at ${wrong}, where there is ${final[wrong]}`
  }
  // Everything that was answered, by when it began: what had ended by then lies before it. A push takes effect at its place, a read
  // behind the last element that it saw.
  const placed = operations
    .filter(({ isLate, outcome }) => outcome === 'done' && !isLate)
    .map((operation) => ({
      operation,
      place: operation.kind === 'push' ? places.get(operation.value)! + 1 : operation.seen.length,
    }))
  const byEnd = placed.toSorted((a, b) => a.operation.endedMs - b.operation.endedMs)
  let ended = 0
  let least = 0
  for (const { operation, place } of placed.toSorted((a, b) => a.operation.beganMs - b.operation.beganMs)) {
    while (ended < byEnd.length && byEnd[ended]!.operation.endedMs < operation.beganMs) {
      least = Math.max(least, byEnd[ended++]!.place)
    }
    const isBefore = operation.kind === 'push' ? place <= least : place < least
    if (isBefore)
      return `${operation.kind} ${operation.value} comes at ${place}, and ${least} was reached before it began`
  }
  // Nothing is seen before it was asked for.
  for (const { endedMs, kind, seen } of operations) {
    if (kind !== 'list') continue
    for (const value of seen) if (pushed.get(value)!.beganMs > endedMs) return `${value} was seen before it was pushed`
  }
  return undefined
}

/** An addition of one to a counter. */
export interface Counting {
  readonly beganMs: number
  endedMs: number
  outcome: Operation['outcome']
  /** What the counter was then, as the answer said. */
  count: number
}

/** Returns what is wrong with additions to a counter that began at 0 and ended at `final`; undefined = nothing. */
export function checkCounter(countings: readonly Counting[], final: number): string | undefined {
  const done = countings.filter(({ outcome }) => outcome === 'done')
  const unknown = countings.filter(({ outcome }) => outcome === 'unknown').length
  if (final < done.length) return `${done.length} were acknowledged, and it is ${final}`
  if (final > done.length + unknown) return `it is ${final}, and at most ${done.length + unknown} were added`
  const seen = new Set<number>()
  for (const { count } of done) {
    if (seen.has(count)) return `two were told ${count}`
    if (count < 1 || count > final) return `somebody was told ${count}, and it is ${final}`
    seen.add(count)
  }
  const byEnd = done.toSorted((a, b) => a.endedMs - b.endedMs)
  let ended = 0
  let least = 0
  for (const { beganMs, count } of done.toSorted((a, b) => a.beganMs - b.beganMs)) {
    while (ended < byEnd.length && byEnd[ended]!.endedMs < beganMs) least = Math.max(least, byEnd[ended++]!.count)
    if (count <= least) return `somebody was told ${count}, after ${least} had been reached`
  }
  return undefined
}

/** States that are tried before a history is given up as too hard. */
const STATES_MAX = 200_000

/** Returns what is wrong with the operations on one register; undefined = nothing. */
export function checkRegister(operations: readonly Operation[]): string | undefined {
  const relevant = operations
    .filter(({ isLate, kind, outcome }) => outcome !== 'none' && !isLate && (outcome === 'done' || kind !== 'read'))
    .toSorted((a, b) => a.beganMs - b.beganMs)
  const done = new Array<boolean>(relevant.length).fill(false)
  let left = relevant.filter(({ outcome }) => outcome === 'done').length
  const tried = new Set<string>()
  const stack: { next: number; value: string; chosen: number }[] = [{ next: 0, value: '', chosen: -1 }]
  while (stack.length > 0) {
    if (left === 0) return undefined
    const top = stack.at(-1)!
    const chosen = findNext(relevant, done, top)
    if (chosen === -1) {
      stack.pop()
      if (top.chosen !== -1) {
        done[top.chosen] = false
        if (relevant[top.chosen]!.outcome === 'done') left++
      }
      continue
    }
    top.next = chosen + 1
    const { kind, outcome, value } = relevant[chosen]!
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

/** The next operation that may come now: nothing that is still to come had ended before it began, and what it saw is there. */
function findNext(
  operations: readonly Operation[],
  done: readonly boolean[],
  { next, value }: { next: number; value: string },
): number {
  let firstEndMs = Number.POSITIVE_INFINITY
  for (const [i, { endedMs }] of operations.entries()) if (!done[i] && endedMs < firstEndMs) firstEndMs = endedMs
  for (let i = next; i < operations.length; i++) {
    const { beganMs, kind, outcome, seen } = operations[i]!
    if (beganMs > firstEndMs) return -1
    if (done[i]) continue
    if (kind === 'write' || outcome === 'unknown' || seen[0] === value) return i
  }
  return -1
}
