// Applies the records of the log here: effects of other nodes, run for a client of origin
// `primary`, as a replica runs its primary's stream.

import type { Client } from '../engine/clients/client.ts'
import type { Engine } from '../engine/engine.ts'
import type { Connection } from '../replication/connection.ts'
import { PrimaryStream } from '../replication/primary-stream.ts'
import { assert } from '../util/assert.ts'
import { Gap } from './log.ts'

/** A connection without a peer. */
const NO_CONNECTION: Connection = {
  address: 'log:0',
  localAddress: 'log:0',
  descriptor: -1,
  write() {},
  pause() {},
  resume() {},
  close() {},
}

export class RecordApplier {
  readonly #engine: Engine
  #stream: PrimaryStream | undefined = undefined
  /** The client that stands for the log was closed, by CLIENT KILL for example. */
  #isCut = false
  #wake: () => void = () => {}
  readonly #goOn = (): void => {
    this.#stream?.resume()
    this.#wake()
  }

  constructor(engine: Engine) {
    this.#engine = engine
    engine.conditions.pause.ended.add(this.#goOn)
    engine.conditions.loading.changed.add(this.#goOn)
  }

  /** The client that runs the effects; undefined before the first. */
  get client(): Client | undefined {
    return this.#stream?.client
  }

  /**
   * Runs effects, now or when commands are no longer held up (CLIENT PAUSE). Throws `Gap` when a
   * command fails here that succeeded elsewhere.
   */
  async apply(effects: Buffer): Promise<void> {
    const { stats } = this.#engine.figures
    do {
      const stream = this.#open()
      assert(stream.unappliedBytes === 0, 'the effects of a record are applied whole before those of the next one')
      const errors = stats.errorReplies
      stream.receive(effects)
      if (stream.unappliedBytes > 0) await this.#passed(stream)
      else if (stats.errorReplies !== errors)
        throw new Gap('a command failed here that succeeded elsewhere: the data differs')
      // If the client was closed, none of the waiting effects has been run.
    } while (this.#isCut)
  }

  /** Ends the stream: it stopped, or a newer stream replaces it. */
  stop(): void {
    const { loading, pause } = this.#engine.conditions
    pause.ended.remove(this.#goOn)
    loading.changed.remove(this.#goOn)
    this.#stream?.end()
    this.#stream = undefined
    this.#wake()
  }

  #open(): PrimaryStream {
    if (this.#isCut) this.#stream?.end()
    if (this.#stream === undefined || this.#isCut) {
      this.#isCut = false
      this.#stream = new PrimaryStream(this.#engine, {
        connection: NO_CONNECTION,
        database: 0,
        copy: undefined,
        failed: () => {
          this.#isCut = true
          this.#wake()
        },
      })
    }
    return this.#stream
  }

  async #passed(stream: PrimaryStream): Promise<void> {
    while (stream.unappliedBytes > 0 && !this.#isCut && this.#stream === stream) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}
