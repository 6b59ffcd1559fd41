// Errors a Lua program can catch, and how they learn their position.
//
// Compiled Lua keeps the lines of its source: the JavaScript made from line 7 stands on line 7 of a script whose name
// begins with `lua:` (see `compiler/layout.ts`). So nothing has to be tracked while a program runs: when an error
// is made, V8's own stack trace tells which Lua functions are active and on which lines.

/** Begins the names under which V8 knows compiled chunks; an id follows, a colon and the chunk's own name, URI-encoded. */
export const SCRIPT_SCHEME = 'lua:'

/** Lines that `new Function` puts before the body it is given. */
export const LINES_BEFORE_BODY = 2

/** Natives that end a level: a function they call has no Lua caller. They are known by these names in stack traces. */
const BOUNDARIES = new Set(['luaPcall', 'luaXpcall', 'luaResume', 'luaCallback', 'luaBefore', 'luaSortLevel'])

/** Frames looked at for the innermost function; natives stand upon it. */
const FRAMES_NEAR = 30
/** Frames kept when looking for a level above the first. */
const FRAMES_MAX = 200

export interface Position {
  /** Name of the chunk as messages show it, `user_script`. */
  readonly chunk: string
  readonly line: number
  /** The column of the call under way, from 1, in the compiled code. */
  readonly column: number
  /** What `call-names.ts` knows the chunk by. */
  readonly chunkId: string
}

/**
 * Carries any Lua value as an error (`raisedValue` gives it back as one). The message of a string error includes its position; `source` is where the innermost
 * Lua function stood when the error was made, undefined when there was none.
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

  /** Makes an error whose message begins with the position of the function at `level`: 1 is the innermost Lua function. */
  static at(message: string, level: number): LuaError {
    const trace = callers(level)
    const here = trace.at(level - 1)
    return new LuaError(here === undefined ? message : `${here.chunk}:${here.line}: ${message}`, trace.find(isPosition))
  }

  /** Makes an error from any value, adding no position to it but noting where it was raised. */
  static raise(value: unknown): LuaError {
    return new LuaError(value, callers(1).find(isPosition))
  }
}

function isPosition(position: Position | undefined): position is Position {
  return position !== undefined
}

/** The active functions, innermost first: a position for a Lua function, undefined for a native that ends a level. */
export function callers(levels: number): (Position | undefined)[] {
  const limit = levels > 1 ? FRAMES_MAX : FRAMES_NEAR
  const near = callersWithin(limit)
  // A library that is deep in a table when it finds something wrong has left the function that called it far behind.
  return near === undefined ? (callersWithin(Number.POSITIVE_INFINITY) ?? []) : near
}

/** Looks at so many frames; undefined when there are more and none of these is of Lua. */
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

/** What `pcall` hands a script for something thrown, or undefined when it must pass through (a kill, a bug of ours). */
export function caughtError(thrown: unknown): LuaError | undefined {
  if (thrown instanceof LuaError) return thrown
  // Both are foreseen by the meter; these are the nets below it. There may be no stack left: nothing here may need much of
  // it, least of all a regular expression, which V8 compiles at its first use.
  if (thrown instanceof RangeError) {
    return new LuaError(thrown.message === 'Invalid string length' ? 'not enough memory' : 'stack overflow')
  }
  // What V8 throws when there is no stack left to compile a regular expression of a library's.
  if (thrown instanceof SyntaxError && thrown.message.endsWith('tack overflow')) return new LuaError('stack overflow')
  return undefined
}
