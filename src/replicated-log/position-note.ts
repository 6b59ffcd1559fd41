// Annotation lines of an append-only file that is the copy of a log: which record the bytes before it are.
//
//   #POS epoch position hash kind rest
//
// `rest` is the number of bytes of an `effects` or `part` record, what the record says for the other kinds. Redis passes over lines
// that begin with '#'.

import type { RecordPosition } from './chain.ts'
import type { LogRecord, RecordKind } from './record.ts'

export interface PositionNote extends RecordPosition {
  readonly kind: RecordKind
  /** Bytes of effects; what another record says. */
  readonly rest: string
}

const NOTE = /^#POS (\d{1,15}) (\d{1,15}) ([0-9a-f]{16}) (effects|part|epoch|lease|handover) (.*?)\r?$/

export function positionNoteOf({ epoch, position, hash, kind, payload }: LogRecord): string {
  const rest = kind === 'effects' || kind === 'part' ? payload.length : payload.toString('latin1')
  return `#POS ${epoch} ${position} ${hash} ${kind} ${rest}\r\n`
}

/** The note with which a file begins: what lies before it is somewhere else. */
export function firstNoteOf(place: RecordPosition): string {
  return positionNoteOf({ ...place, kind: 'lease', previous: place.hash, payload: Buffer.alloc(0) })
}

/** Reads an annotation; undefined = it is about something else. */
export function readPositionNote(annotation: string): PositionNote | undefined {
  const [, epoch, position, hash, kind, rest] = NOTE.exec(annotation) ?? []
  if (hash === undefined || kind === undefined || rest === undefined) return undefined
  return { epoch: Number(epoch), position: Number(position), hash, kind: kind as RecordKind, rest }
}
