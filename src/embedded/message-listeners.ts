// Listeners on channels and patterns: one client subscribes for all of them.
//
// Messages are handed out after the engine's turn, never from inside a `publish`: a listener may
// call anything.

import type { Engine } from '../commands/call.ts'
import type { Client } from '../engine/clients/client.ts'
import type { Transport } from '../engine/clients/transport.ts'
import { CommandError, type ReplyValue, ReplyValueReader, type ReplyValueReceiver } from '../protocol/reply-value.ts'
import { encodeRequest } from '../protocol/request-writer.ts'
import { Source } from '../util/bytes/bytes.ts'
import { utf8Of } from '../util/bytes/text.ts'
import { nextTick } from '../util/time/real-time.ts'

/** Receives a message and the channel it was published on. */
export type Listener<S> = (message: S, channel: string) => void
/** Takes a listener away. */
export type Unsubscribe = () => void

type Kind = 'channel' | 'pattern'

interface Confirmation {
  resolve(): void
  reject(error: Error): void
}

export class MessageListeners implements Transport, ReplyValueReceiver<string> {
  readonly kind = 'in-process'
  readonly address = 'in-process:0'
  readonly localAddress = 'in-process:0'
  readonly descriptor = -1
  /** Messages that wait for their listeners count as a backlog, within the output limits. */
  backlogBytes = 0
  readonly #engine: Engine
  readonly #reader = new ReplyValueReader<string>(utf8Of, this)
  readonly #listeners: Record<Kind, Map<string, Set<Listener<string>>>> = { channel: new Map(), pattern: new Map() }
  /** (Un)subscribe requests that were not confirmed yet, in order. */
  #confirmations: Confirmation[] = []
  #messages: { kind: Kind; name: string; channel: string; message: string }[] = []
  #client: Client | undefined = undefined

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Adds a listener. The promise is fulfilled when messages will arrive. */
  async subscribe(kind: Kind, name: string, listener: Listener<string>): Promise<Unsubscribe> {
    const all = this.#listeners[kind]
    let listeners = all.get(name)
    if (listeners === undefined) {
      listeners = new Set()
      all.set(name, listeners)
    }
    // Each subscription counts by itself, even if it has the same function as another.
    const own: Listener<string> = (message, channel) => listener(message, channel)
    listeners.add(own)
    // Subscribes even if the engine has this subscription already: the confirmation comes after
    // everything in flight.
    await this.#request(kind === 'channel' ? 'SUBSCRIBE' : 'PSUBSCRIBE', name)
    return () => {
      if (!listeners.delete(own) || listeners.size > 0 || all.get(name) !== listeners) return
      all.delete(name)
      if (this.#client?.connection.closed === false) {
        this.#request(kind === 'channel' ? 'UNSUBSCRIBE' : 'PUNSUBSCRIBE', name).catch(() => {})
      }
    }
  }

  write(bytes: Buffer): boolean {
    this.#reader.feed(bytes)
    return true
  }

  /** The engine has ended the connection: the broker is closing, or listeners were too slow. */
  close(): void {
    const confirmations = this.#confirmations
    this.#confirmations = []
    for (const { reject } of confirmations) reject(new Error('the connection to the broker was closed'))
  }

  reply(value: ReplyValue<string>): void {
    if (value instanceof CommandError) this.#confirmations.shift()?.reject(value)
  }

  push(parts: ReplyValue<string>[]): void {
    switch (parts[0]) {
      case 'message':
        this.#queue('channel', parts[1] as string, parts[1] as string, parts[2] as string)
        break
      case 'pmessage':
        this.#queue('pattern', parts[1] as string, parts[2] as string, parts[3] as string)
        break
      default:
        this.#confirmations.shift()?.resolve()
    }
  }

  #queue(kind: Kind, name: string, channel: string, message: string): void {
    if (this.#messages.length === 0) nextTick(() => this.#hand())
    this.#messages.push({ kind, name, channel, message })
  }

  #hand(): void {
    const messages = this.#messages
    this.#messages = []
    for (const { kind, name, channel, message } of messages) {
      const listeners = this.#listeners[kind].get(name)
      if (listeners === undefined) continue
      for (const listener of listeners) {
        try {
          listener(message, channel)
        } catch (error) {
          // An error is thrown like that of an event emitter's listener, but the other listeners
          // still get their message.
          nextTick(() => {
            throw error
          })
        }
      }
    }
  }

  #request(command: string, name: string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#client === undefined || this.#client.connection.closed) this.#connect()
      this.#confirmations.push({ resolve, reject })
      this.#send(command, [name])
    })
  }

  #connect(): void {
    const client = this.#engine.connect(this, 'internal')
    client.protocol = 3
    this.#client = client
    // After CLIENT KILL the remaining listeners are subscribed again.
    for (const kind of ['channel', 'pattern'] as const) {
      const names = [...this.#listeners[kind].keys()]
      if (names.length === 0) continue
      for (const _ of names) this.#confirmations.push({ resolve() {}, reject() {} })
      this.#send(kind === 'channel' ? 'SUBSCRIBE' : 'PSUBSCRIBE', names)
    }
  }

  #send(command: string, names: readonly string[]): void {
    const request = encodeRequest([command, ...names], 'utf8')
    this.#engine.receive(this.#client!, new Source(request), 0, request.length)
  }
}
