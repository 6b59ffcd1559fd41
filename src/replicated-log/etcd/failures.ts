// Turns failures of etcd requests into the errors of the log.

import { LogAway, LogError, LogFull, OutcomeUnknown } from '../log.ts'
import { EtcdRefusal, EtcdSilence } from './gateway.ts'

/** Tells what became of an append that has failed. */
export function appendFailure(error: unknown): LogError {
  if (error instanceof LogError) return error
  if (error instanceof EtcdRefusal) {
    if (error.isFull) return new LogFull(error.message, { cause: error })
    if (error.isBusy) return new LogAway(error.message, { cause: error })
    // A proposal that has timed out may be accepted later.
    if (error.isUnavailable) return new OutcomeUnknown(error.message, { cause: error })
    return new LogError(error.message, { cause: error })
  }
  if (error instanceof EtcdSilence && !error.mayHaveArrived) return new LogAway(error.message, { cause: error })
  return new OutcomeUnknown((error as Error).message, { cause: error })
}

/** Tells why a request that changes no batch has failed. */
export function failure(error: unknown): LogError {
  if (error instanceof LogError) return error
  if (error instanceof EtcdRefusal && !error.isUnavailable && !error.isBusy) {
    return new LogError(`etcd refuses: ${error.message}`, { cause: error })
  }
  return new LogAway((error as Error).message, { cause: error })
}
