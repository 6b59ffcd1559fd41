// The two sides of the comparison behind one interface: the engine in this process, or any server behind a socket.
//
// Order between connections must be the same on both sides. In process that is
// given: a step runs when it is sent. A server behind a socket is waited for:
// a PING on a connection of its own is answered in or after the loop turn that
// read the step, and a second PING after the turn that sent what it caused. So
// after `settle` nothing that a step caused is still under way.

import { connect, type Socket } from 'node:net'
import Parser from 'redis-parser'
import { catalog } from '../../src/commands/catalog.ts'
import { makeParts } from '../../src/commands/parts.ts'
import { Config } from '../../src/config/config.ts'
import type { Client } from '../../src/engine/clients/client.ts'
import type { Origin, Transport } from '../../src/engine/clients/transport.ts'
import type { Word } from '../../src/engine/effects/effects.ts'
import type { Journal } from '../../src/engine/effects/journal.ts'
import { Engine } from '../../src/engine/engine.ts'
import type { Arguments } from '../../src/protocol/arguments.ts'
import { Source } from '../../src/util/bytes/bytes.ts'
import { Random } from '../../src/util/numbers/random.ts'
import type { Clock } from '../../src/util/time/clock.ts'
import { frameBytes, scanFrames } from './frames.ts'
import { encodeCommand } from './program.ts'

export interface Peer {
  readonly name: string
  /** Begins an episode: no data, default settings, `connections` fresh connections. */
  reset(connections: number): Promise<void>
  /** The id the server gave to a connection. */
  idOf(connection: number): string
  send(connection: number, latin1: string): void
  /** Waits until everything sent has had all its consequences. */
  settle(): Promise<void>
  /** Returns and forgets what a connection received; sets `closed` when the server ended it. */
  take(connection: number): { bytes: string; closed: boolean }
  /** Opens a connection anew that the server has closed. */
  reopen(connection: number): Promise<void>
  wait(ms: number): Promise<void>
  /** Runs at the end of an episode; returns what is wrong, if anything. */
  verify(): string | undefined
  stop(): Promise<void>
}

/** Settings that programs may change, with the value each episode begins with. */
export const SHARED_SETTINGS: Record<string, string> = {
  'notify-keyspace-events': '',
  'proto-max-bulk-len': '536870912',
  maxmemory: '0',
  timeout: '0',
}

// ── a server behind a socket ────────────────────────────────────────────────

/** Bytes that redis-server reads at once from a connection; more takes more turns. */
const READ_BYTES = 16 * 1024

/** What the connection of its own sends. A monitor sees it, before or after a step that is read in the same turn. */
const SETTLE = ['PING', 'settle'] as const

/** The line of it that a monitor receives. */
export const SETTLE_LINE = /^\+\S+ \[[^\]]*\] "PING" "settle"\r\n/gm

export class SocketPeer implements Peer {
  readonly name: string
  readonly #path: string
  #control: Link | undefined
  #links: Link[] = []
  #ids: string[] = []
  #sentBytes = 0

  constructor(name: string, path: string) {
    this.name = name
    this.#path = path
  }

