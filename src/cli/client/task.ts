// A special task of the client: it asks the server, and prints.

import type { Connection } from './connection.ts'
import type { CliOptions } from './options.ts'
import type { Reply } from './reply.ts'
import type { CliStreams } from './streams.ts'

export interface Task {
  readonly connection: Connection
  readonly options: CliOptions
  readonly streams: CliStreams
  /** How replies are printed. */
  readonly isRaw: boolean
}

/** Ends a task: the message is all that the user has to know. */
export class TaskFailed extends Error {
  override name = 'TaskFailed'
}

/** Returns the text of a reply. Throws TaskFailed, with `what` in front, when it is an error. */
export function textOf({ bytes, type }: Reply, what: string): string {
  const text = bytes.toString('latin1')
  if (type === '-' || type === '!') throw new TaskFailed(`${what}: ${text}`)
  return text
}
