// Two sides that are told the same, and must answer and hold the same.
//
// What is compared is an interface: a server, two nodes of a cluster, a broker in this process. It remembers the last
// commands that touched each key, which is what a difference is reported with.

import { frameText } from '../differential/frames.ts'
import { showCommand } from '../differential/program.ts'
import { encode, type Link } from './link.ts'
import { dumpOf, type Oracle, restoreAt } from './oracle.ts'
import { compareReplies } from './replies.ts'
import { KINDS, requestsOf, type Traffic, type Unit } from './traffic.ts'
import {
  BRIEF,
  describeParts,
  type Fact,
  nameOf,
  type Part,
  type ReadingOptions,
  readFacts,
  readValue,
} from './values.ts'

/** What is judged. */
export interface Subject {
  /** The connection on which a lane's commands are sent. */
  link(lane: number): Promise<Link>
  /** Connections that together reach all data. */
  readers(): Promise<Link[]>
}

/** Replies or values are not what they must be. */
export class Difference extends Error {}

export interface Scope {
  readonly databases: readonly number[]
  readonly lanes: number
  /** Units in a batch. */
  readonly units: number
  /** Added to the numbers of databases at the oracle. */
  readonly shift?: number
  readonly fieldExpiries?: boolean
  /** How much expiries may differ: MIGRATE sends how long a key has to live. */
  readonly expiryToleranceMs?: number
}

/** Commands of a key that are remembered, and how much of each. */
const HISTORY_MAX = 12
const HISTORY_WORDS_MAX = 10
const HISTORY_BYTES_MAX = 24
const SHOWN_KEYS_MAX = 3

export class Comparison {
  subject: Subject
  readonly oracle: Oracle
  readonly traffic: Traffic
  /** Whether values came to be by the same commands on both sides: only then are they encoded alike. */
  encodings: boolean
  commands = 0
  values = 0
  readonly #scope: Scope
  /** By `nameOf`. */
  readonly #history = new Map<string, string[]>()
  /** What happened besides commands. */
  readonly #events: string[] = []

  constructor(subject: Subject, oracle: Oracle, traffic: Traffic, scope: Scope) {
    this.subject = subject
    this.oracle = oracle
    this.traffic = traffic
    this.encodings = oracle.reading === 'digests'
    this.#scope = scope
  }

