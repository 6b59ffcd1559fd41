// Slows saving and loading down (`rdb-key-save-delay`, `key-load-delay`), so that a test can act
// while they are under way.
//
// redis-server sleeps after each key. Here the loop goes on meanwhile: the time is added up and
// waited for in small pieces. So clients are answered, and a delay that is set back to 0 ends at
// once.

import { assert } from '../../util/assert.ts'
import type { Clock } from '../../util/time/clock.ts'

/** The longest single wait. */
const STEP_MS = 20
/** Timers have no shorter wait: less is added up. */
const STEP_MS_MIN = 1

export class TestKeyDelay {
  readonly #setting: () => number
  #countedKeys = 0
  #owedMs = 0

  /** `setting` reads the setting: microseconds, or a part of one (-100 = a hundredth). */
  constructor(setting: () => number) {
    this.#setting = setting
  }

  get isOn(): boolean {
    return this.#setting() !== 0
  }

  /**
   * Waits as long as the keys that are done, all in all, ask for; undefined where there is no
   * delay.
   */
  pass(clock: Clock, keys: number): Promise<void> | undefined {
    return this.isOn ? this.#pass(clock, keys) : undefined
  }

  async #pass(clock: Clock, keys: number): Promise<void> {
    for (let ms = this.next(keys); ms > 0; ms = this.next(keys)) {
      await new Promise<void>((resolve) => void clock.after(ms, resolve))
    }
  }

  /**
   * Returns how long to wait now that this many keys are done, all in all; 0 = not at all. To be
   * asked again after the wait.
   */
  next(keys: number): number {
    assert(keys >= this.#countedKeys, 'keys that are done stay done')
    const microseconds = this.#setting()
    const each = microseconds < 0 ? -1 / microseconds : microseconds
    this.#owedMs = microseconds === 0 ? 0 : this.#owedMs + ((keys - this.#countedKeys) * each) / 1000
    this.#countedKeys = keys
    if (this.#owedMs < STEP_MS_MIN) return 0
    const step = Math.min(this.#owedMs, STEP_MS)
    this.#owedMs -= step
    return step
  }
}
