// Rewrites a node's copy of the log, on behalf of BackgroundSaving: when the copy has grown, or on
// BGREWRITEAOF.
//
// The base is an image of the data, and its increment begins with the note of one position. So the
// data must be exactly what the log says at that position.
//
//   following   the data matches the log between two records
//   leading     the data may be ahead of the log: writes are paused until the log has acknowledged
//               everything, which takes some milliseconds

import type { Engine } from '../engine/engine.ts'
import type { AofDirectory } from '../persistence/log/aof-directory.ts'
import type { AppendOnlyFile } from '../persistence/log/append-only-file.ts'
import type { Rewrite, TakeImage } from '../persistence/log/rewrite.ts'
import { assert } from '../util/assert.ts'
import type { LocalCopy } from './local-copy.ts'
import type { ReplicatedJournal } from './replicated-journal.ts'

/**
 * A log that can be reached acknowledges within milliseconds. A rewrite does not keep writers
 * waiting for longer than this.
 */
const DRAIN_MS_MAX = 500

/** The node that the copy belongs to. */
export interface CopyHolder {
  readonly isFollowing: boolean
  /** The journal of a leader; undefined while this node does not lead. */
  readonly journal: ReplicatedJournal | undefined
  /** Runs a function while no record is being applied, and before the next one is. */
  betweenRecords<T>(run: () => Promise<T>): Promise<T>
}

export class CopyRewrite implements Rewrite {
  isWanted = true
  readonly owesBase = false
  readonly #engine: Engine
  readonly #copy: LocalCopy
  readonly #holder: CopyHolder

  constructor(engine: Engine, copy: LocalCopy, holder: CopyHolder) {
    this.#engine = engine
    this.#copy = copy
    this.#holder = holder
  }

  get journal(): AppendOnlyFile {
    return this.#copy.journal
  }

  get baseBytes(): number {
    return this.#copy.baseBytes
  }

  async run(takeImage: TakeImage): Promise<void> {
    const { journal } = this.#holder
    const rewrite = (isStill: () => boolean): Promise<{ ended: Promise<void> }> =>
      this.#copy.rewrite(takeImage, isStill)
    const { ended } = await (journal === undefined
      ? this.#whileFollowing(rewrite)
      : this.#whileLeading(journal, rewrite))
    await ended
  }

  retire(): void {
    assert(false, 'the copy of a log is always kept')
  }

  /** The holder of the copy closes it. */
  async close(): Promise<void> {}

  get directory(): AofDirectory {
    return this.#copy.directory
  }

  async atOnePosition(run: () => void): Promise<void> {
    const { journal } = this.#holder
    const take = async (isStill: () => boolean): Promise<void> => {
      if (!isStill()) throw new Error('the data was changed meanwhile')
      run()
    }
    if (journal !== undefined) await this.#whileLeading(journal, take)
    else await this.#whileFollowing(take)
  }

  #whileFollowing<T>(take: (isStill: () => boolean) => Promise<T>): Promise<T> {
    return this.#holder.betweenRecords(() => {
      const { isFollowing, journal } = this.#holder
      assert(!isFollowing || journal === undefined, 'a node that follows has no journal')
      return take(() => this.#holder.isFollowing)
    })
  }

  async #whileLeading<T>(journal: ReplicatedJournal, take: (isStill: () => boolean) => Promise<T>): Promise<T> {
    const { workClock } = this.#engine.environment
    const { pause } = this.#engine.conditions
    if (journal.failure !== undefined) throw new Error(journal.failure)
    const isStill = (): boolean => this.#holder.journal === journal && !journal.isBehind
    pause.begin('saving', 'write', Number.MAX_SAFE_INTEGER)
    try {
      const tooLong = new Promise<void>((resolve) => void workClock.after(DRAIN_MS_MAX, resolve))
      await Promise.race([journal.drain(), tooLong])
      if (!isStill()) throw new Error('the log does not acknowledge what was written')
      return await take(isStill)
    } finally {
      pause.end('saving')
    }
  }
}