  async reset(connections: number): Promise<void> {
    for (const link of this.#links) link.socket.destroy()
    this.#control ??= await Link.open(this.#path)
    const control = this.#control
    // Closed connections are noticed in the turn after; then nobody is parked or subscribed any more.
    await control.ask('PING')
    await control.ask('PING')
    await control.askAll([
      ...Object.entries(SHARED_SETTINGS).map((setting) => ['CONFIG', 'SET', ...setting]),
      ['DEBUG', 'SET-ACTIVE-EXPIRE', '0'],
      ['FLUSHALL'],
      ['SCRIPT', 'FLUSH'],
      ['FUNCTION', 'FLUSH'],
    ])
    // A server accepts them in the order in which they connect.
    this.#links = await Promise.all(Array.from({ length: connections }, () => Link.open(this.#path)))
    this.#ids = (await Promise.all(this.#links.map((link) => link.ask('CLIENT', 'ID')))).map(String)
  }

  idOf(connection: number): string {
    return this.#ids[connection]!
  }

  send(connection: number, latin1: string): void {
    this.#sentBytes += latin1.length
    this.#links[connection]!.socket.write(latin1, 'latin1')
  }

  async settle(): Promise<void> {
    const rounds = 2 + Math.floor(this.#sentBytes / READ_BYTES)
    this.#sentBytes = 0
    for (let i = 0; i < rounds; i++) await this.#control!.ask(...SETTLE)
    // The last answer may have been read before another connection's bytes in the same turn of our own loop.
    await new Promise((resolve) => setImmediate(resolve))
  }

  take(connection: number): { bytes: string; closed: boolean } {
    return this.#links[connection]!.take()
  }

  async reopen(connection: number): Promise<void> {
    this.#links[connection] = await Link.open(this.#path)
    this.#ids[connection] = String(await this.#links[connection]!.ask('CLIENT', 'ID'))
  }

  async wait(ms: number): Promise<void> {
    // A timer counts from the start of its turn of the loop, so it fires early after a long turn.
    const end = performance.now() + ms
    for (let left = ms; left > 0; left = end - performance.now())
      await new Promise((resolve) => setTimeout(resolve, left))
  }

  verify(): undefined {}

  /** Sends one command on the control connection and returns its reply as redis-parser reads it. */
  async ask(...words: string[]): Promise<unknown> {
    this.#control ??= await Link.open(this.#path)
    return this.#control.ask(...words)
  }

  async stop(): Promise<void> {
    for (const link of this.#links) link.socket.destroy()
    this.#control?.socket.destroy()
  }
}

class Link {
  readonly socket: Socket
  #received: Buffer[] = []
  #closed = false
  #waiting: { take: (reply: unknown) => void; reject: (error: Error) => void } | undefined
  readonly #parser = new Parser({
    returnReply: (reply) => this.#waiting?.take(reply),
    returnError: (error) => this.#waiting?.take(error),
  })

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk) => {
      if (this.#waiting !== undefined) this.#parser.execute(chunk)
      else this.#received.push(chunk)
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      this.#closed = true
      this.#waiting?.reject(new Error('the server closed the connection'))
    })
  }

  static open(path: string): Promise<Link> {
    return new Promise((resolve, reject) => {
      const socket = connect(path)
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new Link(socket))
      })
    })
  }

  async ask(...words: string[]): Promise<unknown> {
    const [reply] = await this.askAll([words])
    return reply
  }

  /** Sends commands in one write and returns their replies. */
  async askAll(commands: readonly (readonly string[])[]): Promise<unknown[]> {
    const replies: unknown[] = []
    const all = new Promise<void>((resolve, reject) => {
      const take = (reply: unknown): void => {
        if (replies.push(reply) === commands.length) resolve()
      }
      this.#waiting = { take, reject }
    })
    this.socket.write(commands.map((words) => encodeCommand(words, () => '')).join(''), 'latin1')
    try {
      await all
      return replies
    } finally {
      this.#waiting = undefined
    }
  }

  take(): { bytes: string; closed: boolean } {
    if (this.#received.length === 0) return { bytes: '', closed: this.#closed }
    const bytes = Buffer.concat(this.#received).toString('latin1')
    this.#received = []
    return { bytes, closed: this.#closed }
  }
}

// ── the engine in this process ──────────────────────────────────────────────

export class EnginePeer implements Peer {
  readonly name = 'engine'
  #clock = new HeldClock()
  #engine: Engine | undefined
  #copy: Engine | undefined
  #journal = new EffectsJournal()
  #links: EngineLink[] = []
  readonly #settings: Settings

  /** `settings` are the engine's own, not those that programs change. */
  constructor(settings: Settings = {}) {
    this.#settings = settings
  }

  async reset(connections: number): Promise<void> {
    this.#engine?.stop()
    this.#clock = new HeldClock()
    this.#journal = new EffectsJournal()
    this.#engine = newEngine(this.#clock, this.#journal, this.#settings)
    this.#links = []
    for (let i = 0; i < connections; i++) this.#links.push(new EngineLink(this.#engine))
  }

  idOf(connection: number): string {
    return String(this.#links[connection]!.client.id)
  }

  send(connection: number, latin1: string): void {
    const engine = this.#engine!
    this.#links[connection]!.send(latin1)
    engine.endTurn()
  }

  async settle(): Promise<void> {
    this.#engine!.endTurn()
  }

  take(connection: number): { bytes: string; closed: boolean } {
    return this.#links[connection]!.take()
  }

  async reopen(connection: number): Promise<void> {
    this.#links[connection] = new EngineLink(this.#engine!)
  }

  async wait(ms: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, ms))
    this.#clock.fire()
    this.#engine!.endTurn()
  }

  /** Replays what was journaled into a second engine and compares the data (invariant 4). */
  verify(): string | undefined {
    // One engine for all episodes: making one is a third of the work of an episode.
    this.#copy ??= newEngine(this.#clock, undefined, this.#settings)
    const copy = this.#copy
    const replay = new EngineLink(copy, 'replay')
    replay.send(encodeCommand(['FLUSHALL'], () => ''))
    for (const words of this.#journal.effects) {
      replay.send(encodeCommand(words, () => ''))
      copy.endTurn()
    }
    const ours = this.#engine!
    for (let i = 0; i < 16; i++) {
      ours.databases[i]!.check()
      const dumps = [ours, copy].map((engine) => dumpDatabase(engine, i))
      if (dumps[0] !== dumps[1]) {
        const commands = this.#journal.effects.slice(-40).map((words) => JSON.stringify(words.join(' ')))
        return `after replaying the journal, database ${i} differs\n  live:     ${dumps[0]}\n  replayed: ${dumps[1]}\n  last effects:\n    ${commands.join('\n    ')}`
      }
    }
    copy.disconnect(replay.client)
    return undefined
  }

  async stop(): Promise<void> {
    this.#engine?.stop()
    this.#copy?.stop()
  }
}

type Settings = ConstructorParameters<typeof Config>[0]

function newEngine(clock: Clock, journal: Journal | undefined, settings: Settings): Engine {
  const engine = new Engine(
    {
      commands: catalog,
      clock,
      random: new Random(1),
      config: new Config({ 'enable-debug-command': 'yes', ...settings }),
      later: () => {},
    },
    makeParts,
  )
  if (journal !== undefined) {
    engine.effects.propagation.add(journal)
    engine.effects.durability.follow(journal)
  }
  return engine
}

/** What asks for the whole content of a value of each type; XINFO STREAM for streams. */
const CONTENT_COMMANDS: Record<string, readonly string[]> = {
  string: ['GET'],
  list: ['LRANGE', '0', '-1'],
  set: ['SMEMBERS'],
  zset: ['ZRANGE', '0', '-1', 'WITHSCORES'],
  hash: ['HGETALL'],
}

/** Everything in a database as text, expiry times included. */
function dumpDatabase(engine: Engine, database: number): string {
  const link = new EngineLink(engine)
  const ask = (...words: string[]): string => {
    link.send(encodeCommand(words, () => ''))
    engine.endTurn()
    return link.take().bytes
  }
  ask('SELECT', String(database))
  const names: string[] = []
  const parser = new Parser({
    returnReply: (reply) => names.push(...(reply as Buffer[]).map((name) => name.toString('latin1'))),
    returnError: (error) => {
      throw error
    },
    returnBuffers: true,
  })
  parser.execute(Buffer.from(ask('KEYS', '*'), 'latin1'))
  const dump = names.sort().map((key) => {
    const type = ask('TYPE', key)
    const [command, ...rest] = CONTENT_COMMANDS[type.slice(1, -2)] ?? []
    // When a consumer asked last is nobody's change: it is not journaled.
    let content =
      command === undefined
        ? ask('XINFO', 'STREAM', key, 'FULL', 'COUNT', '0').replaceAll(/((?:seen|active)-time\r\n):-?\d+/g, '$1')
        : ask(command, key, ...rest)
    // A set has no order that a replay would bring back.
    if (command === 'SMEMBERS') content = scanFrames(content).frames[0]!.children.map(frameBytes).sort().join('')
    return JSON.stringify([key, type, content, ask('PEXPIRETIME', key)])
  })
  engine.disconnect(link.client)
  return dump.join('\n')
}

/** The machine's time; timers fire only when asked, so that nothing happens between two steps. */
class HeldClock implements Clock {
  #pending: { dueMs: number; run: () => void }[] = []

  now(): number {
    return Date.now()
  }

  monotonic(): number {
    return performance.now()
  }

  after(delayMs: number, run: () => void): { cancel(): void } {
    const pending = { dueMs: this.monotonic() + delayMs, run }
    this.#pending.push(pending)
    return {
      cancel: () => {
        this.#pending = this.#pending.filter((other) => other !== pending)
      },
    }
  }

  fire(): void {
    const now = this.monotonic()
    const due = this.#pending.filter((pending) => pending.dueMs <= now).sort((a, b) => a.dueMs - b.dueMs)
    this.#pending = this.#pending.filter((pending) => pending.dueMs > now)
    for (const pending of due) pending.run()
  }
}

class EngineLink implements Transport {
  readonly kind = 'unix'
  readonly address = '/tmp/engine.sock:0'
  readonly localAddress = '/tmp/engine.sock:0'
  readonly descriptor = 8
  readonly backlogBytes = 0
  readonly client: Client
  readonly #engine: Engine
  #received: Buffer[] = []
  #closed = false

  constructor(engine: Engine, origin: Origin = 'client') {
    this.#engine = engine
    this.client = engine.connect(this, origin)
  }

  send(latin1: string): void {
    const bytes = Buffer.from(latin1, 'latin1')
    // As the socket's transport does: one read takes at most 64 KiB.
    for (let at = 0; at < bytes.length; at += 65536) {
      this.#engine.receive(this.client, new Source(bytes), at, Math.min(at + 65536, bytes.length))
    }
  }

  write(bytes: Buffer): boolean {
    this.#received.push(Buffer.from(bytes))
    return true
  }

  close(): void {
    this.#closed = true
  }

  take(): { bytes: string; closed: boolean } {
    if (this.#received.length === 0) return { bytes: '', closed: this.#closed }
    const bytes = Buffer.concat(this.#received).toString('latin1')
    this.#received = []
    return { bytes, closed: this.#closed }
  }
}

/** Remembers effects as words. */
class EffectsJournal implements Journal {
  readonly enabled = true
  readonly failure = undefined
  readonly waits = false
  written = 0
  synced = 0
  appended = 0
  readonly effects: string[][] = []
  #database = 0

  appendRequest(database: number, args: Arguments): void {
    const words: string[] = []
    for (let i = 0; i < args.length; i++) words.push(args.string(i))
    this.append(database, words)
  }

  append(database: number, words: readonly Word[]): void {
    if (database !== this.#database) this.effects.push(['SELECT', String(database)])
    this.#database = database
    this.effects.push(words.map(String))
    this.appended++
  }

  beginUnit(): void {
    this.effects.push(['MULTI'])
  }

  endUnit(): void {
    this.effects.push(['EXEC'])
  }

  write(): boolean {
    this.written = this.appended
    this.synced = this.appended
    return false
  }

  require(): void {}

  onProgress(): void {}
}
