// Snapshots of the data at a place of the log, in a store that all nodes reach: so the log need not be kept for ever, and a new node need
// not read all of it.
//
//   one follower makes a snapshot ──▶ store ──▶ another reads it whole, and holds its place against the log ──▶ verified
//   two verified ones ──▶ the log is truncated behind the older of the two, and older snapshots are removed
//
// Who has made a snapshot never verifies it. Only followers make them: their data is what the log says, nothing more. A snapshot is an RDB file, which says in
// a field of its own at which place it was taken, and by whom.

import type { Engine } from '../engine/engine.ts'
import { checkSnapshot, type RdbVerdict } from '../persistence/check-rdb.ts'
import type { DiskFile } from '../persistence/disk.ts'
import { takePicture } from '../persistence/image.ts'
import type { SnapshotSink } from '../persistence/snapshot.ts'
import type { Source } from '../util/bytes.ts'
import type { Place } from './chain.ts'
import { type ReplicatedLog, Truncated } from './log.ts'
import { decodeRecord } from './record.ts'
import type { SnapshotStore } from './snapshot-store.ts'
import { isPassing } from './sure-append.ts'

const FIELD = 'log-place'
/** The field stands among the first that a snapshot has. */
const HEAD_BYTES = 1024
/** So often others' snapshots are looked for while the log grows by what one is due for: a store in a bucket takes money for each look. */
const LOOKS_PER_SNAPSHOT = 100

/** What a snapshot says of itself. */
export interface SnapshotNote extends Place {
  readonly node: string
}

export interface SnapshotsOptions {
  readonly engine: Engine
  readonly log: ReplicatedLog
  readonly store: SnapshotStore
  /** The name of this node. */
  readonly node: string
  /** A snapshot is due when the log has grown by so many positions since the newest. */
  readonly everyPositions: number
}

export class Snapshots {
  readonly #options: SnapshotsOptions
  /** Positions that this node has verified, oldest first. */
  readonly #verified: number[] = []
  /** Position of the newest that is known. */
  #newest = 0
  /** Where others' were last looked for; -1 = nowhere yet. */
  #looked = -1
  #isBusy = false
  #isMaking = false

  constructor(options: SnapshotsOptions) {
    this.#options = options
  }

  get store(): SnapshotStore {
    return this.#options.store
  }

  /** A picture of the data is being taken. */
  get isMaking(): boolean {
    return this.#isMaking
  }

  /**
   * Makes a snapshot if one is due, and verifies one that another node has made. To be called by a follower whose data is what the log says up to
   * `place`, between two records; the picture is taken before it returns. What goes wrong is logged, and tried again with the next call.
   */
  look(place: Place): void {
    const { engine } = this.#options
    if (this.#isBusy) return
    const isDue = this.#isDue(place)
    if (!isDue && !this.#isWorthALook(place)) return
    this.#isBusy = true
    const work = isDue ? this.#make(place) : this.#verifyOthers(place.position)
    work
      .catch((error: unknown) => {
        if (!isPassing(error)) engine.log.warn({ error }, 'a snapshot could not be made, or verified')
      })
      .finally(() => {
        this.#isBusy = false
      })
  }

  #isDue({ position }: Place): boolean {
    return (
      position - this.#newest >= this.#options.everyPositions &&
      this.#options.engine.saving?.status.saveInProgress !== true
    )
  }

  #isWorthALook({ position }: Place): boolean {
    return this.#looked < 0 || position - this.#looked >= this.#options.everyPositions / LOOKS_PER_SNAPSHOT
  }

