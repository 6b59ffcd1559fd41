// How long ago an entry was used, and under an LFU policy how often: its ACCESS word, and the
// frequency in its META word.

import type { KeyUse } from './database-host.ts'
import { FREQUENCY_MASK, FREQUENCY_SHIFT } from './entry-meta.ts'
import { ACCESS, type Keyspace, META } from './keyspace.ts'

/** The frequency of a new key, so that it is not the first to be evicted. Redis's LFU_INIT_VAL. */
const FREQUENCY_NEW = 5

/** Records that an entry was used. */
export function touch(keys: Keyspace, entry: number, use: KeyUse): void {
  if (use.frequency !== null) {
    const meta = keys.word(entry, META)
    const next = use.frequency((meta >>> FREQUENCY_SHIFT) & 0xff, keys.word(entry, ACCESS))
    keys.setWord(entry, META, (meta & ~FREQUENCY_MASK) | (next << FREQUENCY_SHIFT))
  }
  keys.setWord(entry, ACCESS, use.accessSeconds)
}

/** Starts a new entry's access clock. */
export function touchNew(keys: Keyspace, entry: number, use: KeyUse): void {
  keys.setWord(entry, ACCESS, use.accessSeconds)
  keys.setWord(entry, META, keys.word(entry, META) | (FREQUENCY_NEW << FREQUENCY_SHIFT))
}

/**
 * Sets an entry's use as another server reported it, as far as it is measured here; -1 = not known.
 */
export function setUse(keys: Keyspace, entry: number, use: KeyUse, idleSeconds: number, frequency: number): void {
  if (use.frequency === null) {
    if (idleSeconds >= 0) keys.setWord(entry, ACCESS, use.accessSeconds - idleSeconds)
  } else if (frequency >= 0) {
    const others = keys.word(entry, META) & ~FREQUENCY_MASK
    keys.setWord(entry, META, others | (frequency << FREQUENCY_SHIFT))
  }
}

/** Seconds since an entry was last used. */
export function idleSeconds(keys: Keyspace, entry: number, use: KeyUse): number {
  // Both words are 32 bits wide, so the difference stays right when the seconds wrap.
  return Math.max(0, (use.accessSeconds - keys.word(entry, ACCESS)) | 0)
}

export function frequencyOf(keys: Keyspace, entry: number): number {
  return (keys.word(entry, META) & FREQUENCY_MASK) >>> FREQUENCY_SHIFT
}
