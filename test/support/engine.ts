// The real engine in process, for tests: time stands still, turns end when asked, replies are the bytes themselves.

import { expect } from 'vitest'
import { catalog } from '../../src/commands/catalog.ts'
import { makeParts, type OwnParts } from '../../src/commands/parts.ts'
import { Config, type ConfigName } from '../../src/config/config.ts'
import type { Client } from '../../src/engine/clients/client.ts'
import type { Origin, Transport } from '../../src/engine/clients/transport.ts'
import type { Word } from '../../src/engine/effects/effects.ts'
import { type Journal, noProgress } from '../../src/engine/effects/journal.ts'
import { Engine } from '../../src/engine/engine.ts'
import type { Command } from '../../src/engine/spec/command.ts'
import type { Arguments } from '../../src/protocol/arguments.ts'
import { encodeRequest } from '../../src/protocol/request-writer.ts'
import { Source } from '../../src/util/bytes/bytes.ts'
import { Random } from '../../src/util/numbers/random.ts'
import { answerBothWays } from './both-ways.ts'
import { FakeClock } from './fake-clock.ts'
import { HASH_KEY } from './structure-host.ts'

/** Encodes a request as latin1 text. */
export function encode(words: readonly (string | number)[]): string {
  return encodeRequest(words).toString('latin1')
}

export interface TestEngine {
  engine: Engine<OwnParts>
  clock: FakeClock
  /** Effects as they were journaled, one line a command: `0 SET k v`. */
  journal: RecordingJournal
  /** Connects a client; `protocol` 3 without the handshake. */
  connect(protocol?: 2 | 3): TestClient
}

/**
 * Makes an engine with its own clock, a seeded source of chance and a journal that remembers; `more` commands for tests of
 * failures, `processBytes` = what the process is to hold, `ownsLoop` = as the program has it.
 */
export function createEngine(
  settings: Partial<Record<ConfigName, string>> = {},
  seed = 1,
  more: readonly Command[] = [],
  processBytes?: () => number,
  ownsLoop = false,
  parts: (engine: Engine) => OwnParts = makeParts,
): TestEngine {
  const clock = new FakeClock()
  const later: (() => void)[] = []
  const engine = new Engine(
    {
      commands: more.length === 0 ? catalog : catalog.with(more),
      clock,
      random: new Random(seed),
      hashKey: HASH_KEY,
      config: new Config(settings),
      later: (run) => void later.push(run),
      ownsLoop,
      ...(processBytes === undefined ? {} : { processBytes }),
    },
    parts,
  )
  LATER.set(engine, later)
  if (isCommandTest()) answerBothWays(engine)
  const journal = new RecordingJournal()
  engine.effects.propagation.add(journal)
  engine.effects.durability.follow(journal)
  // Following it asked for the end of a turn.
  engine.endTurn()
  return { engine, clock, journal, connect: (protocol = 2) => new TestClient(engine, protocol) }
}

/**
 * True within the tests of commands, which show every kind of reply. Other tests look at how replies
 * leave, and at their cost. A process that a test has started is no test.
 */
function isCommandTest(): boolean {
  if ((globalThis as { __vitest_worker__?: object }).__vitest_worker__ === undefined) return false
  return expect.getState().testPath?.includes('/test/commands/') === true
}

/** Makes another engine that has replayed what one journaled, at the same time of day: the server has been started again. */
export function restarted(
  first: TestEngine,
  settings: Partial<Record<ConfigName, string>> = {},
  downMs = 0,
): TestEngine {
  const second = createEngine(settings)
  second.clock.advance(first.clock.now() + downMs - second.clock.now())
  second.engine.conditions.loading.begin()
  const replay = new TestClient(second.engine, 2, 'replay')
  for (const request of first.journal.requests) replay.ask(...request)
  replay.disconnect()
  second.engine.conditions.loading.end()
  // What was replayed is in the journal that goes on.
  second.journal.requests = [...first.journal.requests, ...second.journal.requests]
  second.journal.lines = []
  first.engine.stop()
  return second
}

/** Takes the journal away again: nothing is kept, or a real one is going to be opened. */
export function withoutJournal({ engine, journal }: TestEngine): void {
  engine.effects.propagation.remove(journal)
  engine.effects.durability.follow(noProgress)
}

/** What an engine has put off until after this turn of the loop. */
const LATER = new WeakMap<Engine, (() => void)[]>()
/**
 * Turns that are run before a client looks what it has received, since anybody was last sent something: a journal that waits for
 * the disk asks for turn after turn.
 */
const QUIET_TURNS_MAX = 100

