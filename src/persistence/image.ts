// One image of the data on its way to a file: the walk, the format and the file put together.

import type { Engine } from '../engine/engine.ts'
import { REDIS_VERSION } from '../engine/version.ts'
import { CommandWriter } from './command-writer.ts'
import type { Disk } from './disk.ts'
import type { ImageWriter } from './image-writer.ts'
import { RdbWriter, type RdbWriterOptions } from './rdb/rdb-writer.ts'
import { Snapshot } from './snapshot.ts'
import { SnapshotFile } from './snapshot-file.ts'

export interface ImageOptions {
  engine: Engine
  disk: Disk
  later: (run: () => void) => void
  /** The file it shall become. */
  target: string
  format: 'rdb' | 'aof'
  /** It is the base of an append-only file. */
  isBase: boolean
  /** Large values may be waited for, or need not be any more. */
  largeWritten: () => void
}

export class Image {
  readonly snapshot: Snapshot
  readonly #file: SnapshotFile
  readonly #walked: Promise<void>

  /** Takes the picture. To be called between two commands; no other may be under way. */
  constructor(options: ImageOptions) {
    const { engine, disk, later, format, largeWritten } = options
    const { config, scripts } = engine
    const incremental = options.isBase
      ? config.get('aof-rewrite-incremental-fsync')
      : config.get('rdb-save-incremental-fsync')
    let ended: (error: unknown) => void = () => {}
    this.#walked = new Promise((resolve, reject) => {
      ended = (error) => (error === undefined ? resolve() : reject(error))
    })
    this.#walked.catch(() => {})
    this.#file = new SnapshotFile(disk, options.target, incremental, engine.log, (error) => this.snapshot.abort(error))
    const make = (checksum: boolean): ImageWriter =>
      format === 'aof'
        ? new CommandWriter(config.get('aof-timestamp-enabled'))
        : new RdbWriter(rdbOptions(engine, checksum))
    this.snapshot = new Snapshot({
      engine,
      writer: make(config.get('rdbchecksum')),
      aside: () => make(false),
      sink: this.#file,
      auxiliary: {
        'redis-ver': REDIS_VERSION,
        'redis-bits': 64,
        ctime: Math.floor(engine.clock.now() / 1000),
        'used-mem': engine.dataset.usedBytes,
        'aof-base': options.isBase ? 1 : 0,
      },
      functions: [...scripts.libraries()],
      later,
      ended,
      largeWritten,
    })
  }

  /** Path of the file until it gets its name. */
  get temporary(): string {
    return this.#file.temporary
  }

  get bytes(): number {
    return this.#file.bytes
  }

  /** Waits until all of it is on the disk, under its temporary name. Throws what the disk says, or why it was given up. */
  async complete(): Promise<void> {
    await this.#walked
    await this.#file.finish()
  }

  /** Gives up, and removes what was written. */
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
