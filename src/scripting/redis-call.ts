// redis.call: runs one command for a script and returns its reply as Lua values.
//
// The arguments are encoded into one buffer that every call reuses. The command is found by name in
// a Map, and the reply is built without bytes. So a call costs little more than its command. The
// command runs as the script's client. Durability and notifications therefore work as if the client
// had sent it.

import { CLIENT_RESTRICTED, type Client } from '../engine/clients/client.ts'
import { denialOf } from '../engine/clients/permissions.ts'
import type { Engine } from '../engine/engine.ts'
import type { Admission, CallingScript } from '../engine/requests/admission.ts'
import { Call } from '../engine/requests/call.ts'
import { UnfinishedChange } from '../engine/requests/command-failure.ts'
import type { Runner } from '../engine/requests/runner.ts'
import type { Command } from '../engine/spec/command.ts'
import { meantBy } from '../engine/spec/command-table.ts'
import { Arguments } from '../protocol/arguments.ts'
import { assert } from '../util/assert.ts'
import { Source } from '../util/bytes/bytes.ts'
import { writeLatin1 } from '../util/bytes/text.ts'
import { formatDouble, writeInteger } from '../util/numbers/numbers.ts'
import { meter, notEnoughMemory, STEPS_PER_TICK, TRUSTED_ROOM_BYTES } from './lua/script-meter.ts'
import type { LuaTable } from './lua/table.ts'
import type { LuaValue } from './lua/value.ts'
import { errorTable, REPLY_ALLOWANCE_BYTES, ReplyToLua } from './reply-to-lua.ts'
import { SCRIPT_ALLOW_CROSS_SLOT_KEYS, SCRIPT_ALLOW_OOM, SCRIPT_UNDECLARED } from './shebang.ts'

/** Fits the arguments of nearly every call. */
const WORDS_BYTES = 64 * 1024
/**
 * Longer arguments are copied by a runtime call, shorter ones by a loop, which is faster for them.
 */
const SHORT_WORD_LENGTH = 32
/** A safe integer's digits and sign. */
const INTEGER_BYTES_MAX = 17
/** Mask of the cache of command names; characters of the name choose the index. */
const NAMES_MASK = 255
/**
 * Limit for the arguments of one call together. They lie outside the heap, where no other limit
 * applies.
 */
const WORDS_BYTES_MAX = 512 * 1024 * 1024

/**
 * A command that is not `fast` may take long. Other clients are served after this many of them …
 */
const CALLS_PER_LOOK = 4
/** … and after each that took this long. */
const SLOW_CALL_MS = 5

/** Steps counted for a call. */
const CALL_STEPS = STEPS_PER_TICK / 100

const NO_WORDS = 'ERR Please specify at least one argument for this redis lib call'
const BAD_WORD = 'ERR Lua redis lib command arguments must be strings or integers'

export class RedisCall implements CallingScript {
  readonly reply: ReplyToLua
  /** True when the last call returned an error. */
  failed = false
  /**
   * True when the running script has called a command that writes. It can then no longer be
   * stopped.
   */
  wrote = false
  readOnly = false
  allowsOom = false
  crossesSlots = false
  readonly #engine: Engine
  // Read for every call of a script: property hops less for each.
  readonly #admission: Admission
  readonly #runner: Runner
  readonly #call: Call
  readonly #args = new Arguments()
  #words = Source.allocate(WORDS_BYTES)
  /** End of the encoded arguments in `#words`. */
  #end = 0
  /** Bytes of further buffers for the arguments of this call. */
  #grown = 0
  /** True when an argument was neither a string nor a number. */
  #malformed = false
  readonly #names: string[] = new Array<string>(NAMES_MASK + 1).fill('')
  readonly #named: (Command | undefined)[] = new Array<undefined>(NAMES_MASK + 1).fill(undefined)
  #client: Client | undefined = undefined
  /** Calls of commands that are not `fast` until other clients are served. */
  #callsToLook = CALLS_PER_LOOK

  /** `hear` serves other clients while the script is slow. */
  constructor(engine: Engine, hear: () => void) {
    this.#engine = engine
    this.reply = new ReplyToLua(hear)
    this.#admission = engine.requests.admission
    this.#runner = engine.requests.runner
    this.#call = new Call(engine)
    this.#call.mayBlock = false
    this.#call.fromScript = true
    this.#call.reply = this.reply
  }

  /** Prepares for a script of a client. `flags` are its declared flags (shebang.ts). */
  begin(client: Client, readOnly: boolean, flags: number): void {
    this.#client = client
    this.readOnly = readOnly
    this.allowsOom = (flags & SCRIPT_ALLOW_OOM) !== 0
    this.crossesSlots = (flags & (SCRIPT_ALLOW_CROSS_SLOT_KEYS | SCRIPT_UNDECLARED)) !== 0
    this.wrote = false
    this.reply.protocol = 2
  }

  end(): void {
    this.#client = undefined
    this.wrote = false
  }

