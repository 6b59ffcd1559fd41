// Annotation lines in the copy of a log: each identifies the record whose bytes stand before it.
//
//   #POS epoch position hash kind rest
//
// `rest` is the number of payload bytes of an `effects` or `part` record, and the payload itself of
// other kinds. Redis skips lines that begin with '#'.

import { assert } from '../util/assert.ts'
import { CHECKED } from '../util/invariant.ts'
import type { RecordPosition } from './chain.ts'
import { type LogRecord, NO_HASH, type RecordKind } from './record.ts'

export interface PositionNote extends RecordPosition {
  readonly kind: RecordKind
  /** The number of payload bytes of effects; the payload of other kinds. */
  readonly rest: string
}

const NOTE = /^#POS (\d{1,15}) (\d{1,15}) ([0-9a-f]{16}) (effects|part|epoch|lease|handover) (.*?)\r?$/

export function positionNoteOf({ epoch, position, hash, kind, payload }: LogRecord): string {
  const rest = kind === 'effects' || kind === 'part' ? payload.length : payload.toString('latin1')
  assert(hash.length === NO_HASH.length, 'a hash has 16 digits')
  const note = `#POS ${epoch} ${position} ${hash} ${kind} ${rest}`
  if (CHECKED) assert(readPositionNote(note)?.rest === String(rest), 'a note reads back as it was')
  return `${note}\r\n`
}

/** The first note of a file: the records before it are in another file. */
export function firstNoteOf(place: RecordPosition): string {
  return positionNoteOf({ ...place, kind: 'lease', previous: place.hash, payload: Buffer.alloc(0) })
}

/** Reads an annotation; undefined when it is not a position note. */
export function readPositionNote(annotation: string): PositionNote | undefined {
  const [, epoch, position, hash, kind, rest] = NOTE.exec(annotation) ?? []
  if (hash === undefined || kind === undefined || rest === undefined) return undefined
  return { epoch: Number(epoch), position: Number(position), hash, kind: kind as RecordKind, rest }
}
