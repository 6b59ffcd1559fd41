// Runs scripts and functions for clients. It is the engine's ScriptRunner.
//
//   EVAL ─▶ cache: compiled before? ─▶ admit: flags, memory, disk ─▶ run ─▶ reply
//                                                            │
//              one unit of the journal, one reading of the clock, the caller's client with a
//              database and protocol of the script's own ─▶ the engine then serves waiters
//
// One script runs at a time, to its end. The Lua runtime calls the interrupt hook every few ten
// thousand steps. There a slow script lets other clients be served
// (engine/requests/busy-replies.ts), and a killed script ends.
//
//   idle ──run──▶ running ──busy-reply-threshold──▶ busy ──SCRIPT KILL──▶ (ended by a throw) ──▶ idle

import type { Condition } from '../engine/conditions/condition.ts'
import type { Propagation } from '../engine/effects/propagation.ts'
import type { Engine } from '../engine/engine.ts'
import type { Admission } from '../engine/requests/admission.ts'
import { BusyReplies } from '../engine/requests/busy-replies.ts'
import type { Call } from '../engine/requests/call.ts'
import { reportMistake, startOver, UnfinishedChange } from '../engine/requests/command-failure.ts'
import type { Runner } from '../engine/requests/runner.ts'
import type { ScriptRunner } from '../engine/requests/script-runner.ts'
import { ERR, ReplyError } from '../protocol/errors.ts'
import { assert } from '../util/assert.ts'
import type { ArgumentTexts } from './argument-texts.ts'
import { FunctionLibraries } from './function-libraries.ts'
import { caughtError, LuaError } from './lua/errors.ts'
import { Rand48 } from './lua/rand48.ts'
import { meter, SCRIPT_MEMORY_BYTES_MAX } from './lua/script-meter.ts'
import { LuaTable } from './lua/table.ts'
import type { LuaFunction, LuaValue } from './lua/value.ts'
import { errorHandler, LuaSandbox } from './lua-sandbox.ts'
import { RedisCall } from './redis-call.ts'
import { scriptLibrary } from './redis-library.ts'
import { replyValue } from './reply-from-lua.ts'
import { roomFor } from './reply-to-lua.ts'
import { type Script, ScriptCache } from './script-cache.ts'
import { errorText, ScriptKilled, scriptError, wasCounted } from './script-error.ts'
import { requirementsOf, SCRIPT_NO_CLUSTER, SCRIPT_NO_WRITES } from './shebang.ts'

export type ScriptKind = 'script' | 'function'

/** The script that is running. */
export interface RunningScript {
  kind: ScriptKind
  /** The SHA-1, or the function's name. */
  name: string
  /** The request's command, for FUNCTION STATS. */
  command: readonly string[]
  /** By the work clock. */
  startedMs: number
}

/** Size of a script without its body and its compiled code. */
const SCRIPT_BYTES = 1024

/** Size of an argument without its characters. */
const ARGUMENT_BYTES = 40

const NO_VALUES: readonly LuaValue[] = []
const NO_WORDS: readonly string[] = []

const NOT_BUSY = new ReplyError('NOTBUSY No scripts in execution right now.')
const UNKILLABLE = new ReplyError(
  'UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.',
)
const ENDS = ERR.of('the script is to end')
const NOT_IN_CLUSTER = ERR.of("Can not run script on cluster, 'no-cluster' flag is set.")
const ARGUMENTS_TOO_LARGE = ERR.of('not enough memory for the arguments of the script')

export class Scripts implements ScriptRunner {
  readonly engine: Engine
  readonly commands: RedisCall
  readonly functions: FunctionLibraries
  readonly cache: ScriptCache
  /** The random source of scripts and functions. */
  readonly chance = new Rand48()
  #sandbox: LuaSandbox | undefined = undefined
  #keysPlace = 0
  #argumentsPlace = 0
  /**
   * The value of `running` while a script runs. One object is reused, because one script runs at a
   * time.
   */
  readonly #script: RunningScript = { kind: 'script', name: '', command: NO_WORDS, startedMs: 0 }
  #running: RunningScript | undefined = undefined
  #killed: ScriptKilled | undefined = undefined
  readonly #busyClients: BusyReplies
  // Read for every script: property hops less for each.
  readonly #runner: Runner
  readonly #admission: Admission
  readonly #propagation: Propagation
  readonly #busy: Condition
  readonly #interrupt = (): void => this.#tick()

