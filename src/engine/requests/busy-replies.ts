// Serves clients while a script takes long: they get BUSY, and the few commands that may end the
// script are run.
//
// The event loop does not turn meanwhile. So the owner of the sockets reads them directly and
// brings the bytes here. Each client's own parser takes them, and keeps the beginning of an
// incomplete request. This happens in the middle of a command:
// - The running command keeps its arguments, its reply and its reading of the clock. The parser of
// its client gets no bytes.
// - No data changes: an expired key is hidden, and no parked client is served.
// - Replies from before the script may leave only as far as the journal allows it (invariant 3).

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
    readonly dataset: CallHost['data']['dataset'] & Pick<DatabaseHost, 'changesBegun' | 'expiry' | 'use'>
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
  /** Clients whose earlier replies cannot leave yet; their new replies wait behind those. */
  readonly #waiting = new Set<Client>()
  #began = false

  constructor(host: BusyRepliesHost) {
    this.#host = host
    this.#call = new Call(host)
    this.#call.mayBlock = false
    this.#call.reply = host.requests.replies
  }

  /**
   * Sends replies from before the script. To be called before the first `receive` during a script.
   */
  begin(): void {
    if (this.#began) return
    this.#began = true
    const { durability, propagation } = this.#host.effects
    const { runner, turn } = this.#host.requests
    assert(runner.call !== undefined, 'a script runs while other clients are served')
    // A unit that has begun must not be written in part. Then clients that wrote in the same turn
    // wait.
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

  /**
   * Lets a listener hand over the bytes that clients have sent since the last time. Called in the
   * middle of any command.
   */
  hear(listener: BusyListener): void {
    const { dataset } = this.#host.data
    const { runner } = this.#host.requests
    const { call } = runner
    assert(call !== undefined, 'a script runs while other clients are served')
    const { replies } = this.#host.requests
    const { unitClock } = this.#host.environment
    const isWriting = replies.isOpenFor(call.client)
    const timeMs = unitClock.reading
    const words = CHECKED ? call.args.copy() : undefined
    const {
      changesBegun,
      expiry,
      use: { touches },
    } = dataset
    if (expiry !== 'keep') dataset.expiry = 'hide'
    listener.listen(this)
    // A shutdown that was asked for meanwhile has begun a pause.
    if (dataset.expiry === 'hide') dataset.expiry = expiry
    dataset.use.touches = touches
    assert(dataset.changesBegun === changesBegun, 'clients that are heard change no data')
    assert(runner.call === call, 'the command that let others be heard goes on')
    assert(replies.isOpenFor(call.client) === isWriting, 'the command that let others be heard goes on replying')
    assert(timeMs === 0 || unitClock.reading === timeMs, 'invariant 2: a script keeps its reading of the clock')
    if (words !== undefined) assert(call.args.equals(words), 'a running command keeps its words while others are heard')
  }

  /** Tells if a client may be read: it waits for nothing, and does not run the script. */
  hears(client: Client): boolean {
    return (
      !client.halted &&
      !client.requests.parser.isFed &&
      client.requests.postponed === undefined &&
      (client.state & CLIENT_MUTED) === 0 &&
      client !== this.#host.requests.runner.client
    )
  }

  /** Takes a client's bytes, and replies. The buffer may be reused afterwards. */
  receive(client: Client, source: Source, start: number, end: number): void {
    assert(this.hears(client), 'a client is read while it waits for nothing')
    const { replies, incoming: requests } = this.#host.requests
    const { stats } = this.#host.figures
    stats.readsProcessed++
    stats.inputBytes += end - start
    const interrupted = replies.open(client)
    this.#client = client
    try {
      client.requests.parser.feed(source, start, end, this)
    } catch (error) {
      requests.refuse(client, error)
    }
    replies.close()
    if (interrupted !== undefined) replies.open(interrupted)
    if (!this.#waiting.has(client) && !this.#mustWait(client)) this.#send(client)
  }

  /** Tells if a client's replies show a write that is not safe yet. */
  #mustWait(client: Client): boolean {
    const { progress } = this.#host.effects.durability
    return (
      client.output.heldForDurability ||
      client.output.waitsForWritten > progress.written ||
      client.output.waitsForSynced > progress.synced
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

  /** Sends a client's replies from a copy, because the shared buffers are still being written. */
  #send(client: Client): void {
    if (client.connection.closed || client.output.overLimit || client.pendingBytes === 0) return
    assert(!this.#mustWait(client), 'invariant 3: a reply leaves after its bytes were written')
    this.#host.figures.stats.writesProcessed++
    this.#host.figures.stats.outputBytes += client.pendingBytes
    client.takeCopy()
    client.flush()
  }
}
