// One-use links: a word in the address of the console that signs a user in, once, within minutes.
//
// The program that starts a broker prints one. The word stands behind `#`, so no browser sends it
// to a server before the page does.

import type { Clock } from '../../util/time/clock.ts'
import { OneUseWords } from '../rights/one-use-words.ts'

export const LINK_MS_MAX = 10 * 60_000
const LINKS_MAX = 100

/** Links, each of which signs in as the user that it was made for. */
export class Links extends OneUseWords<string> {
  constructor(clock: Clock) {
    super(clock, { msMax: LINK_MS_MAX, countMax: LINKS_MAX })
  }
}
