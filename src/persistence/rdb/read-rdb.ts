// Reads an RDB file from the disk: chunk by chunk; the loop runs in between.

import { assert } from '../../util/assert.ts'
import { roomFor } from '../../util/bytes/announced-size.ts'
import { Source } from '../../util/bytes/bytes.ts'
import { Crc64 } from '../../util/bytes/crc64.ts'
import { discarded } from '../../util/memory/discarded.ts'
import { setImmediate } from '../../util/time/real-time.ts'
import type { DiskFile } from '../disk/disk.ts'
import { RdbDamage } from './damage.ts'
import { RdbInput } from './rdb-input.ts'
import { RdbParser, type RdbTarget } from './rdb-parser.ts'

/**
 * Bytes parsed in one go: some milliseconds' work. Only a string that is larger itself makes a
 * larger chunk.
 */
const CHUNK_BYTES = 256 * 1024
/**
 * The first chunk is this large, each following one a quarter larger: the code that reads them is
 * not compiled yet. 256 KiB at once kept the loop for 60 ms.
 */
const FIRST_CHUNK_BYTES = 8 * 1024
/** In front of each chunk there is room for the rest of the one before. */
const HEADROOM_BYTES = 16 * 1024
const CHECKSUM_BYTES = 8

export interface ReadRdbOptions {
  file: Pick<DiskFile, 'read'>
  /**
   * The file's size. Commands that follow the snapshot, in a file of the append-only log, are left
   * alone.
   */
  size: number
  target: RdbTarget
  /** False = any checksum is accepted. */
  checksum: boolean
  /**
   * Is told after each chunk how many bytes are done. Reading goes on when its promise is
   * fulfilled.
   */
  progress?: (bytes: number) => Promise<void> | undefined
  chunkBytes?: number
}

/**
 * Reads a snapshot into a target and returns its end in the file. Throws RdbDamage, or the disk's
 * error. The damage has an offset unless it belongs to no one place (a key that is there twice).
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
    // No read may be under way when the caller closes the file.
    await chunks.settled()
  }
  // The loop turns in between: clients hear LOADING.
  while (!target.finish()) await new Promise((resolve) => setImmediate(resolve))
  return { end: chunks.offset, version: parser.version }
}

/** How an asynchronous read ended. It is never a rejection, which could go unhandled. */
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
  /** Bytes of the chunk from here on are not in the checksum yet. */
  #unchecked = 0
  /** File offset of the next read. */
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

  /** Brings the bytes that the starved input needs, keeping those behind its mark. */
  async more(): Promise<void> {
    const { input } = this
    const { mark, end, source } = input
    assert(this.#unchecked <= mark, 'each byte is in the checksum once')
    const markOffset = this.#base + mark
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
      // The piece is larger than a chunk: it gets a buffer that holds it, which grows as it comes.
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
    assert(filled - start >= input.needed, 'a starved read gets the bytes that it needs')
    input.at = start
    input.mark = start
    input.end = filled
    input.beyond = this.#size - this.#position
    input.needed = 0
    this.#unchecked = start
    this.#base = this.#position - filled
    assert(this.#base + start === markOffset, 'a chunk goes on where the one before was left')
    this.#readAhead()
  }

  #taken(outcome: Outcome): number {
    if ('error' in outcome) throw outcome.error
    if (outcome.read === 0) throw new RdbDamage('the file has become shorter while it was read')
    this.#position += outcome.read
    return outcome.read
  }

  #readAhead(): void {
    assert(this.#ahead === undefined, 'one chunk is read ahead')
    const length = Math.min(this.#nextBytes, this.#size - this.#position)
    if (length <= 0) return
    this.#nextBytes = Math.min(this.#nextBytes + (this.#nextBytes >> 2), this.#chunkBytes)
    const source = this.#spare ?? Source.allocate(HEADROOM_BYTES + this.#chunkBytes)
    this.#spare = undefined
    assert(source !== this.input.source, 'the chunk that is parsed is not overwritten')
    const outcome: Promise<Outcome> = this.#file.read(source.u8, HEADROOM_BYTES, length, this.#position).then(
      (read) => ({ read }),
      (error: unknown) => ({ error }),
    )
    this.#ahead = { source, outcome }
  }

  /** Compares the checksum behind the end, where the input stands, and passes it. */
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
