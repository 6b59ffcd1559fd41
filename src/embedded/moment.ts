// A moment: the state of all data when `checkpoint` was called, which can be restored.
//
//   const moment = await broker.checkpoint()
//   …
//   await moment.rollback()      // as often as you like
//   await moment.release()       // or `await using`

import type { Engine } from '../commands/call.ts'
import type { Checkpoint, WritePayload } from '../engine/data/checkpoints.ts'
import { payloadWriter } from '../persistence/rdb/payload.ts'
import type { Caller } from './caller.ts'

export class Moment {
  readonly #engine: Engine
  readonly #caller: Caller
  readonly #checkpoint: Checkpoint

  /** @internal A program gets one from `broker.checkpoint()`. Throws CheckpointError. */
  constructor(engine: Engine, caller: Caller) {
    this.#engine = engine
    this.#caller = caller
    this.#checkpoint = engine.data.checkpoints.begin()
  }

  /**
   * Restores the data of this moment at once, and ends all later moments. Rejects with
   * CheckpointError if the moment has ended, data is being loaded, a command is running, or the
   * journal cannot be written.
   */
  rollback(): Promise<void> {
    const { config } = this.#engine
    const { checkpoints } = this.#engine.data
    const payload: WritePayload = (db, entry) => {
      const window = payloadWriter.write(db, entry, config.get('rdbcompression')).copy()
      payloadWriter.release()
      return window
    }
    return this.#caller.run((client) => checkpoints.rollback(this.#checkpoint, client, payload))
  }

  /** Ends the moment; the data stays as it is. The memory that the moment kept is freed. */
  async release(): Promise<void> {
    this.#engine.data.checkpoints.release(this.#checkpoint)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
  }
}
