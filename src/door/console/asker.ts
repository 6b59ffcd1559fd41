// Asks questions by commands, as one user: the ACL decides about each, as on a socket.
//
// The broker is this one (`CommandAsker`), or another server that a connection leads to.

import type { CommandClient, Word } from '../clients/command-client.ts'
import { statusOf } from '../clients/error-status.ts'
import { ErrorReply, type JsonReply, jsonOf } from '../clients/json-replies.ts'
import { HttpError } from '../exchanges/http-error.ts'

export type Words = readonly Word[]

export interface Asker {
  /**
   * Runs commands, and returns the values of their replies. Rejects with HttpError for the first
   * error.
   */
  ask(commands: readonly Words[]): Promise<unknown[]>
  /** As `ask`, with an HttpError in the place of an error. */
  tryAll(commands: readonly Words[]): Promise<unknown[]>
}

export class CommandAsker implements Asker {
  readonly #client: CommandClient

  constructor(client: CommandClient) {
    this.#client = client
  }

  async ask(commands: readonly Words[]): Promise<unknown[]> {
    const values = await this.tryAll(commands)
    for (const value of values) if (value instanceof HttpError) throw value
    return values
  }

  async tryAll(commands: readonly Words[]): Promise<unknown[]> {
    const replies = await this.#client.run(commands, 'typed')
    return replies.map(answerOf)
  }
}

function answerOf(reply: JsonReply): unknown {
  if (reply instanceof ErrorReply) return new HttpError(statusOf(reply.message), reply.message)
  return JSON.parse(jsonOf(reply, 'typed')) as unknown
}

/** Returns a flat list of names and values as an object. */
export function mapOf(flat: unknown): Record<string, unknown> {
  const map: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  if (!Array.isArray(flat)) return map
  for (let i = 0; i + 1 < flat.length; i += 2) map[String(flat[i])] = flat[i + 1]
  return map
}

/** Returns the text of a string; of bytes that are none, base64. Undefined = it is no string. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  if (typeof value === 'object' && value !== null && 'base64' in value) return String(value.base64)
  return undefined
}

/** Returns a number; null = there is none. */
export function numberOf(value: unknown): number | null {
  if (value === null || value === undefined || value === '') return null
  const number = Number(value)
  return Number.isFinite(number) ? number : null
}
