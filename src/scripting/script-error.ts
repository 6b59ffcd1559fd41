// The error reply of a script that failed.

import { ReplyError } from '../protocol/errors.ts'
import type { LuaError, Position } from './lua/errors.ts'
import { LuaTable } from './lua/table.ts'
import { raisedValue, rawToString } from './lua/value.ts'
import { oneLine, untilZero } from './reply-from-lua.ts'

/** Thrown through a running script to end it. A script cannot catch it. */
export class ScriptKilled {
  readonly message: string
  /** Where the script was ended. */
  source: Position | undefined = undefined
  /**
   * Whether the script's changes are kept. They are discarded when the server exits because of it.
   */
  readonly changes: 'keep' | 'discard'

  constructor(message: string, changes: 'keep' | 'discard' = 'keep') {
    this.message = message
    this.changes = changes
  }
}

/** Returns an error's text in Redis's form, without the position that the final reply adds. */
export function errorText(error: LuaError): string {
  const value = raisedValue(error)
  if (!(value instanceof LuaTable)) return `ERR ${rawToString(value)}`
  const text = value.getString('err')
  return typeof text === 'string' || typeof text === 'number' ? rawToString(text) : 'ERR unknown error'
}

/** The final reply: `ERR user_script:1: message script: <name>, on @user_script:1.` */
export function scriptError(error: LuaError | ScriptKilled, name: string): ReplyError {
  const { source } = error
  const where = source === undefined ? '' : ` script: ${name}, on ${sourceName(source)}:${source.line}.`
  const text = error instanceof ScriptKilled ? error.message : oneLine(errorText(error))
  // With a position, the text is printed like a C string: up to a zero byte.
  return new ReplyError(where === '' ? text : untilZero(text) + where)
}

/** Tells whether the error came from a command, which counted it. */
export function wasCounted(error: LuaError): boolean {
  return error.value instanceof LuaTable && error.value.getString('ignore_error_stats_update') === true
}

/**
 * Returns a chunk's name as Lua's debug library shows it: ours begin with @, and a loaded string is
 * its own name.
 */
function sourceName({ chunk }: Position): string {
  if (chunk === 'user_script' || chunk === 'user_function') return `@${chunk}`
  const text = /^\[string "(.*)"\]$/s.exec(chunk)
  return text?.[1] ?? `=${chunk}`
}
