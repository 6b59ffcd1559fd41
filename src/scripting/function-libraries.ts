// Function libraries: their code, the functions that it registers, and the payload of DUMP and
// RESTORE.
//
// A library's code runs once, when it is loaded. Its globals are then only `redis` with
// `register_function`, as in Redis. Its functions later see the globals of a script. One table of
// globals serves both: its contents are exchanged while a library is loaded.
//
// Loading is all or nothing. A library enters the tables after its code has run without a collision
// of names.

import type { Engine } from '../engine/engine.ts'
import { ERR } from '../protocol/errors.ts'
import { caughtError } from './lua/errors.ts'
import type { Rand48 } from './lua/rand48.ts'
import { exchange, LuaTable } from './lua/table.ts'
import type { LuaFunction, LuaResult, LuaValue } from './lua/value.ts'
import { rawToString } from './lua/value.ts'
import { LuaSandbox, strict } from './lua-sandbox.ts'
import type { RedisCall } from './redis-call.ts'
import { functionLibrary, loadingLibrary, raise } from './redis-library.ts'
import { errorText, ScriptKilled } from './script-error.ts'
import { readLibraryShebang, scriptFlag } from './shebang.ts'

export interface RegisteredFunction {
  readonly name: string
  readonly library: string
  readonly run: LuaFunction
  readonly description: string | undefined
  /** Bits SCRIPT_…. */
  readonly flags: number
}

export interface FunctionLibrary {
  readonly name: string
  /** Latin1, with the shebang. */
  readonly code: string
  readonly functions: readonly RegisteredFunction[]
}

/** The time that a library's code may run. Loading should do no work. */
const LOAD_MS_MAX = 500

const NAME = /^[A-Za-z0-9_]+$/
const NAME_PROBLEM =
  'Library names can only contain letters, numbers, or underscores(_) and must be at least one character long'

export class FunctionLibraries {
  /** By name. */
  libraries = new Map<string, FunctionLibrary>()
  /** By name in lower case: FCALL ignores case. */
  functions = new Map<string, RegisteredFunction>()
  /** Bytes of all libraries' code. */
  bytes = 0
  readonly #engine: Engine
  readonly #commands: RedisCall
  readonly #chance: Rand48
  readonly #interrupt: () => void
  #sandbox: LuaSandbox | undefined = undefined
  #loadingGlobals: LuaTable | undefined = undefined
  /** The library that is being loaded: its name, and the functions registered so far. */
  #loading: { name: string; functions: RegisteredFunction[]; startedMs: number } | undefined = undefined

  constructor(engine: Engine, commands: RedisCall, chance: Rand48, interrupt: () => void) {
    this.#engine = engine
    this.#commands = commands
    this.#chance = chance
    this.#interrupt = interrupt
  }