  /**
   * Takes one argument of the next call, in order from index 0.
   *
   * Arguments come one by one, so that the caller makes no array of them. These arrays were a tenth
   * of all garbage of a job's scripts.
   */
  take(index: number, word: LuaValue): void {
    let at = this.#end
    if (index === 0) {
      at = 0
      this.#malformed = false
      this.#grown = 0
    }
    let text = ''
    if (typeof word === 'string') text = word
    else if (typeof word !== 'number') {
      this.#malformed = true
      return
    }
    // An integer is written directly. It always fits the reserved bytes.
    else if (!Number.isSafeInteger(word)) text = printWord(word)
    let source = this.#words
    if (at + text.length + INTEGER_BYTES_MAX > source.u8.length) {
      // Encoded arguments stay where they are. The rest goes into a new buffer.
      this.#grown += 2 * text.length + WORDS_BYTES
      if (this.#grown > WORDS_BYTES_MAX) throw notEnoughMemory()
      meter.spendOn(text)
      source = Source.allocate(2 * text.length + WORDS_BYTES)
      this.#words = source
      at = 0
    }
    const { u8 } = source
    let size = text.length
    if (size > SHORT_WORD_LENGTH) writeLatin1(u8, text, at)
    else if (size > 0) for (let i = 0; i < size; i++) u8[at + i] = text.charCodeAt(i)
    else if (typeof word === 'number') size = writeInteger(word, u8, at)
    this.#args.window(index).set(source, at, size)
    this.#end = at + size
  }

  /**
   * Runs the command of the `length` arguments taken; `name` is the first. Returns its reply, or an
   * error table with `failed` set.
   */
  run(length: number, name: LuaValue): LuaValue {
    this.failed = true
    if (length === 0) return errorTable(NO_WORDS)
    if (this.#malformed) return errorTable(BAD_WORD)
    const args = this.#args
    args.length = length
    args.rawEnd = 0
    const named = this.#find(name)
    const command = named === undefined ? undefined : meantBy(named, args)
    const client = this.#client
    assert(client !== undefined, 'a script runs for a client')
    const refusal = this.#admission.refusalInScript(this, client, command, args)
    if (refusal !== undefined) {
      const table = errorTable(refusal.text)
      table.set('ignore_error_stats_update', true)
      return table
    }
    assert(command !== undefined, 'an unknown command is refused')
    // PUBLISH to a kept channel is a write. Only the arguments show that, not the flags.
    if (command.isWrite || (command.mayReplicate && this.#admission.claimsOf(command, args, client).isWrite)) {
      this.wrote = true
    }
    return this.#run(client, command)
  }

  /**
   * Tells whether the client may run the command of the `length` arguments taken; returns an error
   * table for an unknown command.
   */
  check(length: number): LuaTable | boolean {
    if (length === 0) return errorTable(NO_WORDS)
    if (this.#malformed) return errorTable(BAD_WORD)
    this.#args.length = length
    const named = this.#engine.commands.find(this.#args.bytes(0))
    const command = named === undefined ? undefined : meantBy(named, this.#args)
    if (command === undefined) return errorTable('ERR Invalid command passed to redis.acl_check_cmd()')
    const client = this.#client
    assert(client !== undefined, 'a script runs for a client')
    return (client.state & CLIENT_RESTRICTED) === 0 || denialOf(client.identity.user, command, this.#args) === undefined
  }

  #run(client: Client, command: Command): LuaValue {
    const { reply } = this
    const call = this.#call
    if (meter.depthMax - meter.depth < TRUSTED_ROOM_BYTES) meter.reserve()
    reply.begin()
    call.begin(client, this.#args, command)
    meter.bytes += REPLY_ALLOWANCE_BYTES
    try {
      this.#runner.run(call, command)
    } catch (error) {
      // No error of the engine may be caught by the script, least of all a stack overflow.
      throw error instanceof UnfinishedChange ? error : new UnfinishedChange(error)
    } finally {
      meter.bytes -= REPLY_ALLOWANCE_BYTES
      if (this.#words.u8.length > WORDS_BYTES) this.#words = Source.allocate(WORDS_BYTES)
    }
    this.failed = reply.failure !== undefined
    const { value } = reply
    reply.value = undefined
    meter.spend(CALL_STEPS)
    meter.charge(0)
    if (reply.overflowed) throw notEnoughMemory()
    if (!command.isFast) this.#letOthersBeHeard(command)
    return value
  }

  /** Serves other clients after a slow command, and after every few of the others. */
  #letOthersBeHeard(command: Command): void {
    const tookLong = command.mayTakeLong && this.#runner.tookMs > SLOW_CALL_MS
    if (!tookLong && --this.#callsToLook > 0) return
    this.#callsToLook = CALLS_PER_LOOK
    if (meter.interrupt !== undefined) meter.interrupt()
  }

  /**
   * Finds the command by its first argument. A script's literals are the same object each time, so
   * that is compared first.
   */
  #find(name: LuaValue): Command | undefined {
    if (typeof name !== 'string' || name.length === 0) return this.#engine.commands.find(this.#args.bytes(0))
    const last = name.length - 1
    const slot = (name.charCodeAt(0) + 7 * name.charCodeAt(last >> 1) + 13 * name.charCodeAt(last) + last) & NAMES_MASK
    if (this.#names[slot] === name) return this.#named[slot]
    const command = this.#engine.commands.find(this.#args.bytes(0))
    if (command !== undefined) {
      this.#names[slot] = name
      this.#named[slot] = command
    }
    return command
  }
}

/**
 * Returns a number that is no safe integer as an argument: the shortest digits that read back the
 * same.
 */
function printWord(value: number): string {
  return Number.isNaN(value) ? '-nan' : formatDouble(value)
}
