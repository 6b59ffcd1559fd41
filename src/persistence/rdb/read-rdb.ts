// Reading an RDB file from the disk: chunk by chunk, the loop running in between.

import { roomFor } from '../../util/bytes/announced-size.ts'
import { Source } from '../../util/bytes/bytes.ts'
import { Crc64 } from '../../util/bytes/crc64.ts'
import { discarded } from '../../util/memory/discarded.ts'
import { setImmediate } from '../../util/time/real-time.ts'
import type { DiskFile } from '../disk/disk.ts'
import { RdbDamage } from './damage.ts'
import { RdbInput } from './rdb-input.ts'
import { RdbParser, type RdbTarget } from './rdb-parser.ts'

/** What is parsed in one go: some milliseconds' work. Larger only for a string that is larger itself. */
const CHUNK_BYTES = 256 * 1024
/**
 * The first chunk is this large, each that follows a quarter larger than the one before: what reads them is not compiled yet. 256 KiB
 * at once kept the loop for 60 ms.
 */
const FIRST_CHUNK_BYTES = 8 * 1024
/** In front of each chunk there is room for what was left of the one before. */
const HEADROOM_BYTES = 16 * 1024
const CHECKSUM_BYTES = 8

export interface ReadRdbOptions {
  file: Pick<DiskFile, 'read'>
  /** The file's size; what follows the snapshot in it (commands, when it is an append-only file's preamble) is left alone. */
  size: number
  target: RdbTarget
  /** False = whatever stands as checksum is fine. */
  checksum: boolean
  /** Told after each chunk how many bytes are done; reading goes on when what it returns is done. */
  progress?: (bytes: number) => Promise<void> | undefined
  chunkBytes?: number
}

/**
 * Reads a snapshot into a target and returns where it ends in the file. Throws RdbDamage, with its offset unless it is of no one place
 * (a key that is there twice), or what the disk says.
 */
export async function readRdb(options: ReadRdbOptions): Promise<{ end: number; version: number }> {
  const { target } = options
  const chunks = new Chunks(options)
  const { input } = chunks
  const parser = new RdbParser(input, target)
  try {
    while (!parser.run()) {
      await chunks.more()
      await options.progress?.(chunks.offset)
    }
    if (parser.hasChecksum) await chunks.checksum()
  } catch (error) {
    parser.abandon()
    if (error instanceof RdbDamage) error.offset = chunks.offset
    throw error
  } finally {
    // Whoever closes the file wants nobody to read from it any more.
    await chunks.settled()
  }
  // The loop turns in between: clients hear LOADING.
  while (!target.finish()) await new Promise((resolve) => setImmediate(resolve))
  return { end: chunks.offset, version: parser.version }
}

/** How an asynchronous read ended; never a rejection, which nobody might be there to see. */
type Outcome = { read: number } | { error: unknown }

/** Moves an input over a file, reading one chunk ahead of it. */
class Chunks {
  readonly input: RdbInput
  readonly #file: Pick<DiskFile, 'read'>
  readonly #chunkBytes: number
  /** Bytes of the next chunk. */
  #nextBytes: number
  readonly #crc: Crc64 | undefined
  /** File offset of the input's byte 0. */
  #base = 0
  /** Bytes of the chunk that the checksum does not cover yet begin here. */
  #unchecked = 0
  /** File offset of what is to be read next. */
  #position = 0
  readonly #size: number
  #ahead: { source: Source; outcome: Promise<Outcome> } | undefined = undefined
  /** The chunk before, to be filled again. */
  #spare: Source | undefined = undefined

  constructor(options: ReadRdbOptions) {
    this.#file = options.file
    this.#size = options.size
    this.#chunkBytes = Math.min(options.chunkBytes ?? CHUNK_BYTES, Math.max(options.size, 1))
    this.#nextBytes = Math.min(FIRST_CHUNK_BYTES, this.#chunkBytes)
    this.#crc = options.checksum ? new Crc64() : undefined
    this.input = new RdbInput(Source.allocate(0), 0, 0, options.size)
    this.#readAhead()
  }

