// What a client is told of an error that ended a script.

import { ReplyError } from '../protocol/errors.ts'
import type { LuaError, Position } from './lua/errors.ts'
import { LuaTable } from './lua/table.ts'
import { raisedValue, rawToString } from './lua/value.ts'
import { oneLine, untilZero } from './reply-from-lua.ts'

/** Thrown through a running script to end it. No script can catch it. */
export class ScriptKilled {
  readonly message: string
  /** Where it was ended. */
  source: Position | undefined = undefined
  /** What becomes of the changes it has made, if any: they are not kept when the server ends because of it. */
  readonly changes: 'keep' | 'discard'

  constructor(message: string, changes: 'keep' | 'discard' = 'keep') {
    this.message = message
    this.changes = changes
  }
}

/** An error's text as Redis forms it, without the position that final replies add. */
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
  // With a position the text is printed as C prints a string: up to a zero byte.
  return new ReplyError(where === '' ? text : untilZero(text) + where)
}

/** True when the error came from a command, where it was counted. */
export function wasCounted(error: LuaError): boolean {
  return error.value instanceof LuaTable && error.value.getString('ignore_error_stats_update') === true
}

/** A chunk's name as Lua's debug library tells it: ours begin with @, a loaded string is its own name. */
function sourceName({ chunk }: Position): string {
  if (chunk === 'user_script' || chunk === 'user_function') return `@${chunk}`
  const text = /^\[string "(.*)"\]$/s.exec(chunk)
  return text === null ? `=${chunk}` : text[1]!
}
