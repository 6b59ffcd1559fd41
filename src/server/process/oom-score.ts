// `oom-score-adj`: tells the kernel how readily to kill this process when memory is short.
//
// The first of `oom-score-adj-values` applies to a server without replicas, which this one is.
// `yes` adds it to the value that the process began with; `absolute` sets it. `no` restores the
// value that the process began with.

import fs from 'node:fs'
import type { Config } from '../../config/config.ts'
import { ConfigError } from '../../config/config.ts'
import type { Log } from '../../engine/log.ts'
import { itemAt } from '../../util/array-reads.ts'

/** The file's path on Linux; other systems have none. */
const FILE = '/proc/self/oom_score_adj'
/** The kernel's bounds. */
const SCORE_MAX = 1000

/**
 * Sets the score and follows the settings. At the start a refusal is only logged, CONFIG SET fails
 * with it.
 */
export function followOomScore(config: Config, log: Log, file = FILE): void {
  /** The value that the process began with; undefined until it is changed. */
  let beganWith: number | undefined

  const apply = (): void => {
    const mode = config.get('oom-score-adj')
    if (mode === 'no') {
      if (beganWith !== undefined) fs.writeFileSync(file, String(beganWith))
      beganWith = undefined
      return
    }
    beganWith ??= Number.parseInt(fs.readFileSync(file, 'latin1'), 10)
    const value = itemAt(config.get('oom-score-adj-values'), 0) + (mode === 'absolute' ? 0 : beganWith)
    fs.writeFileSync(file, String(Math.min(Math.max(value, -SCORE_MAX), SCORE_MAX)))
  }

  const follow = (): void => {
    try {
      apply()
    } catch (error) {
      log.warn({ file, error }, 'the score for lack of memory cannot be set')
      throw new ConfigError('Failed to set current oom_score_adj. Check server logs.')
    }
  }
  try {
    follow()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
  }
  config.onChange('oom-score-adj', follow)
  config.onChange('oom-score-adj-values', follow)
}
