// POST /v1/ticket: a ticket for one stream, which its address may carry.

import type { CommandClients } from '../clients/command-clients.ts'
import type { Exchange } from '../exchanges/exchange.ts'
import { JSON_HEADERS } from '../exchanges/json-headers.ts'
import { TICKET_MS_MAX, type Tickets } from '../rights/tickets.ts'
import type { Visitor } from '../rights/visitor.ts'

/** Throws HttpError if the visitor's user is unknown, because a ticket counts as a proof. */
export function answerTicket(
  exchange: Exchange,
  visitor: Visitor,
  { clients, tickets }: { clients: CommandClients; tickets: Tickets },
): void {
  clients.of(exchange, visitor)
  const ticket = tickets.issue(visitor)
  exchange.answer(200, JSON_HEADERS, JSON.stringify({ ticket, seconds: TICKET_MS_MAX / 1000 }))
}
