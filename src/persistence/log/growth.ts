// Tells when the append-only file is to be rewritten by itself: `auto-aof-rewrite-percentage` and
// `auto-aof-rewrite-min-size`.

import type { Config } from '../../config/config.ts'
import type { AppendOnlyFile } from './append-only-file.ts'

/**
 * Tells whether the files of a journal have grown enough since they had `baseBytes`, after the last
 * rewrite or at the start.
 */
export function hasGrown({ failure, status }: AppendOnlyFile, baseBytes: number, config: Config): boolean {
  const percentage = config.get('auto-aof-rewrite-percentage')
  const { currentBytes } = status
  if (percentage === 0 || currentBytes <= config.get('auto-aof-rewrite-min-size') || failure !== undefined) return false
  return (currentBytes * 100) / (baseBytes || 1) - 100 >= percentage
}
