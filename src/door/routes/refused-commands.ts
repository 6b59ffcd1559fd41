// Commands that are not served over HTTP: a connection serves many requests, so no request may
// leave it in another state.

import type { Engine } from '../../commands/call.ts'
import type { Word } from '../clients/command-client.ts'
import { ErrorReply } from '../clients/json-replies.ts'

/** Commands that make a connection that of a replica. */
const REPLICAS: ReadonlySet<string> = new Set(['sync', 'psync', 'replconf'])

/** Returns the refusal of a command; undefined = it is served. */
export function refusalOf(engine: Engine, words: readonly Word[]): ErrorReply | undefined {
  const command = engine.commands.meant(String(words[0]), words[1])
  if (command === undefined) return undefined
  if (command.spec.changesConnection === undefined && !REPLICAS.has(command.name)) return undefined
  return new ErrorReply(
    `ERR ${command.name.toUpperCase()} changes the state of a connection: it is not served over HTTP`,
  )
}
