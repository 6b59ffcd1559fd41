// Tickets: a word that opens one stream, once and within half a minute, with the rights of the
// visitor that asked for it.
//
// EventSource and WebSocket in a browser send no Authorization header. A page fetches a ticket
// with its own rights, and puts it into the address.

import { randomBytes } from 'node:crypto'
import type { Clock } from '../../util/time/clock.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { UNAUTHORIZED, type Visitor } from './visitor.ts'

export const TICKET_MS_MAX = 30_000
/** The most unused tickets; beyond it the oldest end early. */
const TICKETS_MAX = 10_000
const TICKET_BYTES = 24

interface Ticket {
  readonly visitor: Visitor
  readonly endsMs: number
}

export class Tickets {
  readonly #clock: Clock
  /** In the order of their expiry. */
  readonly #tickets = new Map<string, Ticket>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#tickets.size
  }

  /** Makes a ticket. It runs no commands. */
  issue({ user, grants = { subscribe: ['*'], publish: ['*'] }, expiresMs, mercure }: Visitor): string {
    this.#dropEnded()
    const ticket = randomBytes(TICKET_BYTES).toString('base64url')
    const rights = { user, proof: 'signed', grants, expiresMs, hasTicket: true } as const
    const visitor: Visitor = mercure === undefined ? rights : { ...rights, mercure }
    this.#tickets.set(ticket, { visitor, endsMs: this.#clock.monotonic() + TICKET_MS_MAX })
    return ticket
  }

  /** Uses up a ticket. Throws HttpError. */
  take(ticket: string): Visitor {
    const found = this.#tickets.get(ticket)
    this.#tickets.delete(ticket)
    if (found === undefined || found.endsMs <= this.#clock.monotonic())
      throw new HttpError(401, 'the ticket was used or is too old', UNAUTHORIZED)
    return found.visitor
  }

  #dropEnded(): void {
    const nowMs = this.#clock.monotonic()
    for (const [name, { endsMs }] of this.#tickets) {
      if (endsMs > nowMs && this.#tickets.size < TICKETS_MAX) return
      this.#tickets.delete(name)
    }
  }
}
