// An endpoint of the console: its description, of which the OpenAPI file is made, and its handler.
//
// Shapes of answers are written as they look: `{ name: 'string', oldestMs: 'integer?' }`, where `?`
// says that null may stand there, and `[shape]` is a list.

import type { Exchange } from '../exchanges/exchange.ts'
import type { Standing } from '../exchanges/origins.ts'
import type { Visitor } from '../rights/visitor.ts'
import type { Console } from './console.ts'

export type Shape = string | readonly [Shape] | { readonly [name: string]: Shape }

export interface Parameter {
  readonly doc: string
  readonly type?: 'string' | 'integer'
  readonly isList?: true
  readonly isNeeded?: true
}

export interface EndpointDoc {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** With names in braces: `/v1/queues/{name}`. */
  readonly path: string
  readonly summary: string
  readonly query?: Readonly<Record<string, Parameter>>
  readonly body?: Shape
  /** The kind of the answer; JSON unless said. */
  readonly media?: 'application/json' | 'text/event-stream' | 'application/x-ndjson'
  readonly answer: Shape
  /** Other statuses than 200, and their meaning. */
  readonly statuses?: Readonly<Record<number, string>>
}

/** A request for an endpoint. */
export interface ConsoleRequest {
  readonly exchange: Exchange
  readonly visitor: Visitor
  readonly standing: Standing
  /** The names in the path, in their order, decoded. */
  readonly names: readonly string[]
}

export interface Endpoint extends EndpointDoc {
  /** Rejects with HttpError. */
  handle(console: Console, request: ConsoleRequest): Promise<void> | void
}

/** Parameters of the query that several endpoints have. */
export const DATABASE: Parameter = { doc: 'The number of the database; 0 unless said.', type: 'integer' }
export const PREFIX: Parameter = { doc: 'The prefix of the keys of a queue; bull unless said.' }