/** A client whose requests run at once. */
export class TestClient implements Transport {
  readonly kind = 'tcp'
  readonly address = '127.0.0.1:50000'
  readonly localAddress = '127.0.0.1:6379'
  readonly descriptor = 8
  /** What a test pretends to be stuck in the socket. */
  backlogBytes = 0
  closed: 'flushed' | 'now' | undefined = undefined
  readonly client: Client
  readonly #engine: Engine
  #received: Buffer[] = []

  constructor(engine: Engine, protocol: 2 | 3, origin: Origin = 'client') {
    this.#engine = engine
    this.client = engine.connect(this, origin)
    this.client.protocol = protocol
  }

  /** Sends one command and returns the bytes of the reply, as latin1. */
  ask(...words: (string | number)[]): string {
    return this.sendRaw(encode(words))
  }

  /** Sends bytes (latin1) as they are and returns what came back by the end of the turn. */
  sendRaw(latin1: string): string {
    const bytes = Buffer.from(latin1, 'latin1')
    this.#engine.receive(this.client, new Source(bytes), 0, bytes.length)
    this.#engine.endTurn()
    return this.received()
  }

  /** Sends one command and leaves the turn open. */
  sendUnended(...words: (string | number)[]): void {
    const bytes = encodeRequest(words)
    this.#engine.receive(this.client, new Source(bytes), 0, bytes.length)
  }

  /** Returns and forgets what arrived since the last look. */
  received(): string {
    this.#engine.endTurn()
    const later = LATER.get(this.#engine) ?? []
    const { stats } = this.#engine.figures
    for (let quiet = 0; later.length > 0 && quiet < QUIET_TURNS_MAX; quiet++) {
      const sent = stats.writesProcessed
      later.shift()!()
      if (stats.writesProcessed > sent) quiet = 0
    }
    const text = Buffer.concat(this.#received).toString('latin1')
    this.#received = []
    return text
  }

  write(bytes: Buffer): boolean {
    this.#received.push(Buffer.from(bytes))
    return true
  }

  close(when: 'flushed' | 'now'): void {
    this.closed = when
  }

  /** The other side goes away. */
  disconnect(): void {
    this.#engine.disconnect(this.client)
  }
}

/** Remembers effects as text. */
export class RecordingJournal implements Journal {
  readonly enabled = true
  #failure: string | undefined = undefined
  #waits = false
  appended = 0
  written = 0
  synced = 0
  /** What was required of a sync, as `always 3`. */
  required: string[] = []
  lines: string[] = []
  /** The same as requests, for whoever replays them; what databases they are of is not told. */
  requests: string[][] = []
  #unitAt = 0
  #unitRequestAt = 0
  readonly #listeners: (() => void)[] = []

  appendRequest(database: number, args: Arguments): void {
    const words: string[] = []
    for (let i = 0; i < args.length; i++) words.push(args.string(i))
    this.append(database, words)
  }

  append(database: number, words: readonly Word[]): void {
    const texts = words.map(String)
    this.lines.push(`${database} ${texts.join(' ')}`)
    this.requests.push(texts)
    this.appended += 1
  }

  beginUnit(): void {
    this.#unitAt = this.lines.length
    this.#unitRequestAt = this.requests.length
  }

  /** As journals do, it writes a unit of one command without MULTI. */
  endUnit(): void {
    if (this.lines.length - this.#unitAt < 2) return
    this.lines.splice(this.#unitAt, 0, 'MULTI')
    this.lines.push('EXEC')
    this.requests.splice(this.#unitRequestAt, 0, ['MULTI'])
    this.requests.push(['EXEC'])
  }

  require(policy: string, offset: number): void {
    this.required.push(`${policy} ${offset}`)
  }

  write(): boolean {
    this.written = this.appended
    if (!this.waits) this.synced = this.appended
    return false
  }

  onProgress(run: () => void): void {
    this.#listeners.push(run)
  }

  get waits(): boolean {
    return this.#waits
  }

  /** Says that some key's policy is `always`, as a journal that is told so does. */
  set waits(waits: boolean) {
    this.#waits = waits
    this.#tell()
  }

  get failure(): string | undefined {
    return this.#failure
  }

  set failure(failure: string | undefined) {
    this.#failure = failure
    this.#tell()
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }

  /** Pretends an fsync finished. */
  progress(synced = this.appended): void {
    this.synced = synced
    this.#tell()
  }

  /** Returns and forgets the lines so far. */
  take(): string[] {
    const { lines } = this
    this.lines = []
    this.requests = []
    return lines
  }
}
