// Errors that a Lua program can catch, and how they get their position.
//
// Compiled Lua keeps the lines of its source: the JavaScript made from line 7 stands on line 7 of a
// script whose name begins with `lua:` (see `compiler/line-layout.ts`). So a running program tracks
// no positions. When an error is made, V8's stack trace shows the active Lua functions and their
// lines.

/**
 * Prefix of the names under which V8 knows compiled chunks. An id, a colon and the chunk's
 * URI-encoded name follow.
 */
export const SCRIPT_SCHEME = 'lua:'

/** Lines that `new Function` puts before its body. */
export const LINES_BEFORE_BODY = 2

/**
 * Natives that end a level: a function that they call has no Lua caller. Stack traces show these
 * names.
 */
const BOUNDARIES = new Set(['luaPcall', 'luaXpcall', 'luaResume', 'luaCallback', 'luaBefore', 'luaSortLevel'])

/** Frames searched for the innermost function, above which natives stand. */
const FRAMES_NEAR = 30
/** Frames kept when a level above the first is searched. */
const FRAMES_MAX = 200

export interface Position {
  /** The chunk's name in messages, `user_script`. */
  readonly chunk: string
  readonly line: number
  /** The column of the active call in the compiled code, from 1. */
  readonly column: number
  /** The chunk's id in `call-names.ts`. */
  readonly chunkId: string
}

/**
 * Carries any Lua value as an error; `raisedValue` returns that value. The message of a string
 * error includes its position. `source` is the position of the innermost Lua function when the
 * error was made, or undefined.
 */
export class LuaError extends Error {
  readonly value: unknown
  readonly source: Position | undefined

  constructor(value: unknown, source?: Position) {
    super(typeof value === 'string' ? value : 'a Lua value')
    this.name = 'LuaError'
    this.value = value
    this.source = source
  }

  /**
   * Makes an error whose message begins with the position of the function at `level`; 1 is the
   * innermost Lua function.
   */
  static at(message: string, level: number): LuaError {
    const trace = callers(level)
    const here = trace.at(level - 1)
    return new LuaError(here === undefined ? message : `${here.chunk}:${here.line}: ${message}`, trace.find(isPosition))
  }

  /** Makes an error from any value. Adds no position to it, but notes where it was raised. */
  static raise(value: unknown): LuaError {
    return new LuaError(value, callers(1).find(isPosition))
  }
}

function isPosition(position: Position | undefined): position is Position {
  return position !== undefined
}

/**
 * Returns the active functions, innermost first: a position for a Lua function, undefined for a
 * native that ends a level.
 */
export function callers(levels: number): (Position | undefined)[] {
  const limit = levels > 1 ? FRAMES_MAX : FRAMES_NEAR
  const near = callersWithin(limit)
  // A library deep in a table is many frames above its caller.
  return near === undefined ? (callersWithin(Number.POSITIVE_INFINITY) ?? []) : near
}

/** Searches this many frames; returns undefined if there are more and none of these is Lua's. */
function callersWithin(limit: number): (Position | undefined)[] | undefined {
  const savedPrepare = Error.prepareStackTrace
  const savedLimit = Error.stackTraceLimit
  try {
    Error.prepareStackTrace = (_, sites) => sites
    Error.stackTraceLimit = limit
    const holder: { stack?: unknown } = {}
    Error.captureStackTrace(holder, callersWithin)
    const sites = holder.stack as NodeJS.CallSite[]
    const found: (Position | undefined)[] = []
    for (const site of sites) {
      const script = site.getScriptNameOrSourceURL()
      if (script?.startsWith(SCRIPT_SCHEME)) {
        const colon = script.indexOf(':', SCRIPT_SCHEME.length)
        found.push({
          chunk: decodeURIComponent(script.slice(colon + 1)),
          line: Math.max(1, (site.getLineNumber() ?? 1) - LINES_BEFORE_BODY),
          column: site.getColumnNumber() ?? 0,
          chunkId: script.slice(SCRIPT_SCHEME.length, colon),
        })
      } else if (BOUNDARIES.has(site.getFunctionName() ?? '')) found.push(undefined)
    }
    return found.length === 0 && sites.length === limit ? undefined : found
  } finally {
    Error.prepareStackTrace = savedPrepare
    Error.stackTraceLimit = savedLimit
  }
}

/** Throws an error of the running Lua function: `user_script:7: message`. */
export function runtimeError(message: string): never {
  throw LuaError.at(message, 1)
}

/**
 * Returns the error that `pcall` gives a script for a thrown value; undefined when it must pass (a
 * kill, a bug of ours).
 */
export function caughtError(thrown: unknown): LuaError | undefined {
  if (thrown instanceof LuaError) return thrown
  // The meter prevents both; this is the net below it. There may be hardly any stack left here. So
  // this code must not use a regular expression, which V8 compiles at its first use.
  if (thrown instanceof RangeError) {
    return new LuaError(thrown.message === 'Invalid string length' ? 'not enough memory' : 'stack overflow')
  }
  // V8's error when there is no stack left to compile a regular expression of a library.
  if (thrown instanceof SyntaxError && thrown.message.endsWith('tack overflow')) return new LuaError('stack overflow')
  return undefined
}
