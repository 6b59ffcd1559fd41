// redis.call: runs one command for a script and brings its reply back as Lua values.
//
// The script's words are encoded into one buffer that is used for every call, the
// command is found by its name in a Map, the reply is built without bytes: a call
// costs what the command costs, and its values. The caller's own client runs it,
// so everything that goes by client (who hears of it, who waits for the disk) is
// as if it had sent the command itself.

import { CLIENT_RESTRICTED, type Client } from '../engine/clients/client.ts'
import { denialOf } from '../engine/clients/permissions.ts'
import type { Engine } from '../engine/engine.ts'
import type { Admission, CallingScript } from '../engine/requests/admission.ts'
import { Call } from '../engine/requests/call.ts'
import { UnfinishedChange } from '../engine/requests/command-failure.ts'
import type { Command } from '../engine/spec/command.ts'
import { meantBy } from '../engine/spec/command-table.ts'
import { Arguments } from '../protocol/arguments.ts'
import { Source } from '../util/bytes/bytes.ts'
import { formatDouble, writeInteger } from '../util/numbers/numbers.ts'
import { meter, notEnoughMemory, STEPS_PER_TICK, TRUSTED_ROOM_BYTES } from './lua/meter.ts'
import type { LuaTable } from './lua/table.ts'
import type { LuaValue } from './lua/value.ts'
import { errorTable, REPLY_ALLOWANCE_BYTES, ReplyToLua } from './reply-to-lua.ts'
import { SCRIPT_ALLOW_CROSS_SLOT_KEYS, SCRIPT_ALLOW_OOM, SCRIPT_UNDECLARED } from './shebang.ts'

/** Room for the words of nearly every call. */
const WORDS_BYTES = 64 * 1024
/** Words up to here are copied by a loop: a call into the runtime costs more. */
const SHORT_WORD_LENGTH = 32
/** A safe integer's digits and sign. */
const INTEGER_BYTES_MAX = 17
/** Spellings of command names that are remembered, at places that their characters choose, less one. */
const NAMES_MASK = 255
/** What the words of one call may take together: they lie outside the heap, where nothing else bounds them. */
const WORDS_BYTES_MAX = 512 * 1024 * 1024

/** Commands that are not `fast` may take long: after so many of them others are heard … */
const CALLS_PER_LOOK = 4
/** … and after each that took so long. */
const SLOW_CALL_MS = 5

/** Steps a call counts as. */
const CALL_STEPS = STEPS_PER_TICK / 100

const NO_WORDS = 'ERR Please specify at least one argument for this redis lib call'
const BAD_WORD = 'ERR Lua redis lib command arguments must be strings or integers'

export class RedisCall implements CallingScript {
  readonly reply: ReplyToLua
  /** What the last call gave was an error. */
  failed = false
  /** The running script has called a command that writes: it cannot be stopped halfway any more. */
  wrote = false
  readOnly = false
  allowsOom = false
  crossesSlots = false
  readonly #engine: Engine
  readonly #admission: Admission
  readonly #call: Call
  readonly #args = new Arguments()
  #words = Source.allocate(WORDS_BYTES)
  /** Where the words taken so far end in `#words`. */
  #end = 0
  /** Bytes of the buffers that the words taken so far were too long for. */
  #grown = 0
  /** A word was neither a string nor a number. */
  #malformed = false
  readonly #names: string[] = new Array<string>(NAMES_MASK + 1).fill('')
  readonly #named: (Command | undefined)[] = new Array<undefined>(NAMES_MASK + 1).fill(undefined)
  #client: Client | undefined = undefined
  /** Calls of commands that are not `fast` until others are heard. */
  #callsToLook = CALLS_PER_LOOK

  /** `hear` lets others be heard while the script is slow. */
  constructor(engine: Engine, hear: () => void) {
    this.#engine = engine
    this.reply = new ReplyToLua(hear)
    this.#admission = engine.admission
    this.#call = new Call(engine)
    this.#call.mayBlock = false
    this.#call.fromScript = true
    this.#call.reply = this.reply
  }

