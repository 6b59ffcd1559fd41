// One Lua runtime: its globals and its libraries. It compiles and runs chunks.
//
// `compile` always parses and generates code again; callers cache its result. The result is a Lua
// function bound to the globals of this runtime.

import { rememberChunk } from './call-names.ts'
import { all, first, NONE, settle, stringMeta, weighed } from './calling-convention.ts'
import { parse } from './compiler/parser.ts'
import { CHUNK_PARAMETER, type ChunkOptions, ChunkTooLarge, writeChunk } from './compiler/statements.ts'
import { caughtError, LuaError, SCRIPT_SCHEME } from './errors.ts'
import { FunctionInlineCache, InlineCache } from './inline-cache.ts'
import { baseLibrary } from './lib/base.ts'
import { coroutineLibrary, forgetCoroutines } from './lib/coroutine.ts'
import { mathLibrary } from './lib/math.ts'
import { osLibrary } from './lib/os.ts'
import { tableLibrary } from './lib/table.ts'
import { operations } from './operations.ts'
import { Rand48 } from './rand48.ts'
import { meter, SCRIPT_MEMORY_BYTES_MAX } from './script-meter.ts'
import { LuaTable } from './table.ts'
import type { LuaFunction, LuaResult, LuaValue } from './value.ts'

export interface RuntimeOptions {
  /**
   * Called every `STEPS_PER_TICK` steps; throws something that is no LuaError to kill the script.
   */
  readonly interrupt?: () => void
  /** The source of `math.random`; the default is a sequence of its own. */
  readonly chance?: Rand48
  /** Bytes that a script may build. */
  readonly memoryBytesMax?: number
}

export class LuaRuntime {
  readonly globals: LuaTable
  /** The object behind the capital letters of compiled code. */
  readonly #known: object
  readonly #interrupt: (() => void) | undefined
  readonly #memoryBytesMax: number
  /**
   * True when a chunk that names `coroutine` was compiled: later chunks may be given functions that
   * yield.
   */
  #yields = false
  readonly #isFixed = (name: string, field?: string): boolean => isFixed(this.globals, name, field)

  constructor(options: RuntimeOptions = {}) {
    this.#interrupt = options.interrupt
    this.#memoryBytesMax = options.memoryBytesMax ?? SCRIPT_MEMORY_BYTES_MAX
    this.globals = baseLibrary((source, loaded, syntaxName) => {
      const options = { resumable: this.#yields, isFixed: undefined }
      return this.#compile(source, loaded, syntaxName, options, meter.nested)
    })
    const G = this.globals
    this.#known = {
      R: operations,
      T: LuaTable,
      M: meter,
      G,
      N: NONE,
      A: Array.isArray,
      F: first,
      S: InlineCache,
      P: FunctionInlineCache,
      W: weighed,
    }
    this.globals.set('_G', this.globals)
    this.globals.set('_VERSION', 'Lua 5.1')
    this.globals.set('table', tableLibrary())
    this.globals.set('math', mathLibrary(options.chance ?? new Rand48()))
    this.globals.set('os', osLibrary())
    this.globals.set('coroutine', coroutineLibrary())
  }

  /** Adds a library as a global. The one named `string` also serves the methods of strings. */
  addLibrary(name: string, library: LuaTable): void {
    this.globals.set(name, library)
    if (name !== 'string') return
    const metatable = new LuaTable()
    metatable.set('__index', library)
    stringMeta.table = metatable
  }

  /**
   * Compiles a script, one byte a character, to be run any number of times, one after the other.
   * `name` is its name in messages. Throws a LuaError when it is malformed. Compiling is bounded
   * like a running script, and may be interrupted.
   *
   * A chunk that names `coroutine` is compiled so that its functions can yield, which makes them
   * slower. From then on this also holds for chunks that the program loads. Functions of other
   * chunks behave like C functions inside a coroutine: they cannot yield, and they cannot reach a
   * function that would.
   */
  compile(source: string, name: string): LuaFunction {
    const resumable = source.includes('coroutine')
    if (resumable) this.#yields = true
    meter.begin(this.#interrupt, this.#memoryBytesMax)
    try {
      return this.#compile(source, name, name, { resumable, isFixed: this.#isFixed }, 0)
    } finally {
      meter.end()
    }
  }

  #compile(source: string, name: string, syntaxName: string, options: ChunkOptions, levels: number): LuaFunction {
    try {
      const code = writeChunk(parse(source, syntaxName, levels), options)
      const id = rememberChunk(source, name, options)
      const named = `${code}\n//# sourceURL=${SCRIPT_SCHEME}${id}:${encodeURIComponent(name)}`
      const make = new Function(CHUNK_PARAMETER, named) as (known: object) => LuaFunction
      return make(this.#known)
    } catch (error) {
      const problem = compileProblem(error)
      throw problem === undefined ? error : new LuaError(`${syntaxName}:1: ${problem}`)
    }
  }

  /**
   * Runs a function as a script, with fresh limits. Throws a LuaError, or the value that killed it.
   */
  run(main: LuaFunction, args: readonly LuaValue[] = []): readonly LuaValue[] {
    return all(this.#run(main, args))
  }

  /**
   * Does the same as `run` for a caller that wants only the first result and has just read the
   * monotonic clock.
   */
  runFirst(main: LuaFunction, args: readonly LuaValue[], nowMs: number): LuaValue {
    return first(this.#run(main, args, nowMs))
  }

  #run(main: LuaFunction, args: readonly LuaValue[], nowMs?: number): LuaResult {
    meter.begin(this.#interrupt, this.#memoryBytesMax, nowMs)
    forgetCoroutines()
    try {
      return settle(main(...args))
    } catch (error) {
      throw caughtError(error) ?? error
    } finally {
      meter.end()
    }
  }
}

/**
 * Returns the problem of a chunk that is valid Lua but exceeds a limit here or in V8; undefined for
 * other errors.
 */
function compileProblem(error: unknown): string | undefined {
  if (error instanceof ChunkTooLarge || error instanceof SyntaxError) return 'function or expression too complex'
  if (!(error instanceof RangeError)) return undefined
  return error.message === 'Invalid string length' ? 'not enough memory' : 'chunk has too many syntax levels'
}

/** Tells whether a global, or a field of one, is a function that cannot be replaced. */
function isFixed(globals: LuaTable, name: string, field: string | undefined): boolean {
  if (!globals.locked) return false
  const value = globals.getString(name)
  if (field === undefined) return typeof value === 'function'
  return value instanceof LuaTable && value.locked && typeof value.getString(field) === 'function'
}
