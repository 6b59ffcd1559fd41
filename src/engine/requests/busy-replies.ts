// Clients while a script takes long: everybody is answered BUSY, and commands that may end the script are run.
//
// Whoever holds the sockets reads them past the event loop, which does not turn,
// and brings the bytes here. They go through each client's own parser, so what a
// request's end is, and what is still to come of it, is known when the script has
// ended. This happens in the middle of a command:
// - the running command's words, its reply and its reading of the clock stay as they are; its parser is not fed;
// - no data changes: a key whose time is up is hidden, nobody parked is served;
// - replies that were made before the script began may leave only as far as the
//   journal allows it (invariant 3).

import type { Arguments } from '../../protocol/arguments.ts'
import type { RequestHandler } from '../../protocol/request-parser.ts'
import type { DatabaseHost } from '../../store/keyspace/database.ts'
import { assert } from '../../util/assert.ts'
import type { Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { CLIENT_MUTED, CLIENT_UNAUTHENTICATED, type Client } from '../clients/client.ts'
import type { Progress } from '../effects/journal.ts'
import { Call, type CallHost } from './call.ts'
import type { BusyAnswers, BusyListener } from './script-runner.ts'

export interface BusyRepliesHost extends CallHost {
  readonly requests: CallHost['requests'] & {
    readonly dispatch: { dispatch(client: Client, args: Arguments, call: Call): void }
    readonly incoming: { refuse(client: Client, error: unknown): void }
    readonly runner: { readonly call: Call | undefined; readonly client: Client | undefined }
    readonly turn: { readonly owed: readonly Client[] }
  }
  readonly data: CallHost['data'] & {
    readonly dataset: CallHost['data']['dataset'] & Pick<DatabaseHost, 'changesBegun' | 'expiry' | 'touches'>
  }
  readonly effects: CallHost['effects'] & {
    readonly durability: CallHost['effects']['durability'] & { readonly progress: Progress }
    readonly propagation: CallHost['effects']['propagation'] & { readonly unitBegun: boolean }
  }
  readonly clients: CallHost['clients'] & {
    readonly outputLimits: { checkReply(client: Client): void }
  }
}

export class BusyReplies implements BusyAnswers, RequestHandler {
  readonly #host: BusyRepliesHost
  readonly #call: Call
  #client!: Client
  /** Clients whose replies from before the script could not leave; further ones wait behind them. */
  readonly #waiting = new Set<Client>()
  #began = false

  constructor(host: BusyRepliesHost) {
    this.#host = host
    this.#call = new Call(host)
    this.#call.mayBlock = false
    this.#call.reply = host.requests.replies
  }

  /** To be called before the first `receive` during a script: sends what was owed before it began. */
  begin(): void {
    if (this.#began) return
    this.#began = true
    const { durability, propagation } = this.#host.effects
    const { runner, turn } = this.#host.requests
    // A unit that has begun is not cut in two by writing it; then those wait who wrote in the same turn.
    if (!propagation.unitBegun) durability.progress.write('others')
    for (const client of turn.owed) {
      if (client === runner.client) continue
      if (this.#mustWait(client)) this.#waiting.add(client)
      else this.#send(client)
    }
  }

  /** The script has ended. */
  end(): void {
    this.#began = false
    this.#waiting.clear()
  }

  /** Has a listener hand over what clients sent since the last time. It may happen in the middle of any command. */
  hear(listener: BusyListener): void {
    const { dataset } = this.#host.data
    const { runner } = this.#host.requests
    const call = runner.call!
    const words = CHECKED ? call.args.copy() : undefined
    const { changesBegun, expiry, touches } = dataset
    if (expiry !== 'keep') dataset.expiry = 'hide'
    listener.listen(this)
    // A shutdown that was asked for meanwhile has begun a pause.
    if (dataset.expiry === 'hide') dataset.expiry = expiry
    dataset.touches = touches
    assert(dataset.changesBegun === changesBegun, 'clients that are heard change no data')
    assert(runner.call === call, 'the command that let others be heard goes on')
    if (words !== undefined) assert(call.args.equals(words), 'a running command keeps its words while others are heard')
  }

  /** Tells whether a client may be read: it is not waiting for something itself, and is not the script's. */
  hears(client: Client): boolean {
    return (
      !client.halted &&
      !client.parser.isFed &&
      client.postponedRequest === undefined &&
      (client.state & CLIENT_MUTED) === 0 &&
      client !== this.#host.requests.runner.client
    )
  }

  /** Takes what a client sent, and answers it. The buffer may be reused afterwards. */
  receive(client: Client, source: Source, start: number, end: number): void {
    const { replies, incoming: requests } = this.#host.requests
    const { stats } = this.#host.figures
    stats.readsProcessed++
    stats.inputBytes += end - start
    const interrupted = replies.open(client)
    this.#client = client
    try {
      client.parser.feed(source, start, end, this)
    } catch (error) {
      requests.refuse(client, error)
    }
    replies.close()
    if (interrupted !== undefined) replies.open(interrupted)
    if (!this.#waiting.has(client) && !this.#mustWait(client)) this.#send(client)
  }

  /** Tells whether a client is owed replies that show what is not safe yet. */
  #mustWait(client: Client): boolean {
    const { progress } = this.#host.effects.durability
    return (
      client.heldForDurability || client.waitsForWritten > progress.written || client.waitsForSynced > progress.synced
    )
  }

  // RequestHandler, for the client that is being heard.

  get halted(): boolean {
    return this.#client.halted
  }

  get authenticated(): boolean {
    return this.#client.authenticated
  }

  get bulkBytesMax(): number {
    return this.#client.bulkBytesMax
  }

  get queryBufferBytesMax(): number {
    return this.#client.queryBufferBytesMax
  }

  request(args: Arguments): void {
    const { dispatch, runner } = this.#host.requests
    const { outputLimits } = this.#host.clients
    assert(args !== runner.call?.args, 'the words of the running command are not those of a client that is heard')
    dispatch.dispatch(this.#client, args, this.#call)
    if ((this.#client.state & CLIENT_UNAUTHENTICATED) !== 0) outputLimits.checkReply(this.#client)
  }

  /** Sends what a client is owed, in memory of its own: the shared buffers are still being written. */
  #send(client: Client): void {
    if (client.closed || client.overLimit || client.pendingBytes === 0) return
    this.#host.figures.stats.writesProcessed++
    this.#host.figures.stats.outputBytes += client.pendingBytes
    client.takeCopy()
    client.flush()
  }
}