  /** Prepares for a script of a client; `flags` are what it declares (shebang.ts). */
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
   * Takes a word of the call to come, in order from 0 on.
   *
   * Word by word, so that whoever is called with the words need not make an object of its arguments: that was a tenth of all
   * garbage that a job's scripts leave.
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
    // An integer goes straight into its bytes; it is no longer than what is kept free.
    else if (!Number.isSafeInteger(word)) text = printWord(word)
    let source = this.#words
    if (at + text.length + INTEGER_BYTES_MAX > source.u8.length) {
      // What is encoded already stays where it is; the rest goes elsewhere.
      this.#grown += 2 * text.length + WORDS_BYTES
      if (this.#grown > WORDS_BYTES_MAX) throw notEnoughMemory()
      meter.spendOn(text)
      source = Source.allocate(2 * text.length + WORDS_BYTES)
      this.#words = source
      at = 0
    }
    const { u8 } = source
    let size = text.length
    if (size > SHORT_WORD_LENGTH) u8.write(text, at, 'latin1')
    else if (size > 0) for (let i = 0; i < size; i++) u8[at + i] = text.charCodeAt(i)
    else if (typeof word === 'number') size = writeInteger(word, u8, at)
    this.#args.window(index).set(source, at, size)
    this.#end = at + size
  }

  /** Runs the command whose `length` words were taken, `name` being the first. Returns its reply, or an error's table; then `failed` is set. */
  run(length: number, name: LuaValue): LuaValue {
    this.failed = true
    if (length === 0) return errorTable(NO_WORDS)
    if (this.#malformed) return errorTable(BAD_WORD)
    const args = this.#args
    args.length = length
    args.rawEnd = 0
    const named = this.#find(name)
    const command = named === undefined ? undefined : meantBy(named, args)
    const refusal = this.#admission.refusalInScript(this, this.#client!, command, args)
    if (refusal !== undefined) {
      const table = errorTable(refusal.text)
      table.set('ignore_error_stats_update', true)
      return table
    }
    // To publish is to write where messages are kept: one call says more than the flags.
    if (
      command!.isWrite ||
      (command!.mayReplicate && this.#admission.claimsOf(command!, args, this.#client!).isWrite)
    ) {
      this.wrote = true
    }
    return this.#run(command!)
  }

  /** Tells whether the caller may run the command that the `length` words taken make up; an error's table when there is no such command. */
  check(length: number): LuaTable | boolean {
    if (length === 0) return errorTable(NO_WORDS)
    if (this.#malformed) return errorTable(BAD_WORD)
    this.#args.length = length
    const named = this.#engine.commands.find(this.#args.bytes(0))
    const command = named === undefined ? undefined : meantBy(named, this.#args)
    if (command === undefined) return errorTable('ERR Invalid command passed to redis.acl_check_cmd()')
    const client = this.#client!
    return (client.state & CLIENT_RESTRICTED) === 0 || denialOf(client.user, command, this.#args) === undefined
  }

  #run(command: Command): LuaValue {
    const { reply } = this
    const call = this.#call
    if (meter.depthMax - meter.depth < TRUSTED_ROOM_BYTES) meter.reserve()
    reply.begin()
    call.begin(this.#client!, this.#args, command)
    meter.bytes += REPLY_ALLOWANCE_BYTES
    try {
      this.#engine.runner.run(call, command)
    } catch (error) {
      // Whatever the engine throws here is none of the script's business, least of all an overflow for it to catch.
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

  /** Lets others be heard after a command that took long, and after every few of the others. */
  #letOthersBeHeard(command: Command): void {
    const tookLong = command.mayTakeLong && this.#engine.runner.tookMs > SLOW_CALL_MS
    if (!tookLong && --this.#callsToLook > 0) return
    this.#callsToLook = CALLS_PER_LOOK
    if (meter.interrupt !== undefined) meter.interrupt()
  }

  /** The command that the first word names. Scripts write names as literals, the same object each time: it is known by that. */
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

/** A number that is no safe integer as a command's word: the shortest digits that read back the same. */
function printWord(value: number): string {
  return Number.isNaN(value) ? '-nan' : formatDouble(value)
}
