// Moments without requests, as some strikes of the proof of a cluster need them.

import { sleep } from '../../src/util/time/real-time.ts'

export class Quiet {
  #isQuiet = false
  #underWay = 0

  /** Makes a request when it is not quiet. */
  async run(request: () => Promise<unknown>): Promise<void> {
    while (this.#isQuiet) await sleep(1)
    this.#underWay++
    await request().finally(() => this.#underWay--)
  }

  /** Resolves when no request is in flight. */
  async begin(): Promise<void> {
    this.#isQuiet = true
    while (this.#underWay > 0) await sleep(1)
  }

  end(): void {
    this.#isQuiet = false
  }
}
