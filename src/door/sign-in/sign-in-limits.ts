// Wrong passwords at the console's sign-in: how many one address may send, for one user and in all.
//
// Beyond that number a sign-in is refused unchecked until the time is up: else the answer would
// still tell a right password. A user is not counted apart from the address, so a guesser keeps
// only the own address out. Of IPv6 the network of 64 bits counts, because one machine has all of
// it.

import { createHash } from 'node:crypto'
import net from 'node:net'
import type { Clock } from '../../util/time/clock.ts'
import { HttpError } from '../exchanges/http-error.ts'

const WINDOW_MS = 15 * 60_000
const FAILURES_OF_USER_MAX = 5
const FAILURES_OF_ADDRESS_MAX = 20
/** Names that are counted. Beyond this number the one that began first is given up. */
const NAMES_MAX = 10_000
/** The groups of an IPv6 address that name its network. */
const NETWORK_GROUPS = 4

interface Failures {
  count: number
  readonly endsMs: number
}

export class SignInLimits {
  readonly #clock: Clock
  /** Hash of a name → its failures, in the order of their ends. */
  readonly #failures = new Map<string, Failures>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The number of names that are counted. */
  get size(): number {
    return this.#failures.size
  }

  /** Throws HttpError where too many wrong passwords came. */
  check(ip: string, user: string): void {
    const waitMs = Math.max(
      this.#waitOf(pairOf(ip, user), FAILURES_OF_USER_MAX),
      this.#waitOf(networkOf(ip), FAILURES_OF_ADDRESS_MAX),
    )
    if (waitMs <= 0) return
    const seconds = Math.ceil(waitMs / 1000)
    throw new HttpError(429, `too many wrong passwords: try again in ${seconds} s`, { 'Retry-After': String(seconds) })
  }

  /** Counts a wrong password. */
  failed(ip: string, user: string): void {
    this.#count(pairOf(ip, user))
    this.#count(networkOf(ip))
  }

  /** Forgets the wrong passwords of a user who knows the right one. The address stays counted. */
  succeeded(ip: string, user: string): void {
    this.#failures.delete(pairOf(ip, user))
  }

  #waitOf(name: string, max: number): number {
    const found = this.#failures.get(name)
    return found === undefined || found.count < max ? 0 : found.endsMs - this.#clock.monotonic()
  }

  #count(name: string): void {
    const nowMs = this.#clock.monotonic()
    const found = this.#failures.get(name)
    if (found !== undefined && found.endsMs > nowMs) {
      found.count++
      return
    }
    this.#failures.delete(name)
    const [first] = this.#failures.keys()
    if (this.#failures.size >= NAMES_MAX && first !== undefined) this.#failures.delete(first)
    this.#failures.set(name, { count: 1, endsMs: nowMs + WINDOW_MS })
  }
}

/** A name may be as long as a body, so its hash is kept. */
function pairOf(ip: string, user: string): string {
  return createHash('sha256')
    .update(`${networkOf(ip)} ${user}`)
    .digest('base64')
}

/** Returns an IPv4 address, or the network of an IPv6 address. */
function networkOf(ip: string): string {
  const plain = ip.replace(/^::ffff:(?=\d+\.)/i, '')
  if (net.isIPv6(plain)) return expanded(plain).slice(0, NETWORK_GROUPS).join(':')
  return plain
}

function expanded(ip: string): string[] {
  const [head = '', tail] = ip.split('%')[0]!.split('::')
  const first = head === '' ? [] : head.split(':')
  const last = tail === undefined || tail === '' ? [] : tail.split(':')
  if (tail === undefined) return first
  return [...first, ...new Array<string>(Math.max(0, 8 - first.length - last.length)).fill('0'), ...last]
}
