// Wrong passwords: how many an address may try for one user in a second.
//
// Beyond that number a password is refused unchecked, whether it is right or not: else the answer
// would still tell a right one. Behind a proxy all visitors have one address. So the password that
// was accepted last from there is let through, and a guesser keeps no one out.

import { hashPassword } from '../../acl/user.ts'
import { NameMap } from '../../util/tables/name-map.ts'
import type { Clock } from '../../util/time/clock.ts'
import { RateLimits } from '../exchanges/rate-limits.ts'

const FAILURES_PER_SECOND = 10
/** Pairs of an address and a user whose password is remembered, as a hash. */
const ACCEPTED_MAX = 10_000

export class PasswordGuesses {
  readonly #failures: RateLimits
  readonly #accepted = new NameMap<string>()

  constructor(clock: Clock) {
    this.#failures = new RateLimits(clock)
  }

  /** Throws HttpError where too many wrong ones came, and this is not the one that was accepted. */
  check(ip: string, user: string, password: string): void {
    const pair = `${ip} ${user}`
    if (this.#failures.isSpent(pair, FAILURES_PER_SECOND) && this.#accepted.get(pair) !== hashOf(password))
      this.#failures.take(pair, FAILURES_PER_SECOND)
  }

  /** Notes a password that was right. */
  accepted(ip: string, user: string, password: string): void {
    if (this.#accepted.size >= ACCEPTED_MAX) this.#accepted.clear()
    this.#accepted.set(`${ip} ${user}`, hashOf(password))
  }

  /** Counts a password that was wrong. Throws HttpError where there are too many. */
  refused(ip: string, user: string): void {
    this.#failures.take(`${ip} ${user}`, FAILURES_PER_SECOND)
  }
}

function hashOf(password: string): string {
  return hashPassword(password).toString('latin1')
}