  async #make({ epoch, hash, position }: Place): Promise<void> {
    const { engine, node, store } = this.#options
    const sink = new SnapshotParts()
    this.#isMaking = true
    const { walked, snapshot } = takePicture(
      {
        engine,
        later: engine.later,
        format: 'rdb',
        isBase: false,
        about: { [FIELD]: `${epoch} ${position} ${hash} ${node}` },
        largeWritten: () => {},
      },
      sink,
    )
    const walkEnded = (error?: unknown): void => {
      this.#isMaking = false
      sink.end(error)
    }
    walked.then(() => walkEnded(), walkEnded)
    try {
      // Another node may have been as quick: one of both is enough.
      const newest = (await store.list()).at(-1)?.position ?? 0
      this.#newest = Math.max(newest, this.#newest)
      if (position - newest < this.#options.everyPositions) {
        snapshot.abort(new Error('there is a newer one'))
        return
      }
      await store.put(position, sink.parts())
      this.#newest = position
    } catch (error) {
      snapshot.abort(error)
      throw error
    }
  }

  async #verifyOthers(position: number): Promise<void> {
    const { engine, log, node, store } = this.#options
    const kept = await store.list()
    this.#newest = Math.max(this.#newest, kept.at(-1)?.position ?? 0)
    for (const snapshot of kept) {
      if (snapshot.position > position || this.#verified.includes(snapshot.position)) continue
      const note = await this.#check(snapshot.position)
      if (note === undefined || note.node === node) continue
      engine.log.info({ position: note.position, node: note.node }, 'a snapshot was verified')
      this.#verified.push(snapshot.position)
    }
    const older = this.#verified.at(-2)
    if (older !== undefined) {
      await log.truncate(older + 1)
      for (const snapshot of kept) if (snapshot.position < older) await store.remove(snapshot.position)
    }
    this.#looked = position
  }

  /** Reads a snapshot to its end and holds its place against the log; undefined where it is of no use. */
  async #check(position: number): Promise<SnapshotNote | undefined> {
    const { engine, log, store } = this.#options
    const bytes = await gather(store.get(position))
    const note = snapshotNoteIn(bytes)
    const { damage } = await readWhole(bytes)
    let batch: Uint8Array | undefined
    try {
      batch = await log.at(position)
    } catch (error) {
      if (error instanceof Truncated) return undefined
      throw error
    }
    const isOfTheLog = batch !== undefined && decodeRecord(batch).hash === note?.hash
    if (damage === undefined && note !== undefined && note.position === position && isOfTheLog) return note
    const problem = damage?.problem ?? 'it is of another log'
    engine.log.error({ position, problem }, 'a snapshot is of no use, and is removed')
    await store.remove(position)
    return undefined
  }
}

/** Reads the place at which a snapshot was taken; undefined = it does not say. */
export function snapshotNoteIn(snapshot: Buffer): SnapshotNote | undefined {
  // A name of nine bytes, a length of one byte, the text.
  const at = snapshot.subarray(0, HEAD_BYTES).indexOf(FIELD)
  if (at === -1) return undefined
  const from = at + FIELD.length
  const head = snapshot[from]!
  // Lengths from 64 on take two bytes.
  const [start, length] = head < 64 ? [from + 1, head] : [from + 2, ((head & 63) << 8) | snapshot[from + 1]!]
  const [epoch, position, hash, ...node] = snapshot.toString('latin1', start, start + length).split(' ')
  if (hash === undefined) return undefined
  return { epoch: Number(epoch), position: Number(position), hash, node: node.join(' ') }
}

async function gather(parts: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const part of parts) pieces.push(part)
  return Buffer.concat(pieces)
}

function readWhole(bytes: Buffer): Promise<RdbVerdict> {
  const file: Pick<DiskFile, 'read'> = {
    read: async (into, start, length, position) => bytes.copy(into, start, position, position + length),
  }
  return checkSnapshot(file, bytes.length)
}

/** A snapshot on its way to a store: the walk writes, the store takes. */
class SnapshotParts implements SnapshotSink {
  waitingBytes = 0
  #pieces: Buffer[] = []
  #drained: (() => void)[] = []
  #wake: () => void = () => {}
  #isEnded = false
  #error: unknown = undefined

  write(bytes: Buffer): void {
    this.#pieces.push(bytes)
    this.waitingBytes += bytes.length
    this.#wake()
  }

  spare(): Source | undefined {
    return undefined
  }

  onDrained(run: () => void): void {
    this.#drained.push(run)
  }

  /** The walk is at its end, or was given up. */
  end(error: unknown): void {
    this.#isEnded = true
    this.#error = error
    this.#wake()
  }

  async *parts(): AsyncIterable<Uint8Array> {
    while (true) {
      const piece = this.#pieces.shift()
      if (piece !== undefined) {
        this.waitingBytes -= piece.length
        for (const run of this.#drained.splice(0)) run()
        yield piece
      } else if (this.#isEnded) {
        if (this.#error !== undefined) throw this.#error
        return
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
  }
}
