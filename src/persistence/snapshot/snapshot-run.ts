// One image of the data on its way to a file: the walk, the format and the file put together. Or on
// its way elsewhere: a picture.

import { REDIS_VERSION } from '../../config/version.ts'
import type { Engine } from '../../engine/engine.ts'
import type { Disk } from '../disk/disk.ts'
import { CommandWriter } from '../log/command-writer.ts'
import { RdbWriter, type RdbWriterOptions } from '../rdb/rdb-writer.ts'
import { DigestWriter, type PictureDigest } from './digest-writer.ts'
import type { ImageWriter } from './image-writer.ts'
import { Snapshot, type SnapshotSink } from './snapshot.ts'
import { SnapshotFile } from './snapshot-file.ts'

export interface SnapshotWalkOptions {
  engine: Engine
  later: (run: () => void) => void
  /** As in SnapshotOptions. Default: as `later`. */
  rested?: (run: () => void) => void
  format: 'rdb' | 'aof'
  /** True for the base of an append-only file. */
  isBase: boolean
  /** The parts that it will hold. Default: everything. */
  contents?: SnapshotContents
  /** A digest made on the way; only of an RDB file. */
  digest?: PictureDigest
  /**
   * Makes the object that takes the values, in the place of a writer of the format. Default: such a
   * writer.
   */
  writer?: () => ImageWriter
  /** More fields about the whole. Default: none. */
  about?: Readonly<Record<string, string>>
  /** Large values may be waited for, or need not be any more. */
  largeWritten: () => void
}

/** Parts of a snapshot. */
export interface SnapshotContents {
  readonly data: boolean
  readonly functions: boolean
}

export interface SnapshotRunOptions extends SnapshotWalkOptions {
  disk: Disk
  /** The file that it will become. */
  target: string
}

/** A snapshot that is being written. */
export interface SnapshotWalk {
  readonly snapshot: Snapshot
  /** Fulfilled when the walk is at the end; rejects with the reason when it was given up. */
  readonly walked: Promise<void>
}

const EVERYTHING: SnapshotContents = { data: true, functions: true }

/**
 * Takes a picture of the data, to be written to a sink. To be called between two commands; no other
 * may be under way.
 */
export function walkSnapshot(options: SnapshotWalkOptions, sink: SnapshotSink): SnapshotWalk {
  const { engine, digest, format, later, rested = later, largeWritten, isBase } = options
  const { about = {}, contents = EVERYTHING } = options
  const { config } = engine
  const { replication, scripts } = engine.parts
  let ended: (error: unknown) => void = () => {}
  const walked = new Promise<void>((resolve, reject) => {
    ended = (error) => (error === undefined ? resolve() : reject(error))
  })
  walked.catch(() => {})
  const make = (checksum: boolean): ImageWriter => {
    if (options.writer !== undefined) return options.writer()
    if (format === 'aof') return new CommandWriter(config.get('aof-timestamp-enabled'))
    const writer = new RdbWriter(rdbOptions(engine, checksum))
    return digest === undefined ? writer : new DigestWriter(writer, digest)
  }
  // The effects that follow a base in its log are not known here.
  const position = isBase ? undefined : replication?.position
  const snapshot = new Snapshot({
    engine,
    writer: make(config.get('rdbchecksum')),
    aside: () => make(false),
    sink,
    includesData: contents.data,
    auxiliary: {
      'redis-ver': REDIS_VERSION,
      'redis-bits': 64,
      ctime: Math.floor(engine.environment.clock.now() / 1000),
      'used-mem': engine.data.dataset.usedBytes,
      ...(position === undefined
        ? {}
        : { 'repl-stream-db': position.database, 'repl-id': position.id, 'repl-offset': position.offset }),
      'aof-base': isBase ? 1 : 0,
      ...about,
    },
    functions: contents.functions ? [...scripts.libraries()] : [],
    later,
    rested,
    ended,
    largeWritten,
  })
  return { snapshot, walked }
}

export class SnapshotRun {
  readonly snapshot: Snapshot
  readonly #file: SnapshotFile
  readonly #walked: Promise<void>

  /** Takes the picture. To be called between two commands; no other may be under way. */
  constructor(options: SnapshotRunOptions) {
    const { engine, disk } = options
    const { config } = engine
    const incremental = options.isBase
      ? config.get('aof-rewrite-incremental-fsync')
      : config.get('rdb-save-incremental-fsync')
    this.#file = new SnapshotFile(disk, options.target, incremental, engine.environment.log, (error) =>
      this.snapshot.abort(error),
    )
    const { snapshot, walked } = walkSnapshot(options, this.#file)
    this.snapshot = snapshot
    this.#walked = walked
  }

  /** Path of the file until it gets its name. */
  get temporary(): string {
    return this.#file.temporary
  }

  get bytes(): number {
    return this.#file.bytes
  }

  /**
   * Waits until all of it is on the disk, under its temporary name. Throws the disk's error, or the
   * reason why the image was given up.
   */
  async complete(): Promise<void> {
    await this.#walked
    await this.#file.finish()
  }

  /** Gives up, and removes the written bytes. */
  async discard(): Promise<void> {
    this.snapshot.abort(new Error('given up'))
    await this.#file.discard()
  }
}

function rdbOptions({ config }: Engine, checksum: boolean): RdbWriterOptions {
  const policy = config.get('maxmemory-policy')
  return {
    compress: config.get('rdbcompression'),
    checksum,
    use: policy.endsWith('-lfu') ? 'frequency' : policy.endsWith('-lru') ? 'idle' : 'nothing',
  }
}
