// What went wrong with a request to etcd, in the words of the log.

import { LogAway, LogError, LogFull, OutcomeUnknown } from '../log.ts'
import { EtcdRefusal, EtcdSilence } from './gateway.ts'

/** Says what became of an append that has not succeeded. */
export function appendFailure(error: unknown): LogError {
  if (error instanceof LogError) return error
  if (error instanceof EtcdRefusal) {
    if (error.isFull) return new LogFull(error.message, { cause: error })
    if (error.isBusy) return new LogAway(error.message, { cause: error })
    // A proposal whose time is over may be accepted later.
    if (error.isUnavailable) return new OutcomeUnknown(error.message, { cause: error })
    return new LogError(error.message, { cause: error })
  }
  if (error instanceof EtcdSilence && !error.mayHaveArrived) return new LogAway(error.message, { cause: error })
  return new OutcomeUnknown((error as Error).message, { cause: error })
}

/** Says why something that changes no batch could not be done. */
export function failure(error: unknown): LogError {
  if (error instanceof LogError) return error
  if (error instanceof EtcdRefusal && !error.isUnavailable && !error.isBusy) {
    return new LogError(`etcd refuses: ${error.message}`, { cause: error })
  }
  return new LogAway((error as Error).message, { cause: error })
}
