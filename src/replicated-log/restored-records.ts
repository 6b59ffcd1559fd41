// Makes the records of a log again from this node's copy, for a log that has lost its end.
//
// The position notes of the copy tell the kind of each record, and the bytes before a note are its
// effects. So the same records come out, byte for byte; each is checked against its hash. Where the
// copy has no note for a position, the log held a record there that did not count. Another record
// that does not count takes its place.
//
// Each file but the first begins by repeating the last note of the file before it.

import type { Disk } from '../persistence/disk/disk.ts'
import { CommandReader } from '../persistence/log/command-reader.ts'
import { Arguments } from '../protocol/arguments.ts'
import { Gap, type LogEntry } from './log.ts'
import { type PositionNote, readPositionNote } from './position-note.ts'
import { encodeRecord, NO_HASH } from './record.ts'

/** A note, with its offsets in the file. */
interface FoundNote {
  readonly note: PositionNote
  readonly start: number
  readonly end: number
}

/**
 * Makes the records after a position again from the files of a copy, in order. Throws `Gap` when
 * the copy does not have them.
 */
export async function* copiedRecords(disk: Disk, files: readonly string[], after: number): AsyncIterable<LogEntry> {
  let previous: PositionNote | undefined
  let position = after
  for (const path of files) {
    const file = await disk.open(path, 'read')
    try {
      const size = await file.size()
      const notes = await notesOf(new CommandReader(file, size))
      const head = notes[0]?.note
      if (previous !== undefined && head !== undefined && head.hash !== previous.hash)
        throw new Gap(`the files of the copy do not follow one another at position ${previous.position}`)
      /** The offset at which the effects of the next record begin. */
      let at = 0
      for (const [i, { note, start }] of notes.entries()) {
        if (note.position === previous?.position) continue
        // A record in several parts has its notes one after another, behind the effects of all
        // parts.
        const before = notes[i - 1]?.end ?? 0
        if (start > before) at = before
        const isEffects = note.kind === 'effects' || note.kind === 'part'
        const bytes = isEffects ? Number(note.rest) : 0
        if (note.position > after) {
          if (previous === undefined && note.position > 1)
            throw new Gap(`the copy begins at position ${note.position}, and the log ends at ${after}`)
          for (position++; position < note.position; position++) yield { position, batch: nothingAt(position) }
          const payload = isEffects ? Buffer.alloc(bytes) : Buffer.from(note.rest, 'latin1')
          if (bytes > 0 && (await file.read(payload, 0, bytes, at)) < bytes)
            throw new Gap('the copy is shorter than it was')
          const { epoch, kind } = note
          const { batch, hash } = encodeRecord({
            kind,
            epoch,
            position,
            previous: previous?.hash ?? NO_HASH,
            payload,
          })
          if (hash !== note.hash) throw new Gap(`the copy does not hold what stood at position ${position}`)
          yield { position, batch }
        }
        at += bytes
        previous = note
      }
    } finally {
      await file.close()
    }
  }
}

/** A record that counts for no reader: its epoch is below all others. */
function nothingAt(position: number): Buffer {
  return encodeRecord({ kind: 'lease', epoch: 0, position, previous: NO_HASH, payload: Buffer.alloc(0) }).batch
}

async function notesOf(reader: CommandReader): Promise<FoundNote[]> {
  const args = new Arguments()
  const notes: FoundNote[] = []
  reader.onAnnotation = (text) => {
    const note = readPositionNote(text)
    if (note !== undefined) notes.push({ note, start: reader.offset, end: reader.offset + text.length + 1 })
  }
  while (reader.next(args) || (await reader.fill(reader.offset)));
  return notes
}
