// A connection to the leader of another shard: requests are sent one behind the other, and each is
// answered.
//
// The sender bounds the unanswered bytes (`room`). An error that no caller awaits ends the link,
// and so does silence: nothing is accepted, and nothing is answered.

import { BadReply } from '../protocol/reply-reader.ts'
import { CommandError, type ReplyValue, ReplyValueReader, type ReplyValueReceiver } from '../protocol/reply-value.ts'
import { encodeRequest } from '../protocol/request-writer.ts'
import type { Address, Connection, ConnectionListener, Dial } from '../replication/connection.ts'
import { textOf } from '../util/bytes/text.ts'
import type { Clock, Timer } from '../util/time/clock.ts'

/** Bytes that may be in flight without an answer. */
const UNANSWERED_BYTES_MAX = 1024 * 1024
const PIECE_BYTES = 256 * 1024

/** An answer of the target. */
export type Answer = ReplyValue<string>

/** The link can no longer be used. */
export class LinkError extends Error {}

export interface TargetLinkOptions {
  readonly dial: Dial
  readonly to: Address
  readonly clock: Clock
  /** The arguments of AUTH; empty = no AUTH. */
  readonly credentials: readonly string[]
  /** A link that has been silent for this long ends. */
  readonly silenceMs: number
}

interface Question {
  readonly bytes: number
  /** Undefined = an error ends the link, and other answers are ignored. */
  readonly answered: ((answer: Answer | LinkError) => void) | undefined
}

export class TargetLink implements ConnectionListener, ReplyValueReceiver<string> {
  readonly #clock: Clock
  readonly #silenceMs: number
  readonly #questions: Question[] = []
  #connection: Connection | undefined
  #isConnected = false
  #unansweredBytes = 0
  #timer: Timer | undefined = undefined
  readonly #reader = new ReplyValueReader<string>(textOf, this)
  #failure: LinkError | undefined = undefined
  #connected: (error?: LinkError) => void = () => {}
  /** Called when a request is answered or the link ends. */
  #waiting: (() => void)[] = []

  private constructor({ clock, silenceMs }: TargetLinkOptions) {
    this.#clock = clock
    this.#silenceMs = silenceMs
  }

  /** Connects and authenticates. Rejects with a LinkError. */
  static async open(options: TargetLinkOptions): Promise<TargetLink> {
    const { credentials, dial, to } = options
    const link = new TargetLink(options)
    await new Promise<void>((resolve, reject) => {
      link.#connected = (error) => (error === undefined ? resolve() : reject(error))
      link.#heard()
      link.#connection = dial(to, link, 'target')
    })
    if (credentials.length > 0) await link.ask('AUTH', ...credentials)
    return link
  }

  /**
   * Sends a request and returns its answer. Rejects with a LinkError when the answer is an error,
   * or none can come any more.
   */
  ask(...words: readonly (string | number)[]): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure)
        return
      }
      const answered = (answer: Answer | LinkError): void =>
        answer instanceof LinkError ? reject(answer) : resolve(answer)
      this.#send(encodeRequest(words), answered)
    })
  }

  /** Sends a request whose answer is ignored unless it is an error. */
  tell(words: readonly Uint8Array[]): void {
    if (this.#failure === undefined) this.#send(encodeRequest(words), undefined)
  }

  /** Waits until more may be sent. Rejects with a LinkError. */
  async room(): Promise<void> {
    while (this.#failure === undefined && this.#unansweredBytes > UNANSWERED_BYTES_MAX)
      await new Promise<void>((resolve) => void this.#waiting.push(resolve))
    if (this.#failure !== undefined) throw this.#failure
  }

  close(): void {
    this.#end('it was closed')
  }

  #send(bytes: Buffer, answered: Question['answered']): void {
    if (this.#questions.length === 0) this.#heard()
    this.#questions.push({ bytes: bytes.length, answered })
    this.#unansweredBytes += bytes.length
    // Written in pieces, so that progress of a large value is seen on a slow connection.
    for (let at = 0; at < bytes.length; at += PIECE_BYTES)
      this.#connection?.write(bytes.subarray(at, at + PIECE_BYTES), () => this.#heard())
  }

  // ── events of the connection ────────────────────────────────────────────

  connected(): void {
    this.#isConnected = true
    this.#connected()
    this.#timer?.cancel()
  }

  received(bytes: Buffer): void {
    try {
      this.#reader.feed(bytes)
    } catch (error) {
      if (!(error instanceof BadReply)) throw error
      this.#end(`the other side sends ${error.message}`)
    }
    this.#heard()
  }

  ended(reason: string): void {
    this.#connection = undefined
    this.#end(reason)
  }

  reply(answer: Answer): void {
    // Further answers of the same read are of no interest when the link is over.
    if (this.#failure !== undefined) return
    const question = this.#questions.shift()
    if (question === undefined) {
      this.#end('the target sends a reply without a request')
      return
    }
    this.#unansweredBytes -= question.bytes
    const error = answer instanceof CommandError ? new LinkError(answer.message) : undefined
    if (question.answered !== undefined) question.answered(error ?? answer)
    else if (error !== undefined) this.#end(error.message)
    for (const wake of this.#waiting.splice(0)) wake()
  }

  /** A connection in RESP2 has no pushes. */
  push(): void {
    this.#end('the target sends a reply without a request')
  }

  /** The timeout begins again. */
  #heard(): void {
    this.#timer?.cancel()
    if (this.#failure === undefined) this.#timer = this.#clock.after(this.#silenceMs, () => this.#silent())
  }

  #silent(): void {
    if (!this.#isConnected || this.#questions.length > 0) this.#end('the other side is silent')
  }

  #end(reason: string): void {
    if (this.#failure !== undefined) return
    const failure = new LinkError(reason)
    this.#failure = failure
    this.#timer?.cancel()
    this.#connection?.close()
    this.#connection = undefined
    this.#connected(failure)
    for (const { answered } of this.#questions.splice(0)) answered?.(failure)
    for (const wake of this.#waiting.splice(0)) wake()
  }
}
