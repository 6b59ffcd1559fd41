// POST /v1/ticket: a ticket for one stream, which its address may carry.

import type { Exchange } from '../exchanges/exchange.ts'
import { TICKET_MS_MAX, type Tickets } from '../rights/tickets.ts'
import type { Visitor } from '../rights/visitor.ts'
import { JSON_HEADERS } from './answers.ts'

export function answerTicket(exchange: Exchange, visitor: Visitor, tickets: Tickets): void {
  const ticket = tickets.issue(visitor)
  exchange.answer(200, JSON_HEADERS, JSON.stringify({ ticket, seconds: TICKET_MS_MAX / 1000 }))
}
