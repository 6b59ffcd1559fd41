// redis.call: runs one command for a script and brings its reply back as Lua values.
//
// The script's words are encoded into one buffer that is used for every call, the
// command is found by its name in a Map, the reply is built without bytes: a call
// costs what the command costs, and its values. The caller's own client runs it,
// so everything that goes by client (who hears of it, who waits for the disk) is
// as if it had sent the command itself.

import { Call } from '../engine/call.ts'
import type { Client } from '../engine/client.ts'
import type { Command } from '../engine/command.ts'
import { ENGINE_JOURNAL_FAILED, ENGINE_SAVE_FAILED, type Engine } from '../engine/engine.ts'
import { Arguments } from '../protocol/arguments.ts'
import { ERR, ReplyError } from '../protocol/errors.ts'
import { Source } from '../util/bytes.ts'
import { formatDouble, writeInteger } from '../util/numbers.ts'
import { meter, STEPS_PER_TICK } from './lua/meter.ts'
import type { LuaTable } from './lua/table.ts'
import type { LuaValue } from './lua/value.ts'
import { errorTable, LuaReply } from './lua-reply.ts'

/** Room for the words of nearly every call. */
const WORDS_BYTES = 64 * 1024
/** Words up to here are copied by a loop: a call into the runtime costs more. */
const SHORT_WORD_LENGTH = 32
/** A safe integer's digits and sign. */
const INTEGER_BYTES_MAX = 17
/** Spellings of command names that are remembered; a script that makes up endless ones is looked up each time. */
const NAMES_MAX = 1024
/** What a command's reply may take before it is counted: while a command runs, nothing may be thrown into it. */
const REPLY_ALLOWANCE_BYTES = 2 ** 40

/** Steps a call counts as: some commands take milliseconds, and a hundred such calls are what others wait at most to be heard. */
const CALL_STEPS = STEPS_PER_TICK / 100

const NOT_ALLOWED = new ReplyError('ERR This Redis command is not allowed from script')
const UNKNOWN = new ReplyError('ERR Unknown Redis command called from script')
const WRONG_ARITY = new ReplyError('ERR Wrong number of args calling Redis command from script')
const READ_ONLY = new ReplyError('ERR Write commands are not allowed from read-only scripts.')
const NO_WORDS = 'ERR Please specify at least one argument for this redis lib call'
const BAD_WORD = 'ERR Lua redis lib command arguments must be strings or integers'

export class ScriptCommands {
  readonly reply = new LuaReply()
  /** What the last call gave was an error. */
  failed = false
  /** The running script has called a command that writes: it cannot be stopped halfway any more. */
  wrote = false
  readonly #engine: Engine
  readonly #call: Call
  readonly #args = new Arguments()
  #words = Source.allocate(WORDS_BYTES)
  readonly #names = new Map<string, Command>()
  #client: Client | undefined = undefined
  #readOnly = false
  #outOfMemory = false

  constructor(engine: Engine) {
    this.#engine = engine
    this.#call = new Call(engine)
    this.#call.mayBlock = false
    this.#call.fromScript = true
    this.#call.reply = this.reply
  }

  /** Prepares for a script of a client. */
  begin(client: Client, readOnly: boolean, outOfMemory: boolean): void {
    this.#client = client
    this.#readOnly = readOnly
    this.#outOfMemory = outOfMemory
    this.wrote = false
    this.reply.protocol = 2
  }

  end(): void {
    this.#client = undefined
  }