  /** File offset of the input's next byte. */
  get offset(): number {
    return this.#base + this.input.at
  }

  /** Brings what the starved input needs, keeping what lies behind its mark. */
  async more(): Promise<void> {
    const { input } = this
    const { mark, end, source } = input
    this.#crc?.update(source, this.#unchecked, mark)
    const ahead = this.#ahead
    if (ahead === undefined) throw new RdbDamage('the file is at its end')
    this.#ahead = undefined
    const read = this.#taken(await ahead.outcome)
    const kept = end - mark
    let start = HEADROOM_BYTES - kept
    let filled = HEADROOM_BYTES + read
    if (start >= 0 && kept + read >= input.needed) {
      source.u8.copy(ahead.source.u8, start, mark, end)
      input.source = ahead.source
      if (source.u8.length === ahead.source.u8.length) this.#spare = source
    } else {
      // A piece larger than a chunk: it gets a buffer that holds it, which grows as it comes.
      let large = Source.allocate(Math.max(roomFor(input.needed, kept + read), kept + read))
      source.u8.copy(large.u8, 0, mark, end)
      ahead.source.u8.copy(large.u8, kept, HEADROOM_BYTES, HEADROOM_BYTES + read)
      this.#spare = ahead.source
      start = 0
      filled = kept + read
      while (filled < input.needed) {
        if (filled === large.u8.length) {
          const grown = Source.allocate(roomFor(input.needed, filled))
          large.u8.copy(grown.u8, 0, 0, filled)
          discarded.add(large)
          large = grown
        }
        const room = Math.min(input.needed, large.u8.length) - filled
        filled += this.#taken({ read: await this.#file.read(large.u8, filled, room, this.#position) })
      }
      input.source = large
    }
    input.at = start
    input.mark = start
    input.end = filled
    input.beyond = this.#size - this.#position
    input.needed = 0
    this.#unchecked = start
    this.#base = this.#position - filled
    this.#readAhead()
  }

  #taken(outcome: Outcome): number {
    if ('error' in outcome) throw outcome.error
    if (outcome.read === 0) throw new RdbDamage('the file has become shorter while it was read')
    this.#position += outcome.read
    return outcome.read
  }

  #readAhead(): void {
    const length = Math.min(this.#nextBytes, this.#size - this.#position)
    if (length <= 0) return
    this.#nextBytes = Math.min(this.#nextBytes + (this.#nextBytes >> 2), this.#chunkBytes)
    const source = this.#spare ?? Source.allocate(HEADROOM_BYTES + this.#chunkBytes)
    this.#spare = undefined
    const outcome: Promise<Outcome> = this.#file.read(source.u8, HEADROOM_BYTES, length, this.#position).then(
      (read) => ({ read }),
      (error: unknown) => ({ error }),
    )
    this.#ahead = { source, outcome }
  }

  /** Compares the checksum behind the end, which the input stands at, and passes it. */
  async checksum(): Promise<void> {
    const { input } = this
    if (input.left < CHECKSUM_BYTES) throw new RdbDamage('the checksum is missing')
    const ended = input.at - input.mark
    while (input.end - input.at < CHECKSUM_BYTES) {
      input.needed = ended + CHECKSUM_BYTES
      await this.more()
      input.at = input.mark + ended
    }
    const { source, at } = input
    const given = source.view.getInt32(at, true) !== 0 || source.view.getInt32(at + 4, true) !== 0
    const crc = this.#crc
    if (crc !== undefined && given && !crc.update(source, this.#unchecked, at).equalsAt(source, at)) {
      throw new RdbDamage('the checksum is wrong: the content has changed since it was written')
    }
    input.at += CHECKSUM_BYTES
  }

  /** Waits until no read is under way. */
  async settled(): Promise<void> {
    await this.#ahead?.outcome
  }
}
