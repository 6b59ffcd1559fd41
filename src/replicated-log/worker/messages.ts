// The messages between a thread that uses a log and the thread that runs it.
//
//   ▶ call 7 append, at 12, bytes      ◀ done 7, 13         or  ◀ failed 7, Fenced
//   ▶ read 8, from 13                  ◀ entry 8 …, entry 8 …   ▶ taken 8, number of bytes
//   ▶ stop 8                           ◀ done 8
//   ▶ listen 9                         ◀ heard 9, bytes …       ▶ taken 9, number of bytes
//
// Several messages are sent together, as an array. A reader is sent at most a window of bytes more
// than it has reported as taken. The same holds for listeners, but messages that do not fit into
// the window are lost.

import { Fenced, Gap, LogAway, LogError, LogFull, OutcomeUnknown, Truncated } from '../log.ts'
import { LogUnfit } from '../log-unfit.ts'

export type Method = 'append' | 'lead' | 'at' | 'bounds' | 'truncate' | 'close' | 'say'

export type Request =
  | {
      readonly type: 'call'
      readonly id: number
      readonly method: Method
      readonly position: number
      readonly batch?: Uint8Array
    }
  | { readonly type: 'read'; readonly id: number; readonly from: number }
  | { readonly type: 'taken'; readonly id: number; readonly bytes: number }
  | { readonly type: 'stop'; readonly id: number }
  | { readonly type: 'listen'; readonly id: number }

export type Reply =
  | {
      readonly type: 'opened'
      readonly batchBytesMax: number
      readonly inFlightMax: number
      /** The largest batch of messages. */
      readonly messageBytesMax: number
    }
  | { readonly type: 'unopened'; readonly error: SentError }
  | { readonly type: 'done'; readonly id: number; readonly value: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly error: SentError }
  | { readonly type: 'entry'; readonly id: number; readonly position: number; readonly batch: Uint8Array }
  | { readonly type: 'heard'; readonly id: number; readonly batch: Uint8Array }

/** One end of the connection between the threads: a worker or a port. */
export interface Port {
  postMessage(message: unknown, transferred: readonly ArrayBuffer[]): void
  on(event: 'message', listener: (message: unknown) => void): unknown
}

/** An error in the form in which it is sent. */
export interface SentError {
  readonly name: string
  readonly message: string
}

const CLASSES = new Map<string, new (message: string) => Error>(
  [Fenced, Gap, LogAway, LogFull, LogUnfit, OutcomeUnknown, Truncated, RangeError].map((type) => [type.name, type]),
)

/** Bytes that a reader may have been sent and not have taken. */
export const READ_WINDOW_BYTES = 4 * 1024 * 1024
/** The cost of an entry besides its bytes, so that the window also bounds empty entries. */
const ENTRY_OVERHEAD_BYTES = 256

export const entryBytes = (batch: Uint8Array): number => batch.length + ENTRY_OVERHEAD_BYTES

export function sendable(error: unknown): SentError {
  const { name, message } = error instanceof Error ? error : new Error(String(error))
  return { name, message }
}

/** Makes an error of the same class again: callers distinguish the classes. */
export function received({ name, message }: SentError): Error {
  return new (CLASSES.get(name) ?? LogError)(message)
}

/** Copies bytes so that their memory can be transferred. */
export function copyToSend(batch: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(batch)
}