  /** Runs a command. Returns its reply, or an error's table; then `failed` is set. */
  run(words: ArrayLike<LuaValue>): LuaValue {
    this.failed = true
    const { length } = words
    if (length === 0) return errorTable(NO_WORDS)
    if (!this.#encode(words, length)) return errorTable(BAD_WORD)
    const args = this.#args
    let command = this.#names.get(words[0] as string) ?? this.#find(args, words[0])
    if (command?.subcommands !== undefined && length > 1) {
      command = command.subcommands.get(args.string(1).toLowerCase())
    }
    if (command === undefined) return this.#refuse(UNKNOWN, command)
    if (command.arity >= 0 ? length !== command.arity : length < -command.arity) {
      return this.#refuse(WRONG_ARITY, command)
    }
    if (command.isNoscript) return this.#refuse(NOT_ALLOWED, command)
    if (command.isWrite || command.mayReplicate) {
      const refusal = this.#mayWrite(command)
      if (refusal !== undefined) return this.#refuse(refusal, command)
    }
    return this.#run(command)
  }

  /** Tells whether the words name a command that exists and takes so many; undefined when they do not. Throws a LuaError's table. */
  check(words: ArrayLike<LuaValue>): LuaTable | undefined {
    if (words.length === 0) return errorTable(NO_WORDS)
    if (!this.#encode(words, words.length)) return errorTable(BAD_WORD)
    let command = this.#engine.commands.find(this.#args.bytes(0))
    if (command?.subcommands !== undefined && words.length > 1) {
      command = command.subcommands.get(this.#args.string(1).toLowerCase())
    }
    return command === undefined ? errorTable('ERR Invalid command passed to redis.acl_check_cmd()') : undefined
  }

  #run(command: Command): LuaValue {
    const { reply } = this
    const call = this.#call
    reply.begin()
    call.begin(this.#client!, this.#args, command)
    meter.bytes += REPLY_ALLOWANCE_BYTES
    try {
      this.#engine.run(call)
    } finally {
      meter.bytes -= REPLY_ALLOWANCE_BYTES
      if (this.#words.u8.length > WORDS_BYTES) this.#words = Source.allocate(WORDS_BYTES)
    }
    this.failed = reply.failure !== undefined
    const { value } = reply
    reply.value = undefined
    meter.spend(CALL_STEPS)
    meter.charge(0)
    return value
  }

  #find(args: Arguments, name: LuaValue): Command | undefined {
    const command = this.#engine.commands.find(args.bytes(0))
    if (command !== undefined && typeof name === 'string' && this.#names.size < NAMES_MAX) {
      this.#names.set(name, command)
    }
    return command
  }

  /** Says why a command that changes something may not run. Once one has, the others may: nothing is left half done. */
  #mayWrite(command: Command): ReplyError | undefined {
    if (this.#readOnly) return READ_ONLY
    if (!this.wrote) {
      const { journal, state } = this.#engine
      if (command.isWrite && (state & ENGINE_SAVE_FAILED) !== 0) return ERR.misconfRdb
      if (command.isWrite && (state & ENGINE_JOURNAL_FAILED) !== 0) return ERR.misconfAof(journal.failure ?? '')
      if (this.#outOfMemory && command.isDenyoom) return ERR.outOfMemory
    }
    if (command.isWrite) this.wrote = true
    return undefined
  }

  #refuse(error: ReplyError, command: Command | undefined): LuaValue {
    if (command !== undefined) command.rejected++
    this.#engine.stats.countError(error)
    const table = errorTable(error.text)
    table.set('ignore_error_stats_update', true)
    return table
  }

  /** Makes arguments of a script's words; false when one is neither a string nor a number. */
  #encode(words: ArrayLike<LuaValue>, length: number): boolean {
    const args = this.#args
    let source = this.#words
    let { u8 } = source
    let at = 0
    for (let i = 0; i < length; i++) {
      const word = words[i]
      let text = ''
      if (typeof word === 'string') text = word
      else if (typeof word !== 'number') return false
      // An integer goes straight into its bytes; it is no longer than what is kept free.
      else if (!Number.isSafeInteger(word)) text = printWord(word)
      if (at + text.length + INTEGER_BYTES_MAX > u8.length) {
        // What is encoded already stays where it is; the rest goes elsewhere.
        source = Source.allocate(2 * text.length + WORDS_BYTES)
        this.#words = source
        u8 = source.u8
        at = 0
      }
      let size = text.length
      if (size > SHORT_WORD_LENGTH) u8.write(text, at, 'latin1')
      else if (size > 0) for (let j = 0; j < size; j++) u8[at + j] = text.charCodeAt(j)
      else if (typeof word === 'number') size = writeInteger(word, u8, at)
      args.window(i).set(source, at, size)
      at += size
    }
    args.length = length
    args.rawEnd = 0
    return true
  }
}

/** A number that is no safe integer as a command's word: the shortest digits that read back the same. */
function printWord(value: number): string {
  return Number.isNaN(value) ? '-nan' : formatDouble(value)
}
