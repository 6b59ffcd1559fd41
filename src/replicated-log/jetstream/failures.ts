// Turns failures of JetStream requests into the errors of the log.
//
// For an append it matters whether it may have arrived. A server that answers with an error has not
// proposed the append to the others. One that no server accepts (503) has not reached the log.
// Without any answer, it may have arrived or not.

import { Fenced, Gap, LogAway, LogError, LogFull, OutcomeUnknown } from '../log.ts'
import type { NatsPackages } from './connection.ts'

/** An error as the servers report it in an answer. */
export interface ServerError {
  readonly code: number
  readonly err_code?: number
  readonly description?: string
}

// The servers' error codes (server/errors.json of nats-server).
const WRONG_LAST_SEQUENCE = 10071
const WRONG_LAST_SEQUENCE_UNKNOWN = 10164
const STREAM_NOT_FOUND = 10059
const NO_ROOM = new Set([
  10002, // of the account
  10023, // of the server
  10047, // of its disks
  10077, // of the stream: max_bytes
  10122, // of a message in the account's limits
])
const UNAVAILABLE_STATUS = 503

/**
 * Tells what an error in the answer to an append means. In every case the batch is not in the log.
 */
export function refusal(error: ServerError): LogError {
  const said = error.description ?? 'the append was refused'
  switch (error.err_code) {
    case WRONG_LAST_SEQUENCE:
    case WRONG_LAST_SEQUENCE_UNKNOWN:
      return new Fenced(said)
    case STREAM_NOT_FOUND:
      return new Gap('the stream is gone')
  }
  if (NO_ROOM.has(error.err_code ?? 0)) return new LogFull(said)
  return error.code === UNAVAILABLE_STATUS ? new LogAway(said) : new LogError(said)
}

/** Tells what became of an append without an answer. */
export function unanswered({ nats }: NatsPackages, error: unknown): LogError {
  if (error instanceof LogError) return error
  if (error instanceof nats.errors.RequestError && error.isNoResponders()) {
    return new LogAway('the log has no leader', { cause: error })
  }
  if (error instanceof nats.errors.InvalidArgumentError) return new LogError(error.message, { cause: error })
  return new OutcomeUnknown(`no answer came: ${(error as Error).message}`, { cause: error })
}

export const isStreamMissing = ({ jetstream }: NatsPackages, error: unknown): boolean =>
  error instanceof jetstream.JetStreamApiError && error.apiError().err_code === STREAM_NOT_FOUND

/** Tells why a request that changes no batch has failed. */
export function failure({ nats, jetstream }: NatsPackages, error: unknown): LogError {
  if (error instanceof LogError) return error
  if (error instanceof jetstream.JetStreamApiError) {
    const { code, description, err_code } = error.apiError()
    return refusal({ code, description, err_code })
  }
  if (error instanceof nats.errors.PermissionViolationError) {
    return new LogError(`the account may not do this: ${error.message}`, { cause: error })
  }
  return new LogAway(`the log does not answer: ${(error as Error).message}`, { cause: error })
}
