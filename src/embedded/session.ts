// A connection of a program's own to its broker, whose commands are calls and whose replies are values.
//
//   const session = broker.session()
//   await session.call('SELECT', 3)
//   const replies = await session.callAll([['SET', 'a', 1], ['GET', 'a']])
//   session.close()
//
// Unlike `broker.call`, which all callers share, it has a state of its own: database, name, transaction, and what it waits for. Its
// commands run in the order they are called, so one that blocks holds up those behind it; `close` ends the wait.

import type { Engine } from '../commands/call.ts'
import { nextTick } from '../util/time/real-time.ts'
import { Caller, type CommandReply, type Word } from './caller.ts'

/** What to use instead of a command that calls cannot have: because all share a connection, or because it takes their replies away. */
export const INSTEAD = {
  subscriptions: 'use subscribe() or subscribePattern()',
  transaction: 'use transaction()',
  state: 'use a connection of your own: session() or connect()',
  replies: 'use a connection of your own: connect()',
} as const

export interface SessionOptions {
  /** Whose shapes the replies have: with 2, as over RESP2, maps are flat arrays and scores are strings. Default 3. */
  protocol?: 2 | 3
  /** Called when the connection has ended: by `close`, by CLIENT KILL, QUIT or a limit, or with the broker. */
  onClose?: () => void
}

export class Session {
  readonly #caller: Caller
  readonly #engine: Engine
  #closed = false

  /** @internal A program gets one from `broker.session()`. */
  constructor(engine: Engine, { protocol = 3, onClose }: SessionOptions = {}) {
    this.#engine = engine
    this.#caller = new Caller(engine, {
      protocol,
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

  /** Runs a command; an error reply rejects with CommandError. Strings in the reply are decoded as UTF-8. */
  call(command: string, ...words: Word[]): Promise<CommandReply<string>> {
    const refusal = this.#refusal(command, words)
    if (refusal !== undefined) return Promise.reject(refusal)
    return this.#caller.call(command, words, false) as Promise<CommandReply<string>>
  }

  /** As `call`, with the strings of the reply as bytes. */
  callBuffer(command: string, ...words: Word[]): Promise<CommandReply<Buffer>> {
    const refusal = this.#refusal(command, words)
    if (refusal !== undefined) return Promise.reject(refusal)
    return this.#caller.call(command, words, true) as Promise<CommandReply<Buffer>>
  }

  /** Runs commands one behind the other, sent at once. A command that fails is a CommandError among the replies. */
  callAll(commands: readonly (readonly [command: string, ...words: Word[]])[]): Promise<CommandReply<string>[]> {
    for (const [command, ...words] of commands) {
      const refusal = this.#refusal(command, words)
      if (refusal !== undefined) return Promise.reject(refusal)
    }
    return this.#caller.callAll(commands)
  }

  /** Runs commands as MULTI/EXEC does; see `Broker.transaction`. */
  transaction(commands: readonly (readonly [command: string, ...words: Word[]])[]): Promise<CommandReply<string>[]> {
    if (this.#closed) return Promise.reject(new Error('the session is closed'))
    return this.#caller.transaction(commands)
  }

  /** Ends the connection. Calls that are not answered reject. */
  close(): void {
    if (!this.#closed) this.#caller.close()
  }

  /** Every call has one reply: what takes that away, or brings messages, is not for calls. */
  #refusal(command: string, words: readonly Word[]): Error | undefined {
    if (this.#closed) return new Error('the session is closed')
    const changes = this.#engine.commands.meant(command, words[0])?.spec.changesConnection
    if (changes === 'subscriptions') return new Error(`${command}: a session takes no messages: ${INSTEAD[changes]}`)
    if (changes === 'replies')
      return new Error(`${command}: a session's calls have one reply each: ${INSTEAD[changes]}`)
    return undefined
  }
}
