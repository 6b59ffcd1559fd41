// Replies of commands that are texts or flat arrays, as objects.

import { Refusal, type Reply } from './api.ts'
import { readable } from './bytes.ts'

/** The lines `name:value` of INFO and CLUSTER INFO. */
export function fieldsOf(text: string): Map<string, string> {
  const fields = new Map<string, string>()
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(':')
    if (colon > 0 && !line.startsWith('#')) fields.set(line.slice(0, colon), line.slice(colon + 1))
  }
  return fields
}

/** The words `name=value` of a line of CLIENT LIST, and of values in INFO. */
export function wordsOf(line: string, separator: string): Record<string, string> {
  return Object.fromEntries(
    line.split(separator).map((word) => {
      const at = word.indexOf('=')
      return at < 0 ? [word, ''] : [word.slice(0, at), word.slice(at + 1)]
    }),
  )
}

/** The pairs of a map, which comes as a flat array. */
export function pairsOf(reply: Reply | Refusal): [Reply, Reply][] {
  if (!Array.isArray(reply)) return []
  const pairs: [Reply, Reply][] = []
  for (let i = 0; i + 1 < reply.length; i += 2) pairs.push([reply[i], reply[i + 1]])
  return pairs
}

export function listOf(reply: Reply | Refusal | undefined): readonly Reply[] {
  return Array.isArray(reply) ? reply : []
}

/** The value of a reply that is a number; null = it is none. */
export function numberOf(reply: Reply | Refusal | undefined): number | null {
  if (reply instanceof Refusal || reply === null || reply === undefined) return null
  const value = Number(readable(reply))
  return Number.isNaN(value) ? null : value
}

export function textOfReply(reply: Reply | Refusal | undefined): string {
  return reply instanceof Refusal ? '' : readable(reply)
}
