// Commands as function calls: a client whose words become arguments, and whose replies become
// values.
//
// A call is mostly direct (engine/requests/direct-calls.ts): no request is encoded and no reply is
// read. Where the client waits for something, requests are bytes that pass through the parser, as
// those of any connection, and so are the replies of a command that waited. The client's output
// keeps the order: a mark in it stands for a value. Promises are settled in the order of the calls.

import type { Engine } from '../commands/call.ts'
import type { Client } from '../engine/clients/client.ts'
import type { Transport } from '../engine/clients/transport.ts'
import type { Command } from '../engine/spec/command.ts'
import { REPLY_TYPE } from '../protocol/reply-reader.ts'
import { CommandError, type ReplyValue, ReplyValueReader, type ReplyValueReceiver } from '../protocol/reply-value.ts'
import { RequestWriter } from '../protocol/request-writer.ts'

import type { WordArguments } from '../protocol/word-arguments.ts'

import { itemAt } from '../util/array-reads.ts'
import { assert } from '../util/assert.ts'
import { utf8Of } from '../util/bytes/text.ts'
import { setInterval } from '../util/time/real-time.ts'
import { type CommandWords, isWord, type Word, wordError } from './argument-checks.ts'
import { gatherChecked, gatherWords } from './call-words.ts'
import type { PlainCommands } from './plain-commands.ts'

/** A reply, with RESP3's types as JavaScript types. */
export type CommandReply<S> = ReplyValue<S>

export interface CallerOptions {
  /** The protocol that determines the shapes of replies. Default 3. */
  protocol?: 2 | 3
  /** Called at once when the connection has ended, maybe within the engine's turn. */
  onClose?: () => void
  /** Finds the commands of `callAll`. */
  plain?: PlainCommands
}

type Value = ReplyValue<string | Buffer>

interface Settled {
  resolve(value: Value): void
  reject(error: Error): void
}

/** A call without a reply yet. */
interface PendingCall extends Settled {
  readonly buffers: boolean
  /** Its reply, which waits for its mark; undefined if the reply comes as bytes. */
  readonly value: Value | undefined
}

/** A timer that never fires in practice. While it is referenced, the process stays alive. */
const KEEP_ALIVE_MS = 2 ** 30

const SCRATCH_BYTES = 16 * 1024
/** The number of the mark that stands for the value. */
const MARK_BYTES = 3

const MULTI = ['MULTI'] as const
const EXEC = ['EXEC'] as const

/** All callers of a process share it. */
const requests = {
  /** Memory for encoding requests. The engine is done with it when `receive` returns. */
  scratch: new RequestWriter(SCRATCH_BYTES),
}
/** For calls that a logger makes before `receive` has returned. */
const spares: RequestWriter[] = []

/** Reads replies in bytes, and the marks of other replies. */
class MarkReader extends ReplyValueReader<string | Buffer> {
  readonly #markedValue: () => Value

  constructor(
    decode: (u8: Buffer, start: number, length: number) => string | Buffer,
    receiver: ReplyValueReceiver<string | Buffer>,
    markedValue: () => Value,
  ) {
    super(decode, receiver)
    this.#markedValue = markedValue
  }

  protected override scalar(type: number, u8: Buffer, start: number, length: number): Value {
    return type === REPLY_TYPE.inProcess ? this.#markedValue() : super.scalar(type, u8, start, length)
  }
}

export class Caller implements Transport, ReplyValueReceiver<string | Buffer> {
  readonly kind = 'in-process'
  readonly address = 'in-process:0'
  readonly localAddress = 'in-process:0'
  readonly descriptor = -1
  readonly backlogBytes = 0
  readonly #engine: Engine
  readonly #protocol: 2 | 3
  readonly #onClose: (() => void) | undefined
  readonly #direct: Engine['requests']['direct']
  readonly #plain: PlainCommands | undefined
  #reader: MarkReader
  /** Calls without a reply yet, from #first on. */
  #pending: PendingCall[] = []
  #first = 0
  /**
   * The number of those calls whose request or reply is bytes. No direct call may overtake them.
   */
  #inBytes = 0
  #client: Client
  #keepAlive: NodeJS.Timeout | undefined = undefined

