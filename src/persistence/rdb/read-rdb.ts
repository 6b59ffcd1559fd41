// Reading an RDB file from the disk: chunk by chunk, the loop running in between.

import { Source } from '../../util/bytes.ts'
import { Crc64 } from '../../util/crc64.ts'
import type { DiskFile } from '../disk.ts'
import { RdbDamage } from './damage.ts'
import { RdbInput } from './rdb-input.ts'
import { RdbParser, type RdbTarget } from './rdb-parser.ts'
import type { StructureContext } from './structure-context.ts'

/** What is parsed in one go: some milliseconds' work. Larger only for a string that is larger itself. */
const CHUNK_BYTES = 256 * 1024
const CHECKSUM_BYTES = 8

export interface ReadRdbOptions {
  file: Pick<DiskFile, 'read'>
  /** The file's size; what follows the snapshot in it (commands, when it is an append-only file's preamble) is left alone. */
  size: number
  target: RdbTarget
  context: StructureContext
  /** False = whatever stands as checksum is fine. */
  checksum: boolean
  /** Told after each chunk how many bytes are done. */
  progress?: (bytes: number) => void
  chunkBytes?: number
}

/** Reads a snapshot into a target and returns where it ends in the file. Throws RdbDamage with its offset, or what the disk says. */
export async function readRdb(options: ReadRdbOptions): Promise<{ end: number; version: number }> {
  const { file, size, target, context, progress } = options
  const chunkBytes = options.chunkBytes ?? CHUNK_BYTES
  const input = new RdbInput(Source.allocate(Math.min(chunkBytes, Math.max(size, 16))), 0, 0, size)
  const parser = new RdbParser(input, target, context)
  const crc = options.checksum ? new Crc64() : undefined
  /** File offset of the chunk's first byte. */
  let base = 0

  const fill = async (): Promise<void> => {
    const { mark, end, source, needed } = input
    crc?.update(source, 0, mark)
    const kept = end - mark
    const capacity = Math.min(Math.max(chunkBytes, needed), kept + input.beyond)
    if (capacity > source.u8.length || (source.u8.length > chunkBytes && capacity <= chunkBytes)) {
      input.source = Source.allocate(Math.max(capacity, Math.min(chunkBytes, size)))
    }
    source.u8.copy(input.source.u8, 0, mark, end)
    base += mark
    input.at = 0
    input.mark = 0
    input.end = kept
    while (input.end < Math.max(1, needed)) {
      const wanted = Math.min(input.source.u8.length - input.end, input.beyond)
      const read = await file.read(input.source.u8, input.end, wanted, base + input.end)
      if (read === 0) throw new RdbDamage('the file has become shorter while it was read')
      input.end += read
      input.beyond -= read
    }
    input.needed = 0
    progress?.(base)
  }

  try {
    while (!parser.run()) await fill()
    if (parser.hasChecksum) {
      input.needed = input.at - input.mark + CHECKSUM_BYTES
      const ended = input.at - input.mark
      if (input.left < CHECKSUM_BYTES) throw new RdbDamage('the checksum is missing')
      if (input.end - input.at < CHECKSUM_BYTES) {
        await fill()
        input.at = ended
      }
      const { source, at } = input
      const given = source.view.getInt32(at, true) !== 0 || source.view.getInt32(at + 4, true) !== 0
      if (crc !== undefined && given && !crc.update(source, 0, at).equalsAt(source, at)) {
        throw new RdbDamage('the checksum is wrong: the content has changed since it was written')
      }
      input.at += CHECKSUM_BYTES
    }
    return { end: base + input.at, version: parser.version }
  } catch (error) {
    parser.abandon()
    if (error instanceof RdbDamage) error.offset = base + input.at
    throw error
  }
}
