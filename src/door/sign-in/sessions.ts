// Sessions of the console: an id in a cookie stands for an ACL user who has proved to be that.
//
// An id is drawn at each sign-in, so an id that was planted before is worth nothing. Only hashes of
// ids are kept. A session ends when it was idle for long, when it is old, and when its user is
// gone, is off or has lost the password that it signed in with.

import { createHash, randomBytes } from 'node:crypto'
import type { Engine } from '../../commands/call.ts'

/** The most sessions; beyond it the one that was used least lately ends. */
const SESSIONS_MAX = 1000
/** The same for one user: one user's sign-ins end no session of another. */
const SESSIONS_OF_USER_MAX = 50
const ID_BYTES = 32

export type SignInWay = 'password' | 'link'

export interface Session {
  readonly user: string
  readonly how: SignInWay
  /** Hash of the password; undefined where none was asked for. */
  readonly password: Buffer | undefined
  /** When it ends at the latest: by the clock of work, and in Unix milliseconds. */
  readonly endsMs: number
  readonly expiresAt: number
  /** When it was used last, by the clock of work. */
  usedMs: number
  /** Called when it ends. */
  readonly ended: Set<() => void>
}

export class Sessions {
  readonly #engine: Engine
  /** Hash of an id → its session, the one that was used last at the end. */
  readonly #byHash = new Map<string, Session>()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  get size(): number {
    return this.#byHash.size
  }

  /** Begins a session and returns its id. */
  begin(user: string, how: SignInWay, password: Buffer | undefined): string {
    this.#makeRoom(user)
    const { clock, workClock } = this.#engine.environment
    const lastsMs = this.#engine.config.get('console-session-max') * 1000
    const id = randomBytes(ID_BYTES).toString('base64url')
    const usedMs = workClock.monotonic()
    const ends = { endsMs: usedMs + lastsMs, expiresAt: clock.now() + lastsMs }
    this.#byHash.set(hashOf(id), { user, how, password, ...ends, usedMs, ended: new Set() })
    return id
  }

  /**
   * Returns the session of an id, which counts as used; undefined = there is none, or it is over.
   */
  use(id: string): Session | undefined {
    const hash = hashOf(id)
    const session = this.#byHash.get(hash)
    if (session === undefined) return undefined
    if (this.isOver(session)) {
      this.#remove(hash, session)
      return undefined
    }
    session.usedMs = this.#engine.environment.workClock.monotonic()
    this.#byHash.delete(hash)
    this.#byHash.set(hash, session)
    return session
  }

  /** Ends the session of an id. */
  end(id: string): void {
    const hash = hashOf(id)
    const session = this.#byHash.get(hash)
    if (session !== undefined) this.#remove(hash, session)
  }

  endAll(): void {
    for (const [hash, session] of [...this.#byHash]) this.#remove(hash, session)
  }

  /** Tells whether a session has ended; asking is no use of it. */
  isOver({ endsMs, password, usedMs, user }: Session): boolean {
    const { clients, config, environment } = this.#engine
    const nowMs = environment.workClock.monotonic()
    if (nowMs >= endsMs || nowMs >= usedMs + config.get('console-session-idle') * 1000) return true
    const found = clients.users.get(user)
    if (found === undefined || !found.enabled) return true
    return password !== undefined && !found.hasPassword(password)
  }

  #remove(hash: string, session: Session): void {
    this.#byHash.delete(hash)
    for (const tell of session.ended) tell()
  }

  /** Ends sessions that are over, and then as many as the bounds want. */
  #makeRoom(user: string): void {
    for (const [hash, session] of [...this.#byHash]) if (this.isOver(session)) this.#remove(hash, session)
    const own = [...this.#byHash].filter(([, session]) => session.user === user)
    const [oldestOwn] = own
    if (own.length >= SESSIONS_OF_USER_MAX && oldestOwn !== undefined) this.#remove(...oldestOwn)
    const [oldest] = this.#byHash
    if (this.#byHash.size >= SESSIONS_MAX && oldest !== undefined) this.#remove(...oldest)
  }
}

function hashOf(id: string): string {
  return createHash('sha256').update(id).digest('base64url')
}
