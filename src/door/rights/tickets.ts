// Tickets: a word that opens one stream, once and within half a minute, with the rights of the
// visitor that asked for it.
//
// EventSource and WebSocket in a browser send no Authorization header. A page fetches a ticket
// with its own rights, and puts it into the address.

import type { Clock } from '../../util/time/clock.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { OneUseWords } from './one-use-words.ts'
import { UNAUTHORIZED, type Visitor } from './visitor.ts'

export const TICKET_MS_MAX = 30_000
const TICKETS_MAX = 10_000

export class Tickets {
  readonly #words: OneUseWords<Visitor>

  constructor(clock: Clock) {
    this.#words = new OneUseWords(clock, { msMax: TICKET_MS_MAX, countMax: TICKETS_MAX })
  }

  get size(): number {
    return this.#words.size
  }

  /** Makes a ticket. It runs no commands. */
  issue({ user, grants = { subscribe: ['*'], publish: ['*'] }, expiresMs, mercure }: Visitor): string {
    const rights = { user, proof: 'signed', grants, expiresMs, hasTicket: true } as const
    return this.#words.issue(mercure === undefined ? rights : { ...rights, mercure })
  }

  /** Uses up a ticket. Throws HttpError. */
  take(ticket: string): Visitor {
    const visitor = this.#words.take(ticket)
    if (visitor === undefined) throw new HttpError(401, 'the ticket was used or is too old', UNAUTHORIZED)
    return visitor
  }
}
