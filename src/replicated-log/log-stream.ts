// What the log tells is done here: effects of others, run for a client of origin `primary`, as a replica runs its primary's stream.

import type { Client } from '../engine/clients/client.ts'
import type { Engine } from '../engine/engine.ts'
import type { Connection } from '../replication/connection.ts'
import { PrimaryStream } from '../replication/primary-stream.ts'
import { Gap } from './log.ts'

/** There is nobody to write to. */
const NO_CONNECTION: Connection = {
  address: 'log:0',
  localAddress: 'log:0',
  descriptor: -1,
  write() {},
  pause() {},
  resume() {},
  close() {},
}

export class LogStream {
  readonly #engine: Engine
  #stream: PrimaryStream | undefined = undefined
  /** Somebody has ended the client that stands for the log. */
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

  /** The client under which effects are run; undefined before the first. */
  get client(): Client | undefined {
    return this.#stream?.client
  }

  /** Runs effects, now or when nothing holds them up (CLIENT PAUSE). Throws `Gap` when something that was done elsewhere cannot be done here. */
  async apply(effects: Buffer): Promise<void> {
    const { stats } = this.#engine.figures
    do {
      const stream = this.#open()
      const errors = stats.errorReplies
      stream.receive(effects)
      if (stream.unappliedBytes > 0) await this.#passed(stream)
      else if (stats.errorReplies !== errors)
        throw new Gap('what was done elsewhere cannot be done here: the data differs')
      // Nothing of what had to wait was run.
    } while (this.#isCut)
  }

  /** Effects come no more, or by another stream. */
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