  constructor(engine: Engine, { protocol = 3, onClose, plain }: CallerOptions = {}) {
    this.#engine = engine
    this.#direct = engine.requests.direct
    this.#plain = plain
    this.#protocol = protocol
    this.#onClose = onClose
    this.#reader = this.#newReader()
    this.#client = this.#connect()
  }

  /**
   * Runs a command; with `buffers` the strings of the reply are bytes. Rejects with TypeError for
   * values that cannot be words. `known` is the command, where the caller has found it already.
   */
  call(command: string, words: readonly Word[], buffers: boolean, known?: Command): Promise<Value> {
    // No closure stands here: one would cost memory for each call, also where it is not made.
    if (!this.#isDirect()) return this.#promiseInBytes(command, words, buffers)
    let gathered: WordArguments
    try {
      gathered = gatherWords(command, words)
    } catch (error) {
      return Promise.reject(error)
    }
    const answered = this.#direct.run(this.#client, gathered.args, buffers, known)
    gathered.release()
    const { value } = this.#direct.reply
    if (answered === 'now') return value instanceof CommandError ? Promise.reject(value) : Promise.resolve(value)
    return this.#promise(answered === 'soon' ? value : undefined, buffers)
  }

  /**
   * Runs checked commands one after the other. A command that fails is a CommandError among the
   * replies.
   */
  callAll(commands: readonly CommandWords[]): Promise<ReplyValue<string>[]> {
    return new Promise((resolve, reject) => {
      const replies: ReplyValue<string>[] = []
      if (commands.length === 0) return resolve(replies)
      const take = (value: Value): void => {
        replies.push(value as ReplyValue<string>)
        if (replies.length === commands.length) resolve(replies)
      }
      const fail = (error: Error): void => {
        if (error instanceof CommandError) take(error)
        else reject(error)
      }
      const settled = { resolve: take, reject: fail }
      for (let i = 0; i < commands.length; i++) this.#run(itemAt(commands, i), settled)
    })
  }

  /** Runs checked commands between MULTI and EXEC. */
  transaction(commands: readonly CommandWords[]): Promise<ReplyValue<string>[]> {
    return new Promise((resolve, reject) => {
      let firstError: CommandError | undefined
      const queued = { resolve() {}, reject: (error: Error) => (firstError ??= error as CommandError) }
      this.#run(MULTI, queued)
      for (let i = 0; i < commands.length; i++) this.#run(itemAt(commands, i), queued)
      this.#run(EXEC, {
        resolve: (value) => resolve(value as ReplyValue<string>[]),
        // EXECABORT says that a command was refused. The error of that command says which one and
        // why.
        reject: (error) => reject(firstError ?? error),
      })
    })
  }

  /**
   * Runs a function on behalf of this client. The promise is fulfilled when its effects are as safe
   * as the client's policy says.
   */
  async run(work: (client: Client) => void): Promise<void> {
    if (this.#client.connection.closed) this.#reconnect()
    work(this.#client)
    // Its reply is withheld until then.
    if (this.#engine.effects.propagation.on) await this.call('PING', [], false)
  }

  close(when: 'flushed' | 'now' = 'now'): void {
    if (when === 'now') this.#engine.disconnect(this.#client)
    const pending = this.#pending.slice(this.#first)
    this.#pending = []
    this.#first = 0
    this.#inBytes = 0
    this.#keepAlive?.unref()
    for (const { reject } of pending) reject(connectionClosed())
    this.#onClose?.()
  }

  /** Takes the marks at the beginning of the output. Usually there is nothing else. */
  writeNow(u8: Buffer, start: number, end: number): number {
    let at = start
    while (at < end && u8[at] === REPLY_TYPE.inProcess && this.#reader.isBetween) {
      this.reply(this.#awaitedValue())
      at += MARK_BYTES
    }
    return at - start
  }

  write(bytes: Buffer): boolean {
    this.#reader.feed(bytes)
    return true
  }

  reply(value: Value): void {
    const call = itemAt(this.#pending, this.#first++)
    if (call.value === undefined) this.#inBytes--
    if (this.#first === this.#pending.length) {
      this.#pending.length = 0
      this.#first = 0
      this.#keepAlive?.unref()
    } else if (this.#first >= 1024 && 2 * this.#first >= this.#pending.length) {
      this.#pending.splice(0, this.#first)
      this.#first = 0
    }
    settle(call, value)
  }

  push(): void {}

  #decode(u8: Buffer, start: number, length: number): string | Buffer {
    if (this.#pending[this.#first]?.buffers === true) return Buffer.from(u8.subarray(start, start + length))
    return utf8Of(u8, start, length)
  }

  #awaitedValue(): Value {
    const { value } = itemAt(this.#pending, this.#first)
    assert(value !== undefined, 'a mark stands for the value of a direct call')
    return value
  }

  /** Tells whether the next call can be direct. */
  #isDirect(): boolean {
    if (this.#client.connection.closed) this.#reconnect()
    return this.#inBytes === 0 && this.#direct.admits(this.#client)
  }

  /** Runs one of several commands, whose words have been checked. */
  #run(request: CommandWords, settled: Settled): void {
    if (!this.#isDirect()) {
      const [command, ...words] = request
      this.#callInBytes(command, words, false, settled)
      return
    }
    const gathered = gatherChecked(request)
    const known = this.#plain?.find(request[0])
    const answered = this.#direct.run(this.#client, gathered.args, false, known)
    gathered.release()
    const { value } = this.#direct.reply
    if (answered === 'now') settle(settled, value)
    else this.#await(answered === 'soon' ? value : undefined, false, settled)
  }

  #promise(value: Value | undefined, buffers: boolean): Promise<Value> {
    return new Promise((resolve, reject) => this.#await(value, buffers, { resolve, reject }))
  }

  #promiseInBytes(command: string, words: readonly Word[], buffers: boolean): Promise<Value> {
    return new Promise((resolve, reject) => this.#callInBytes(command, words, buffers, { resolve, reject }))
  }

  #callInBytes(command: string, words: readonly Word[], buffers: boolean, settled: Settled): void {
    requests.scratch.clear()
    encode(command, words)
    this.#await(undefined, buffers, settled)
    this.#send()
  }

  /** Keeps a call until its reply, or the mark of its value, arrives. */
  #await(value: Value | undefined, buffers: boolean, { resolve, reject }: Settled): void {
    if (this.#client.connection.closed) {
      reject(connectionClosed())
      return
    }
    if (this.#pending.length === 0) {
      this.#keepAlive ??= setInterval(() => {}, KEEP_ALIVE_MS)
      this.#keepAlive.ref()
    }
    if (value === undefined) this.#inBytes++
    this.#pending.push({ buffers, value, resolve, reject })
  }

  /**
   * CLIENT KILL, or an output limit, has ended the former connection, perhaps in the middle of a
   * reply.
   */
  #reconnect(): void {
    this.#reader = this.#newReader()
    this.#client = this.#connect()
  }

  #send(): void {
    const request = requests.scratch
    requests.scratch = spares.pop() ?? new RequestWriter(SCRATCH_BYTES)
    this.#engine.receive(this.#client, request.source, 0, request.length)
    spares.push(requests.scratch)
    requests.scratch = request
  }

  #newReader(): MarkReader {
    const decode = (u8: Buffer, start: number, length: number): string | Buffer => this.#decode(u8, start, length)
    return new MarkReader(decode, this, () => this.#awaitedValue())
  }

  #connect(): Client {
    // A program can read the memory of its own process, so it needs no password.
    const client = this.#engine.connect(this, 'internal')
    client.protocol = this.#protocol
    return client
  }
}

function settle({ resolve, reject }: Settled, value: Value): void {
  if (value instanceof CommandError) reject(value)
  else resolve(value)
}

function connectionClosed(): Error {
  return new Error('the connection to the broker was closed')
}

/** Appends a request to the scratch. */
function encode(command: string, words: readonly Word[]): void {
  const writer = requests.scratch
  writer.begin(words.length + 1)
  writer.utf8(command)
  for (let i = 0; i < words.length; i++) {
    const word: unknown = words[i]
    if (typeof word === 'string') writer.utf8(word)
    else if (!isWord(word)) throw wordError(command, i + 1, word)
    else if (typeof word === 'object') writer.u8Array(word)
    else writer.latin1(String(word))
  }
}
