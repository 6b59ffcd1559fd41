// The error for a log that could lose acknowledged batches because of its settings. Opening it is
// refused, with a message that says what to change.

import { LogError } from './log.ts'

/**
 * The log can be reached but does not keep what this program promises. Trying again does not help:
 * its operator must change something.
 */
export class LogUnfit extends LogError {
  override name = 'LogUnfit'
}
