// Calls that return their replies, without promises: for commands that can answer at once.
//
//   broker.sync.call('SET', 'k', 'v')
//   broker.sync.get('k')                  // as `broker.commands`
//
// They run where they are called, behind all calls that were made before. A change is as safe as
// its policy says when its call returns: with `appendfsync always` it is on disk. They have a
// client of their own, so no call waits for another.

import type { Engine } from '../commands/call.ts'
import type { Client } from '../engine/clients/client.ts'
import type { Transport } from '../engine/clients/transport.ts'
import type { Command } from '../engine/spec/command.ts'
import { CommandError, type ReplyValue } from '../protocol/reply-value.ts'
import { type CommandWords, checkRequest, checkRequests, type Word } from './argument-checks.ts'
import { gatherWords } from './call-words.ts'
import { mayWait } from './plain-commands.ts'
import { INSTEAD } from './session.ts'

type Value = ReplyValue<string | Buffer>

export class SyncCalls implements Transport {
  readonly kind = 'in-process'
  readonly address = 'in-process:0'
  readonly localAddress = 'in-process:0'
  readonly descriptor = -1
  readonly backlogBytes = 0
  readonly #engine: Engine
  readonly #direct: Engine['requests']['direct']
  /**
   * Commands that were checked and can answer at once, by the names that callers write.
   */
  readonly #known = new Map<string, Command>()
  #client: Client | undefined = undefined

  constructor(engine: Engine) {
    this.#engine = engine
    this.#direct = engine.requests.direct
  }

  /**
   * Runs a command and returns its reply. Throws CommandError, and an Error for a command that
   * cannot answer at once.
   */
  call(command: string, words: readonly Word[], buffers: boolean): Value {
    const known = this.#known.get(command)
    const writes = known === undefined ? this.#lookedAt(command, words) : !known.isReadonly
    const value = this.#run(command, words, buffers, writes, known)
    if (value instanceof CommandError) throw value
    return value
  }

  /** Runs commands between MULTI and EXEC. */
  transaction(commands: readonly CommandWords[]): Value[] {
    checkRequests('transaction()', commands)
    for (const [command, ...words] of commands) this.#lookedAt(command, words)
    this.#run('MULTI', [], false, true)
    let refusal: CommandError | undefined
    for (const [command, ...words] of commands) {
      const queued = this.#run(command, words, false, true)
      if (queued instanceof CommandError) refusal ??= queued
    }
    const replies = this.#run('EXEC', [], false, true)
    if (replies instanceof CommandError) throw refusal ?? replies
    return replies as Value[]
  }

  write(): boolean {
    return true
  }

  close(): void {}

  #run(command: string, words: readonly Word[], buffers: boolean, writes: boolean, known?: Command): Value {
    const client = this.#admitted(command)
    if (writes) this.#checkJournal(command)
    const gathered = gatherWords(command, words)
    const isWhole = this.#direct.runAtOnce(client, gathered.args, buffers, known)
    gathered.release()
    const { value } = this.#direct.reply
    if (!isWhole) {
      // The call cannot wait, so its client is disconnected.
      this.#engine.disconnect(client)
      throw cannot(command, 'it has to wait here')
    }
    if (!this.#direct.isSafe(client)) this.#settle(client, command)
    return value
  }

  /** Returns the client of these calls. Throws while a command is running. */
  #admitted(command: string): Client {
    // A new client within a running command would begin another unit of time.
    if (!this.#direct.isFree) throw cannot(command, 'another command is running')
    if (this.#client === undefined || this.#client.connection.closed) {
      this.#client = this.#engine.connect(this, 'internal')
      this.#client.protocol = 3
    }
    if (!this.#direct.admits(this.#client)) throw cannot(command, 'faults were asked for')
    return this.#client
  }

  /** Throws, before anything changes, if a change could not be on disk when the call returns. */
  #checkJournal(command: string): void {
    const { progress } = this.#engine.effects.durability
    if (!progress.enabled || progress.settlesNow === true || progress.failure !== undefined) return
    throw cannot(command, 'earlier changes are being written by another thread, or by other machines')
  }

  #settle(client: Client, command: string): void {
    this.#engine.effects.durability.progress.settleNow?.()
    if (!this.#direct.isSafe(client)) throw new Error(`${command} was run, but the disk has not taken it`)
  }

  /**
   * Throws for a command that may wait, or that changes its connection. Returns true if it may
   * write.
   */
  #lookedAt(command: string, words: readonly Word[]): boolean {
    checkRequest(command, words)
    const found = this.#engine.commands.meant(command, words[0])
    if (found === undefined) return true
    const changes = found.spec.changesConnection
    if (changes !== undefined) throw new Error(`${command} changes the state of a connection: ${INSTEAD[changes]}`)
    if (mayWait(found) && !isReading(found, words)) throw cannot(command, 'it may have to wait')
    const writes = !found.isReadonly
    if (!command.includes('|') && this.#engine.commands.get(command)?.subcommands === undefined && !mayWait(found)) {
      this.#known.set(command, found)
    }
    return writes
  }
}

/** XREAD and XREADGROUP wait only with BLOCK. */
function isReading({ name }: Command, words: readonly Word[]): boolean {
  return /^xread/.test(name) && !words.some((word) => String(word).toUpperCase() === 'BLOCK')
}

function cannot(command: string, why: string): Error {
  return new Error(`${command} cannot be answered at once, ${why}: use call(), which returns a promise`)
}