  constructor(engine: Engine) {
    this.engine = engine
    this.#runner = engine.requests.runner
    this.#admission = engine.requests.admission
    this.#propagation = engine.effects.propagation
    this.#busy = engine.conditions.state.busy
    this.#busyClients = new BusyReplies(engine)
    this.commands = new RedisCall(engine, () => this.#hear())
    this.cache = new ScriptCache((source) => this.#compile(source))
    this.functions = new FunctionLibraries(engine, this.commands, this.chance, this.#interrupt)
  }

  // ── ScriptRunner ─────────────────────────────────────────────────────────

  get busy(): ReplyError | undefined {
    if (!this.#busy.holds) return undefined
    return this.#running?.kind === 'function' ? ERR.busyFunction : ERR.busy
  }

  get cachedScripts(): number {
    return this.cache.size
  }

  get libraryCount(): number {
    return this.functions.libraries.size
  }

  get functionCount(): number {
    let count = 0
    for (const { functions } of this.functions.libraries.values()) count += functions.length
    return count
  }

  get scriptBytes(): number {
    return this.cache.bytes + this.cache.size * SCRIPT_BYTES
  }

  get functionBytes(): number {
    return this.functions.bytes
  }

  giveWay(): void {
    this.#hear()
    // A killed script ends as soon as its command has failed.
    if (this.#killed !== undefined) throw ENDS
  }

  abort(): void {
    if (this.#running === undefined) return
    this.#killed = new ScriptKilled('ERR the server is shutting down', 'discard')
    // No client is told about a script's discarded changes.
    for (const client of this.engine.clients.connected.values()) client.connection.closing = true
  }

  libraries(): Iterable<string> {
    return this.functions.codes()
  }

  loadLibrary(code: string): void {
    this.functions.load(code, 'refuse')
  }

  setLibrariesAside(): () => void {
    return this.functions.setAside()
  }

  addLibraries(codes: readonly string[], policy: 'append' | 'replace'): void {
    this.functions.restore(codes, policy)
  }

  // ── running ──────────────────────────────────────────────────────────────

  get running(): Readonly<RunningScript> | undefined {
    return this.#running
  }

  /** EVAL, EVALSHA: runs a compiled script. Its keys begin at argument 3. */
  runScript(call: Call, script: Script, keyCount: number, readOnly: boolean): void {
    const { main, sha, flags, keyTexts, argumentTexts } = script
    const sandbox = this.#sandbox
    assert(sandbox !== undefined, 'a compiled script has a sandbox')
    const { values } = sandbox.globals
    chargeArguments(call)
    values[this.#keysPlace] = strings(call, 3, 3 + keyCount, keyTexts)
    values[this.#argumentsPlace] = strings(call, 3 + keyCount, call.args.length, argumentTexts)
    this.#run(call, 'script', sandbox, main, NO_VALUES, sha, flags, readOnly)
  }

  /** FCALL: runs a function. */
  runFunction(call: Call, main: LuaFunction, name: string, flags: number, keyCount: number, readOnly: boolean): void {
    chargeArguments(call)
    const values = [strings(call, 3, 3 + keyCount), strings(call, 3 + keyCount, call.args.length)]
    this.#run(call, 'function', this.functions.sandbox, main, values, name, flags, readOnly)
  }

  #run(
    call: Call,
    kind: ScriptKind,
    sandbox: LuaSandbox,
    main: LuaFunction,
    values: readonly LuaValue[],
    name: string,
    flags: number,
    readOnly: boolean,
  ): void {
    const { engine, commands } = this
    const { client } = call
    if (engine.parts.cluster !== null && (flags & SCRIPT_NO_CLUSTER) !== 0) throw NOT_IN_CLUSTER
    const claims = requirementsOf(flags)
    const refusal = this.#admission.refusalOfScript(client, claims, readOnly)
    if (refusal !== undefined) throw refusal
    const {
      database,
      activity: { lastCommand },
    } = client
    commands.begin(client, readOnly || (flags & SCRIPT_NO_WRITES) !== 0, flags)
    this.#started(kind, name, kind === 'function' ? words(call) : NO_WORDS)
    this.#propagation.beginUnit()
    let value: LuaValue
    try {
      value = sandbox.runtime.runFirst(main, values, this.#script.startedMs)
    } catch (thrown) {
      if (thrown instanceof ScriptKilled && thrown.changes === 'discard') this.#propagation.abandonUnit()
      this.#failed(call, thrown, name)
      return
    } finally {
      this.#ended()
      commands.end()
      client.database = database
      client.activity.lastCommand = lastCommand
      this.#propagation.endUnit()
    }
    this.#reply(call, value)
  }

  #reply(call: Call, value: LuaValue): void {
    const { commands, engine } = this
    if (value instanceof LuaTable && value.nodes > 0) {
      const text = value.getString('err')
      if (typeof text === 'string') {
        call.command.failed++
        if (value.getString('ignore_error_stats_update') !== true) engine.figures.stats.countError(new ReplyError(text))
      }
    }
    const { source, position } = engine.requests.replies
    try {
      replyValue(call.reply, value, commands.reply.protocol === 3)
    } catch (thrown) {
      // The changes are in the journal already.
      startOver(call, source, position)
      throw reportMistake(call, { script: this.#script.name }, thrown)
    }
  }

  #failed(call: Call, thrown: unknown, name: string): void {
    if (thrown instanceof ScriptKilled) throw scriptError(thrown, name)
    if (thrown instanceof UnfinishedChange) throw thrown
    const error = caughtError(thrown)
    // The script's changes are journaled, so that the journal matches the data.
    if (error === undefined) throw reportMistake(call, { script: name }, thrown)
    const reply = scriptError(error, name)
    if (!wasCounted(error)) throw reply
    call.command.failed++
    call.reply.error(reply)
  }

  /** Compiles a script. Other clients are served while that takes long, and may kill it. */
  #compile(source: string): LuaFunction {
    const { runtime } = this.#scriptWorld()
    this.#started('script', '', NO_WORDS)
    try {
      return runtime.compile(source, 'user_script')
    } catch (thrown) {
      if (thrown instanceof ScriptKilled) throw scriptError(thrown, '')
      const error = caughtError(thrown)
      if (error === undefined) throw thrown
      throw ERR.of(`Error compiling script (new function): ${errorText(error).slice('ERR '.length)}`)
    } finally {
      this.#ended()
    }
  }

  #started(kind: ScriptKind, name: string, command: readonly string[]): void {
    const running = this.#script
    running.kind = kind
    running.name = name
    running.command = command
    // The runner's reading of the clock is reused: another one costs as much as a GET.
    running.startedMs = this.#runner.startedMs
    this.#running = running
  }

  #scriptWorld(): LuaSandbox {
    if (this.#sandbox !== undefined) return this.#sandbox
    const extras = { KEYS: new LuaTable(), ARGV: new LuaTable(), __redis__err__handler: errorHandler }
    const sandbox = new LuaSandbox(scriptLibrary(this.engine, this.commands), extras, this.chance, this.#interrupt)
    this.#keysPlace = sandbox.placeOf('KEYS')
    this.#argumentsPlace = sandbox.placeOf('ARGV')
    this.#sandbox = sandbox
    return sandbox
  }

  // ── slow scripts ─────────────────────────────────────────────────────────

  /** SCRIPT KILL and FUNCTION KILL. Throws Redis's error when the script cannot be killed. */
  kill(kind: ScriptKind): void {
    const running = this.#running
    if (running === undefined) throw NOT_BUSY
    if (this.commands.wrote) throw UNKILLABLE
    if (running.kind !== kind) throw running.kind === 'function' ? ERR.busyFunction : ERR.busy
    // Redis uses this text for functions, too.
    this.#killed = new ScriptKilled('ERR Script killed by user with SCRIPT KILL...')
  }

  /** The interrupt hook of the Lua runtime. */
  #tick(): void {
    this.#hear()
    if (this.#killed === undefined) return
    this.#killed.source = LuaError.raise(undefined).source
    throw this.#killed
  }

  /** Serves other clients once the script is slow. One of them may kill it. */
  #hear(): void {
    const running = this.#running
    if (running === undefined) return
    const { engine } = this
    const elapsedMs = engine.environment.workClock.monotonic() - running.startedMs
    if (elapsedMs < engine.config.get('busy-reply-threshold')) return
    const listener = engine.parts.host.whileBusy
    if (listener !== undefined) {
      if (!this.#busy.holds) {
        this.#busy.begin()
        engine.environment.log.warn(
          { [running.kind]: running.name, elapsedMs: Math.round(elapsedMs) },
          'a slow script was detected',
        )
        this.#busyClients.begin()
      }
      this.#busyClients.hear(listener)
    } else if (!this.commands.wrote) {
      // No client can be served, so none can kill the script. A script that has changed nothing is
      // ended here.
      this.#killed = new ScriptKilled('ERR Script ran for longer than busy-reply-threshold...')
    }
  }

  #ended(): void {
    this.#running = undefined
    this.#killed = undefined
    const { engine } = this
    if (!this.#busy.holds) return
    this.#busy.end()
    this.#busyClients.end()
    engine.parts.host.whileBusy?.done()
  }
}

/** Charges the next script for its keys and arguments, before they become values. */
function chargeArguments({ args }: Call): void {
  let bytes = 0
  for (let i = 3; i < args.length; i++) bytes += args.bytes(i).length + ARGUMENT_BYTES
  if (bytes > SCRIPT_MEMORY_BYTES_MAX) throw ARGUMENTS_TOO_LARGE
  meter.owe(bytes)
}

/** Makes a table of the arguments [first, end). `memory` caches the texts of the last run. */
function strings(call: Call, first: number, end: number, memory?: ArgumentTexts): LuaTable {
  const table = new LuaTable()
  const count = end - first
  if (count <= 0) return table
  const { args } = call
  const values = roomFor(count)
  if (memory === undefined) for (let i = 0; i < count; i++) values[i + 1] = args.string(first + i)
  else for (let i = 0; i < count; i++) values[i + 1] = memory.text(i, args.bytes(first + i))
  table.adopt(values)
  return table
}

function words(call: Call): string[] {
  const list: string[] = []
  for (let i = 0; i < call.args.length; i++) list.push(call.args.string(i))
  return list
}
