// A connection of a program's own to its broker, whose commands are calls and whose replies are
// values.
//
//   const session = broker.session()
//   await session.call('SELECT', 3)
//   const replies = await session.callAll([['SET', 'a', 1], ['GET', 'a']])
//   session.close()
//
// Unlike `broker.call`, which all callers share, it has a state of its own: database, name,
// transaction, and what it waits for. Its commands run in the order they are called, so one that
// blocks holds up those behind it; `close` ends the wait.

import type { Engine } from '../commands/call.ts'
import { itemAt } from '../util/array-reads.ts'
import { nextTick } from '../util/time/real-time.ts'
import { type CommandWords, checkRequest, checkRequests, type Word } from './argument-checks.ts'
import { Caller, type CommandReply } from './caller.ts'
import { PlainCommands } from './plain-commands.ts'

/**
 * The remedy for a command that a call cannot run, because it changes the shared connection or has
 * no reply of its own.
 */
export const INSTEAD = {
  subscriptions: 'use subscribe() or subscribePattern()',
  transaction: 'use transaction()',
  state: 'use a connection of your own: session() or connect()',
  replies: 'use a connection of your own: connect()',
} as const

export interface SessionOptions {
  /**
   * The protocol that determines the shapes of replies. With 2, as over RESP2, maps are flat arrays
   * and scores are strings. Default 3.
   */
  protocol?: 2 | 3
  /**
   * Called when the connection has ended: by `close`, CLIENT KILL, QUIT or a limit, or with the
   * broker.
   */
  onClose?: () => void
}

export class Session {
  readonly #caller: Caller
  readonly #engine: Engine
  readonly #plain: PlainCommands
  #closed = false

  /** @internal A program gets one from `broker.session()`. */
  constructor(engine: Engine, { protocol = 3, onClose }: SessionOptions = {}) {
    this.#engine = engine
    this.#plain = new PlainCommands(engine.commands)
    this.#caller = new Caller(engine, {
      protocol,
      plain: this.#plain,
      onClose: () => {
        if (this.#closed) return
        this.#closed = true
        // Not within the engine's turn.
        if (onClose !== undefined) nextTick(onClose)
      },
    })
  }

  /** The connection has ended; calls reject. */
  get closed(): boolean {
    return this.#closed
  }

  /**
   * Runs a command; an error reply rejects with CommandError. Strings in the reply are decoded as
   * UTF-8.
   */
  call(command: string, ...words: Word[]): Promise<CommandReply<string>> {
    return this.#call(command, words, false) as Promise<CommandReply<string>>
  }

  /** Like `call`, with the strings of the reply as bytes. */
  callBuffer(command: string, ...words: Word[]): Promise<CommandReply<Buffer>> {
    return this.#call(command, words, true) as Promise<CommandReply<Buffer>>
  }

  #call(command: string, words: readonly Word[], buffers: boolean): Promise<CommandReply<string | Buffer>> {
    const known = this.#closed ? undefined : this.#plain.find(command)
    if (known === undefined) {
      try {
        checkRequest(command, words)
        this.#check(command, words[0])
      } catch (error) {
        return Promise.reject(error)
      }
    }
    return this.#caller.call(command, words, buffers, known)
  }

  /**
   * Sends commands together, and runs them one after the other. A command that fails is a
   * CommandError among the replies.
   */
  async callAll(commands: readonly CommandWords[]): Promise<CommandReply<string>[]> {
    checkRequests('callAll()', commands)
    for (let i = 0; i < commands.length; i++) this.#checkOne(itemAt(commands, i))
    return this.#caller.callAll(commands)
  }

  /** Runs commands as MULTI/EXEC does; see `Broker.transaction`. */
  async transaction(commands: readonly CommandWords[]): Promise<CommandReply<string>[]> {
    checkRequests('transaction()', commands)
    if (this.#closed) throw new Error('the session is closed')
    return this.#caller.transaction(commands)
  }

  /** Ends the connection. Unanswered calls reject. */
  close(): void {
    if (!this.#closed) this.#caller.close()
  }

  #checkOne(request: CommandWords): void {
    if (this.#closed || !this.#plain.has(request[0])) this.#check(request[0], request[1])
  }

  /**
   * Every call has one reply. Throws for a command without one, and for a command that brings
   * messages.
   */
  #check(command: string, second: Word | undefined): void {
    if (this.#closed) throw new Error('the session is closed')
    const changes = this.#engine.commands.meant(command, second)?.spec.changesConnection
    if (changes === 'subscriptions') throw new Error(`${command}: a session takes no messages: ${INSTEAD[changes]}`)
    if (changes === 'replies') throw new Error(`${command}: a session's calls have one reply each: ${INSTEAD[changes]}`)
  }
}
