// A log that could lose what it has acknowledged, because of how it is set up. Whoever opens it is refused, with what to change.

import { LogError } from './log.ts'

/** The log is there and does not keep what this program promises. Trying again does not help: its operator has to change something. */
export class LogUnfit extends LogError {
  override name = 'LogUnfit'
}