  /** The same comparison of two other sides, which are now as these are. */
  fork(subject: Subject, oracle: Oracle): Comparison {
    const fork = new Comparison(subject, oracle, this.traffic, this.#scope)
    fork.encodings = this.encodings
    for (const [key, lines] of this.#history) fork.#history.set(key, [...lines])
    fork.#events.push(...this.#events)
    return fork
  }

  /** Notes what happens to the server, for a report. */
  note(event: string): void {
    this.#events.push(`#${this.commands} ${event}`)
  }

  /** Sends so many batches to all lanes at once, with `fillerBytes` of strings in between that are removed again. */
  async write(batches: number, fillerBytes = 0, database = 0): Promise<void> {
    const { lanes, units: count } = this.#scope
    const each = async (make: (lane: number) => Unit[]): Promise<void> => {
      await Promise.all(Array.from({ length: lanes }, (_, lane) => this.send(lane, make(lane))))
    }
    const share = Math.ceil(fillerBytes / batches / lanes)
    for (let batch = 0; batch < batches; batch++) {
      await each((lane) => {
        const units = this.traffic.units(lane, count)
        if (share === 0) return units
        // In the middle of it, so that other values come to lie between.
        const half = count / 2
        return [...units.slice(0, half), ...this.traffic.filler(lane, database, share), ...units.slice(half)]
      })
    }
    if (fillerBytes > 0) await each((lane) => this.traffic.clearing(lane))
  }

  /** Sends units on a lane to both, and compares the replies. */
  async send(lane: number, units: readonly Unit[]): Promise<void> {
    const first = this.commands
    this.#remember(units)
    const { shift = 0 } = this.#scope
    const requests = encode(units.flatMap((unit) => requestsOf(unit)))
    const theirRequests = shift === 0 ? requests : encode(units.flatMap((unit) => requestsOf(unit, shift)))
    const link = await this.subject.link(lane)
    const [ours, theirs] = await Promise.all([
      link.exchange(requests),
      this.oracle.answer(lane, units, theirRequests, shift),
    ])
    const wrong = compareReplies(units, ours, theirs)
    if (wrong === undefined) return
    const { database, command, text } = wrong
    throw new Difference(
      [
        `database ${database}: ${showCommand(command.words)} (after command ${first})`,
        text,
        ...command.keys.flatMap((key) => this.#story(nameOf(database, key))),
        ...this.#lastEvents(),
      ].join('\n'),
    )
  }

  /** Compares every key. */
  async check(when: string): Promise<Map<string, Fact>> {
    const { databases, shift = 0 } = this.#scope
    const [ours, theirs] = await Promise.all([
      this.facts(),
      this.oracle.facts(databases, { encodings: this.encodings, shift }),
    ])
    await this.expectSame(when, ours, theirs)
    return theirs
  }

  /** Compares facts that were read; `readers` of another server than the subject's show its values. */
  async expectSame(when: string, ours: Map<string, Fact>, theirs: Map<string, Fact>, readers?: Link[]): Promise<void> {
    this.values += theirs.size
    const { expiryToleranceMs = 0 } = this.#scope
    const wrong = [...new Set([...theirs.keys(), ...ours.keys()])].filter(
      (name) => !isSame(ours.get(name), theirs.get(name), expiryToleranceMs),
    )
    if (wrong.length === 0) return
    const lines = [`${when}: ${wrong.length} of ${theirs.size} values differ`]
    // The key that was touched least tells most.
    wrong.sort((a, b) => this.#of(a).length - this.#of(b).length)
    for (const name of wrong.slice(0, SHOWN_KEYS_MAX)) {
      const [database, key] = [Number(name.split(' ', 1)[0]), keyOf(name)]
      lines.push(
        `database ${database}, key ${JSON.stringify(key)}:`,
        ...describeFacts(ours.get(name), theirs.get(name)),
        ...describeParts(
          await this.#value(database, key, readers),
          await this.oracle.value(database + (this.#scope.shift ?? 0), key),
        ),
        ...this.#story(name),
      )
    }
    if (wrong.length > SHOWN_KEYS_MAX) lines.push(`and ${wrong.slice(SHOWN_KEYS_MAX, 30).join(', ')} …`)
    throw new Difference([...lines, ...this.#lastEvents()].join('\n'))
  }

  /** Reads the facts of the subject, or of another server. */
  async facts(readers?: Link[]): Promise<Map<string, Fact>> {
    const { databases, fieldExpiries = false } = this.#scope
    const options: ReadingOptions = {
      reading: this.oracle.reading,
      databases,
      encodings: this.encodings,
      fieldExpiries,
    }
    const all = await Promise.all((readers ?? (await this.subject.readers())).map((link) => readFacts(link, options)))
    return new Map(all.flatMap((facts) => [...facts]))
  }

  /** After a silence that is longer than they live: keys that were to expire are gone. */
  async expectNoBrief(): Promise<void> {
    for (const link of await this.subject.readers()) {
      const replies = await link.ask(
        this.#scope.databases.flatMap((database) => [
          ['SELECT', String(database)],
          ['KEYS', `*${BRIEF}*`],
        ]),
      )
      const left = replies.flatMap(({ children }) => children.map(frameText))
      if (left.length > 0) throw new Difference(`keys that have expired are there: ${left.slice(0, 5).join(', ')}`)
    }
  }

  /** Copies some values by what DUMP gave, here or there, to other keys of both. */
  async transfer(facts: ReadonlyMap<string, Fact>, choose: (bound: number) => number): Promise<void> {
    const names = [...facts.keys()].filter((name) => KIND_OF_KEY.test(name))
    for (let i = 0; i < TRANSFERS && names.length > 0; i++) {
      const name = names[choose(names.length)]!
      const [database, key] = [Number(name.split(' ', 1)[0]), keyOf(name)]
      const to = key.replace(/\d+$/, String(choose(3)))
      const [link] = await this.subject.readers()
      if ((await this.oracle.value(database, key)) === undefined) continue
      const payload = (choose(2) === 0 ? await this.oracle.dump(database, key) : undefined) ?? (await dumpOf(link!, database, key)) // biome-ignore format: one line
      this.#remember([
        { form: 'plain', database, commands: [{ words: ['RESTORE', to, '0', `DUMP of ${key}`], keys: [to] }] },
      ])
      await this.oracle.restore(database, key, to, payload)
      await restoreAt(link!, database, to, payload)
    }
  }

  /** Both sides hold nothing. */
  forget(): void {
    this.encodings = this.oracle.reading === 'digests'
    this.traffic.forgetFiller()
    this.#history.clear()
  }

  async #value(database: number, key: string, readers?: Link[]): Promise<Part[] | undefined> {
    for (const link of readers ?? (await this.subject.readers())) {
      const parts = await readValue(link, database, key, this.oracle.reading)
      if (parts !== undefined) return parts
    }
    return undefined
  }

  #remember(units: readonly Unit[]): void {
    for (const { commands, database, form } of units) {
      for (const { words, keys, elsewhere } of commands) {
        this.commands++
        const shown = words.slice(0, HISTORY_WORDS_MAX).map(shorten)
        if (words.length > HISTORY_WORDS_MAX) shown.push(`…(${words.length} words)`)
        const line = `  #${this.commands} [${database}]${form === 'plain' ? '' : ` in a ${form}:`} ${showCommand(shown)}`
        for (const key of new Set(keys)) {
          this.#add(nameOf(database, key), line)
          if (elsewhere !== undefined) this.#add(nameOf(elsewhere, key), line)
        }
      }
    }
  }

  #add(name: string, line: string): void {
    const lines = this.#of(name)
    if (lines.length === 0) this.#history.set(name, lines)
    if (lines.length >= HISTORY_MAX) lines.shift()
    lines.push(line)
  }

  #of(name: string): string[] {
    return this.#history.get(name) ?? []
  }