  get sandbox(): LuaSandbox {
    this.#sandbox ??= new LuaSandbox(functionLibrary(this.#engine, this.#commands), {}, this.#chance, () =>
      this.#tick(),
    )
    return this.#sandbox
  }

  find(name: string): RegisteredFunction | undefined {
    return this.functions.get(name) ?? this.functions.get(name.toLowerCase())
  }

  /** Yields every library's code, in order of loading. */
  *codes(): Iterable<string> {
    for (const { code } of this.libraries.values()) yield code
  }

  /** Loads a library and returns its name. Throws ReplyError, having changed nothing. */
  load(code: string, existing: 'replace' | 'refuse'): string {
    const { name, engine, start } = readLibraryShebang(code)
    if (!NAME.test(name)) throw ERR.of(NAME_PROBLEM)
    if (engine.toLowerCase() !== 'lua') throw ERR.of(`Engine '${engine}' not found`)
    if (existing === 'refuse' && this.libraries.has(name)) throw ERR.of(`Library '${name}' already exists`)
    const functions = this.#run(name, code.slice(start))
    if (functions.length === 0) throw ERR.of('No functions registered')
    const library = { name, code, functions }
    this.#refuseCollisions(library)
    this.#remove(name)
    this.#add(library)
    return name
  }

  /** Removes a library; returns false when there is none of that name. */
  delete(name: string): boolean {
    return this.#remove(name)
  }

  clear(): void {
    this.libraries = new Map()
    this.functions = new Map()
    this.bytes = 0
    // The next library gets a new sandbox, so that nothing of the old ones is visible.
    this.#sandbox = undefined
    this.#loadingGlobals = undefined
  }

  /**
   * Loads several libraries or none. `flush` removes all others, `replace` those of the same names;
   * `append` refuses the same names. Throws ReplyError, having changed nothing.
   */
  restore(codes: readonly string[], policy: 'flush' | 'append' | 'replace'): void {
    const before = { libraries: this.libraries, functions: this.functions, bytes: this.bytes }
    const bringBack = this.setAside()
    try {
      for (const code of codes) this.load(code, 'refuse')
      if (policy === 'flush') return
      const restored = this.libraries
      this.libraries = new Map(before.libraries)
      this.functions = new Map(before.functions)
      this.bytes = before.bytes
      for (const { name } of restored.values()) {
        if (policy === 'append' && this.libraries.has(name)) throw ERR.of(`Library ${name} already exists`)
        this.#remove(name)
      }
      for (const library of restored.values()) {
        this.#refuseCollisions(library)
        this.#add(library)
      }
    } catch (error) {
      bringBack()
      throw error
    }
  }

  /**
   * Starts without libraries. The returned function brings the old ones back and drops the new
   * ones.
   */
  setAside(): () => void {
    const { libraries, functions, bytes } = this
    this.libraries = new Map()
    this.functions = new Map()
    this.bytes = 0
    return () => {
      this.libraries = libraries
      this.functions = functions
      this.bytes = bytes
    }
  }

  #refuseCollisions({ name: library, functions }: FunctionLibrary): void {
    for (const { name } of functions) {
      const other = this.find(name)
      if (other !== undefined && other.library !== library) throw ERR.of(`Function ${name} already exists`)
    }
  }

  #add(library: FunctionLibrary): void {
    this.libraries.set(library.name, library)
    this.bytes += library.code.length
    // Two names in one library may differ by case alone. FCALL then calls the first.
    for (const registered of [...library.functions].reverse()) {
      this.functions.set(registered.name.toLowerCase(), registered)
    }
  }

  #remove(name: string): boolean {
    const library = this.libraries.get(name)
    if (library === undefined) return false
    this.libraries.delete(name)
    this.bytes -= library.code.length
    for (const registered of library.functions) this.functions.delete(registered.name.toLowerCase())
    return true
  }

  /** Runs a library's code and returns what it registered. */
  #run(name: string, source: string): RegisteredFunction[] {
    const { runtime, globals } = this.sandbox
    const functions: RegisteredFunction[] = []
    this.#loading = { name, functions, startedMs: this.#engine.environment.workClock.monotonic() }
    let main: LuaFunction
    try {
      main = runtime.compile(source, 'user_function')
    } catch (thrown) {
      this.#loading = undefined
      if (thrown instanceof ScriptKilled) throw ERR.of(`Error compiling function: ${thrown.message}`)
      const error = caughtError(thrown)
      if (error === undefined) throw thrown
      throw ERR.of(`Error compiling function: ${errorText(error).slice('ERR '.length)}`)
    }
    this.#loadingGlobals ??= this.#makeLoadingGlobals()
    exchange(globals, this.#loadingGlobals)
    try {
      runtime.run(main)
      return functions
    } catch (thrown) {
      if (thrown instanceof ScriptKilled) throw ERR.of(`Error registering functions: ${thrown.message}`)
      const error = caughtError(thrown)
      if (error === undefined) throw thrown
      throw ERR.of(`Error registering functions: ${errorText(error)}`)
    } finally {
      exchange(globals, this.#loadingGlobals)
      this.#loading = undefined
    }
  }

  #makeLoadingGlobals(): LuaTable {
    const redis = loadingLibrary(this.#engine, (...args) => this.#register(args))
    redis.metatable = strict()
    redis.readonly = true
    const globals = new LuaTable()
    globals.set('redis', redis)
    return globals
  }

  #tick(): void {
    const loading = this.#loading
    if (loading === undefined) {
      this.#interrupt()
      return
    }
    const elapsedMs = this.#engine.environment.workClock.monotonic() - loading.startedMs
    // A replayed library was in time when it was loaded.
    if (elapsedMs > LOAD_MS_MAX && !this.#engine.conditions.state.loading.holds)
      throw new ScriptKilled('ERR FUNCTION LOAD timeout')
  }

  /** redis.register_function(name, callback), or one table of named arguments. */
  #register(args: readonly LuaValue[]): LuaResult {
    const loading = this.#loading
    if (loading === undefined) raise('redis.register_function can only be called on FUNCTION LOAD command')
    if (args.length < 1 || args.length > 2) raise('wrong number of arguments to redis.register_function')
    const { name, run, description, flags } = args.length === 1 ? namedArguments(args[0]) : plainArguments(args)
    if (!NAME.test(name)) raise(NAME_PROBLEM)
    if (loading.functions.some((other) => other.name === name)) raise('Function already exists in the library')
    loading.functions.push({ name, library: loading.name, run, description, flags })
    return []
  }
}

interface Registration {
  name: string
  run: LuaFunction
  description: string | undefined
  flags: number
}

function plainArguments([name, run]: readonly LuaValue[]): Registration {
  const text = textOf(name)
  if (text === undefined) raise('first argument to redis.register_function must be a string')
  if (typeof run !== 'function') raise('second argument to redis.register_function must be a function')
  return { name: text, run, description: undefined, flags: 0 }
}

function namedArguments(table: LuaValue): Registration {
  if (!(table instanceof LuaTable)) {
    raise(
      'calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).',
    )
  }
  let name: string | undefined
  let run: LuaFunction | undefined
  let description: string | undefined
  let flags = 0
  for (let at = table.nextPosition(0); at !== 0; at = table.nextPosition(at)) {
    const key = table.keyAt(at)
    const value = table.valueAt(at)
    const argument = textOf(key)
    if (argument === undefined) raise('named argument key given to redis.register_function is not a string')
    switch (argument.toLowerCase()) {
      case 'function_name':
        name = textOf(value) ?? raise('function_name argument given to redis.register_function must be a string')
        break
      case 'description':
        description = textOf(value) ?? raise('description argument given to redis.register_function must be a string')
        break
      case 'callback':
        if (typeof value !== 'function') raise('callback argument given to redis.register_function must be a function')
        run = value
        break
      case 'flags':
        flags = flagsOf(value)
        break
      default:
        raise('unknown argument given to redis.register_function')
    }
  }
  if (name === undefined) raise('redis.register_function must get a function name argument')
  if (run === undefined) raise('redis.register_function must get a callback argument')
  return { name, run, description, flags }
}

function flagsOf(value: LuaValue): number {
  if (!(value instanceof LuaTable)) {
    raise('flags argument to redis.register_function must be a table representing function flags')
  }
  let flags = 0
  for (let i = 1; ; i++) {
    const name = value.getNumber(i)
    if (name === undefined) return flags
    // The flags of a shebang must be in lower case, these may be in any, as in Redis.
    const flag = typeof name === 'string' ? scriptFlag(name.toLowerCase()) : undefined
    if (flag === undefined) raise('unknown flag given')
    flags |= flag
  }
}

function textOf(value: LuaValue): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? rawToString(value) : undefined
}
