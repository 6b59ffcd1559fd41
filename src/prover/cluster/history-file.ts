// Histories of operations as other judges read them. docs/trust.md has the format.
//
//   name.edn       Jepsen's operation maps for Elle's list-append: lists and their transactions
//   any other      JSON lines for porcupine: the invocation and the return of each operation, of
//                  lists, kept channels, registers and counters
//
// Times are nanoseconds of one monotonic clock. An operation whose outcome is unknown has no return
// (JSON lines), or ends as `:info`, and its process has another number from then on (EDN).

import { appendFileSync, writeFileSync } from 'node:fs'
import type { Counting, Operation } from '../durability/history-check.ts'

/** The records of one round. Operations of one transaction are an entry together. */
export interface RoundHistory {
  readonly entries: readonly (readonly Operation[])[]
  /** Additions of one, by counter. */
  readonly countings: ReadonlyMap<string, readonly Counting[]>
}

interface Line {
  readonly ms: number
  /** Returns come behind invocations of the same time: these overlap. */
  readonly isReturn: boolean
  readonly text: string
}

/** The distance between the numbers that one client has as a process, after unknown outcomes. */
const PROCESSES_APART = 1000
/** Clients of counters are not recorded: each addition counts as a client of its own, from this number. */
const COUNTING_CLIENT_MIN = 1_000_000

export class HistoryFile {
  readonly #path: string
  readonly #isEdn: boolean
  #id = 0
  /** How many outcomes of each client were unknown so far. */
  readonly #unknown = new Map<number, number>()

  /** Begins an empty file. */
  constructor(path: string) {
    this.#path = path
    this.#isEdn = path.endsWith('.edn')
    writeFileSync(path, '')
  }

  /** Adds a round, whose operations have all ended. */
  add(round: RoundHistory): void {
    const lines = this.#isEdn ? this.#ednLines(round) : this.#jsonLines(round)
    lines.sort((a, b) => a.ms - b.ms || Number(a.isReturn) - Number(b.isReturn))
    if (lines.length > 0) appendFileSync(this.#path, `${lines.map(({ text }) => text).join('\n')}\n`)
  }

  #jsonLines({ countings, entries }: RoundHistory): Line[] {
    const lines: Line[] = []
    const add = (
      input: object,
      output: object,
      { beganMs, endedMs, outcome }: Pick<Operation, 'beganMs' | 'endedMs' | 'outcome'>,
    ): void => {
      const id = this.#id++
      const line = (type: string, ms: number, more: object): Line => ({
        ms,
        isReturn: type === 'return',
        text: JSON.stringify({ type, id, time: nanoseconds(ms), ...more }),
      })
      lines.push(line('invoke', beganMs, input))
      if (outcome !== 'unknown')
        lines.push(line('return', endedMs, { outcome: outcome === 'done' ? 'ok' : 'fail', ...output }))
    }
    for (const operation of entries.flat()) {
      const { client, isLate, key, kind, seen, value } = operation
      const isRegister = kind === 'read' || kind === 'swap'
      const output = kind === 'list' ? { output: seen } : isRegister ? { output: seen[0] ?? '' } : {}
      add(
        { client, key, f: kind, ...(isReading(kind) ? {} : { input: value }) },
        { ...output, late: isLate },
        operation,
      )
    }
    let client = COUNTING_CLIENT_MIN + this.#id
    for (const [key, additions] of countings)
      for (const addition of additions)
        add({ client: client++, key, f: 'add', input: 1 }, { output: addition.count, late: false }, addition)
    return lines
  }

  #ednLines({ entries }: RoundHistory): Line[] {
    const lines: Line[] = []
    // A client's operations are sequential, so its unknown outcomes are counted in order.
    for (const entry of entries.toSorted((a, b) => began(a) - began(b))) {
      const [first] = entry
      // Followers may be behind, and messages of channels may be scheduled.
      if (first === undefined || !entry.every(({ isLate, key }) => !isLate && key.includes(':list:'))) continue
      const { beganMs, client, endedMs, outcome } = first
      const unknown = this.#unknown.get(client) ?? 0
      const process = client + PROCESSES_APART * unknown
      const line = (type: string, ms: number): Line => ({
        ms,
        isReturn: type !== 'invoke',
        text: `{:type :${type}, :f :txn, :process ${process}, :time ${nanoseconds(ms)}, :value [${entry.map((one) => microOperation(one, type === 'ok')).join(' ')}]}`,
      })
      lines.push(line('invoke', beganMs))
      if (outcome === 'unknown') {
        this.#unknown.set(client, unknown + 1)
        lines.push(line('info', beganMs))
      } else lines.push(line(outcome === 'done' ? 'ok' : 'fail', endedMs))
    }
    return lines
  }
}

const began = (entry: readonly Operation[]): number => entry[0]?.beganMs ?? 0
const isReading = (kind: Operation['kind']): boolean => kind === 'list' || kind === 'read'
const nanoseconds = (ms: number): number => Math.round(ms * 1e6)

function microOperation({ key, kind, seen, value }: Operation, isDone: boolean): string {
  if (kind === 'push') return `[:append ${edn(key)} ${edn(value)}]`
  return `[:r ${edn(key)} ${isDone ? `[${seen.map(edn).join(' ')}]` : 'nil'}]`
}

/** The texts of the prover have no characters that EDN and JSON write differently. */
const edn = (text: string): string => JSON.stringify(text)