  /** The last commands that touched a key. */
  #story(name: string): string[] {
    return [`the last commands of ${JSON.stringify(keyOf(name))}:`, ...this.#of(name)]
  }

  #lastEvents(): string[] {
    return ['what happened besides:', ...this.#events.slice(-6).map((event) => `  ${event}`)]
  }
}

/** Units of a batch, and where there is little time. */
export const UNITS = 60
export const UNITS_BRIEF = 24
/** Values that are copied by DUMP and RESTORE at a time. */
const TRANSFERS = 5
/** Keys of the traffic, whose names say what lies under them. */
const KIND_OF_KEY = new RegExp(`:(${KINDS.join('|')}):`)

const shorten = (word: string): string =>
  word.length > 2 * HISTORY_BYTES_MAX ? `${word.slice(0, HISTORY_BYTES_MAX)}…(${word.length})` : word

const keyOf = (name: string): string => name.slice(name.indexOf(' ') + 1)

function isSame(a: Fact | undefined, b: Fact | undefined, toleranceMs: number): boolean {
  if (a === undefined || b === undefined) return a === b
  const apartMs = Math.abs(Number(a.expiry) - Number(b.expiry))
  return a.type === b.type && a.value === b.value && apartMs <= toleranceMs && a.encoding === b.encoding
}

function describeFacts(ours: Fact | undefined, theirs: Fact | undefined): string[] {
  const lines: string[] = []
  for (const what of ['type', 'expiry', 'encoding'] as const) {
    const [a, b] = [ours?.[what] ?? 'none', theirs?.[what] ?? 'none']
    if (a !== b) lines.push(`${what}: ours ${a}, expected ${b}`)
  }
  return lines
}
