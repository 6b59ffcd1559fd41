// How a node's copy of the log is rewritten, as BackgroundSaving has it done: when it has grown, or BGREWRITEAOF asks for it.
//
// The base is a picture of the data, and its increment begins with the note of one place: so the data must be what the log says at that place, neither
// less nor more.
//
//   following   between two records it is
//   leading     it may be ahead of the log: writes are held up until the log has everything, some milliseconds

import type { Engine } from '../engine/engine.ts'
import type { AofDirectory } from '../persistence/log/aof-directory.ts'
import type { AppendOnlyFile } from '../persistence/log/append-only-file.ts'
import type { Rewrite, TakeImage } from '../persistence/log/rewrite.ts'
import { assert } from '../util/assert.ts'
import type { LocalCopy } from './local-copy.ts'
import type { ReplicatedJournal } from './replicated-journal.ts'

/** A log that is there acknowledges within milliseconds: for longer no writer waits because the copy is rewritten. */
const DRAIN_MS_MAX = 500

/** Whose copy it is. */
export interface CopyHolder {
  readonly isFollowing: boolean
  /** Of a leader. */
  readonly journal: ReplicatedJournal | undefined
  /** Runs something while no record is applied, and before the next is. */
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

  /** Whoever holds the copy closes it. */
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
    return this.#holder.betweenRecords(() => take(() => this.#holder.isFollowing))
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
