// Snapshots of the data at a position of the log, in a store that all nodes reach. So the log need
// not be kept for ever, and a new node need not read all of it.
//
//   position 1000 ── follower A: image of its data ──▶ snapshot, and its digest ──▶ store ─┐
//                 └─ follower B: image of its data ──▶ digest ─── are they equal? ◀────────┘
//
//   two verified snapshots ──▶ the log is truncated behind the older one,
//                              and snapshots before that one are removed
//
// The positions are agreed: the first record at or behind each multiple of `everyPositions`. Every
// follower takes an image there, and computes a digest of what its memory holds
// (store/keyspace/data-digest.ts). One follower is first to put its image into the store; for the
// others the digest is enough.
//
// The maker of a snapshot never verifies it. Several nodes may put one of the same position at the
// same time; the one that stays names its maker. The verifying node reads it as a stream, one value
// at a time. The values must match the digest that the maker stored, otherwise the snapshot is
// damaged and is removed. They must also match what this node's memory held at the same position.
// If they do not, one of the two nodes holds other data than the log says. Which of them is wrong
// is unknown: the difference is logged, the snapshot stays but is never verified here, and so the
// log is not truncated because of it.
//
// Followers make and verify snapshots: their data is exactly what the log says. With only one
// follower, or with two that differ, snapshots are not verified and accumulate. Then the leader
// computes digests, too, and verifies. Its data is what the log says at a record if everything done
// so far has been sent with it, and if the record lands there.
//
// A snapshot is an RDB file with auxiliary fields for its position, its maker and its digest.

import type { Engine } from '../engine/engine.ts'
import type { BackgroundSaving, Pictures } from '../persistence/snapshot/background-saving.ts'
import { checkSnapshot } from '../persistence/snapshot/check-rdb.ts'
import type { SnapshotSink } from '../persistence/snapshot/snapshot.ts'
import { areComparable, DataDigest } from '../store/keyspace/data-digest.ts'
import { byteAt } from '../util/array-reads.ts'
import { assert } from '../util/assert.ts'
import type { Source } from '../util/bytes/bytes.ts'
import { isPassing } from './append-outcome.ts'
import type { RecordPosition } from './chain.ts'
import { type ReplicatedLog, Truncated } from './log.ts'
import { decodeRecord } from './record.ts'
import type { SnapshotStore, StoredSnapshot } from './snapshot-store.ts'
import { StreamedFile } from './streamed-file.ts'

const FIELD = 'log-place'
const DIGEST_FIELD = 'log-digest'
/** The field is among the first of a snapshot. */
const HEAD_BYTES = 1024
/**
 * How often a node looks for others' snapshots during the records between two snapshots: each
 * listing of a bucket costs money.
 */
const LOOKS_PER_SNAPSHOT = 100
/**
 * With this many snapshots in the store, the log was not truncated behind the older ones: it seems
 * that no node verifies them.
 */
const UNVERIFIED_MIN = 5
/**
 * A node that has made this many in a row leaves the next to others. Otherwise a node with wrong
 * memory could be first for ever.
 */
const MADE_IN_A_ROW_MAX = 2
/** Digests of this node's data that are kept for others' snapshots still to come. */
const DIGESTS_MAX = 16

/** The position and the maker, as a snapshot names them. */
export interface SnapshotNote extends RecordPosition {
  readonly node: string
}

/** The result of reading a snapshot. */
interface Finding {
  readonly note: SnapshotNote
  /** The digest of its values; undefined when the snapshot does not state one. */
  readonly digest: string | undefined
}

export interface SnapshotsOptions {
  readonly engine: Engine
  readonly log: ReplicatedLog
  readonly store: SnapshotStore
  /** The name of this node. */
  readonly node: string
  /** A snapshot is due at the first record at or behind each multiple of this. */
  readonly everyPositions: number
  /** Takes the images of this node, one at a time. */
  readonly saving: Pick<BackgroundSaving, 'copyNow'>
}

export class Snapshots {
  readonly #options: SnapshotsOptions
  /**
   * The distance of the positions at which this node takes images. It is the agreed distance times
   * a power of two, larger when images take longer than the records between.
   */
  #apart: number
  /** Digests of this node's data, by position. */
  readonly #digests = new Map<number, string>()
  /**
   * Positions of the snapshots that were read, and of those that this node has verified, oldest
   * first.
   */
  #read = new Set<number>()
  readonly #verified: number[] = []
  #truncatedBehind = 0
  /** The position at which others' snapshots were last looked for; -1 = not yet. */
  #looked = -1
  /**
   * The image being taken, and its position. It is void when the records it shows never came into
   * the log.
   */
  #taking: { readonly position: number; isVoid: boolean } | undefined = undefined
  /** Position of the last snapshot that this node put into the store. */
  #made = 0
  /** How many it has put there in a row. */
  #madeInARow = 0
  #isVerifying = false
  /** Whether this node verifies while it leads, because no other node does. */
  #helps = false

  constructor(options: SnapshotsOptions) {
    assert(options.everyPositions > 0, 'snapshots are some positions apart')
    this.#options = options
    this.#apart = options.everyPositions
  }

  /**
   * Takes an image if one is due, and verifies snapshots of other nodes. A follower calls it
   * between two records, with each record that counts, when its data is what the log says up to
   * `place`; `before` is the position of the record before. The image is taken before it returns.
   * Failures are logged, and verification is tried again with a later call.
   */
  look(place: RecordPosition, before: number): void {
    if (isBetween(this.#apart, before, place.position)) this.#takePicture(place, 'kept')
    this.#verify(place, 'all')
  }

  /**
   * The same for a leader. Its data is what the log says if the record just sent lands at `place`.
   */
  lookWhileLeading(place: RecordPosition, before: number): void {
    if (isBetween(this.#apart, before, place.position)) {
      if (this.#helps) this.#takePicture(place, 'for its digest')
      this.#options.store.list().then(
        (kept) => {
          this.#helps = kept.length >= UNVERIFIED_MIN
        },
        (error: unknown) => this.#warn(error),
      )
    }
    if (this.#helps) this.#verify(place, 'those of known places')
  }

  /** Records sent to positions behind this one are not in the log. */
  forgetBehind(position: number): void {
    for (const known of this.#digests.keys()) if (known > position) this.#digests.delete(known)
    if (this.#taking !== undefined && this.#taking.position > position) this.#taking.isVoid = true
  }

  #warn(error: unknown): void {
    if (!isPassing(error))
      this.#options.engine.environment.log.warn({ error }, 'a snapshot could not be made or verified')
  }

  #isWorthALook({ position }: RecordPosition): boolean {
    return this.#looked < 0 || position - this.#looked >= this.#options.everyPositions / LOOKS_PER_SNAPSHOT
  }

  // ── made ─────────────────────────────────────────────────────────────────

  #takePicture(place: RecordPosition, what: 'kept' | 'for its digest'): void {
    const run = (pictures: Pictures): Promise<void> =>
      this.#make(place, what, pictures).catch((error) => this.#warn(error))
    if (this.#options.saving.copyNow({ run })) return
    // So all nodes arrive at positions for which all of them have time. Other work that may be in
    // progress is not as regular.
    if (this.#taking !== undefined) this.#apart *= 2
  }

  async #make(
    { epoch, hash, position }: RecordPosition,
    what: 'kept' | 'for its digest',
    pictures: Pictures,
  ): Promise<void> {
    const { node } = this.#options
    const parts = new SnapshotParts()
    const digest = new DataDigest()
    assert(this.#taking === undefined, 'one image is taken at a time')
    const taking = { position, isVoid: false }
    this.#taking = taking
    if (what === 'for its digest') parts.drop()
    const { walked } = pictures.send(parts, undefined, {
      digest: { data: digest, field: DIGEST_FIELD, isWritten: () => parts.isWanted },
      about: { [FIELD]: `${epoch} ${position} ${hash} ${node}` },
    })
    const ended = walked.then(
      () => {
        if (!taking.isVoid) this.#keepDigest(position, String(digest))
        parts.end()
      },
      (error: unknown) => parts.end(error),
    )
    try {
      if (parts.isWanted) await this.#put(position, parts)
    } finally {
      // Another node's snapshot of this position needs the digest.
      parts.drop()
      await ended
      this.#taking = undefined
    }
  }

  async #put(position: number, parts: SnapshotParts): Promise<void> {
    const { store } = this.#options
    const newest = (await store.list()).at(-1)?.position ?? 0
    // Another node was faster.
    if (newest >= position) return
    if (newest !== this.#made) this.#madeInARow = 0
    if (this.#madeInARow === MADE_IN_A_ROW_MAX) {
      this.#madeInARow = 0
      return
    }
    await store.put(position, parts.parts())
    // Another node may have put its snapshot at the same time. Then this node verifies that one.
    if ((await this.#makerOf(position)) !== this.#options.node) return
    this.#made = position
    this.#madeInARow++
  }

  #keepDigest(position: number, digest: string): void {
    this.#digests.set(position, digest)
    for (const oldest of this.#digests.keys()) {
      if (this.#digests.size <= DIGESTS_MAX) return
      this.#digests.delete(oldest)
    }
  }

  // ── verified ─────────────────────────────────────────────────────────────

  #verify(place: RecordPosition, which: 'all' | 'those of known places'): void {
    if (this.#isVerifying || !this.#isWorthALook(place)) return
    this.#isVerifying = true
    this.#verifyOthers(place.position, which)
      .catch((error: unknown) => this.#warn(error))
      .finally(() => {
        this.#isVerifying = false
      })
  }

  async #verifyOthers(position: number, which: 'all' | 'those of known places'): Promise<void> {
    const { log, store } = this.#options
    const kept = await store.list()
    this.#read = new Set(kept.map((one) => one.position).filter((one) => this.#read.has(one)))
    for (const snapshot of kept) {
      // This node's own digest of that position is not known yet.
      if (snapshot.position > position || snapshot.position === this.#taking?.position) continue
      if (this.#read.has(snapshot.position)) continue
      if (which !== 'all' && !this.#digests.has(snapshot.position)) continue
      // Other nodes verify this node's snapshots.
      const isOurs = (await this.#makerOf(snapshot.position)) === this.#options.node
      const finding = isOurs ? undefined : await this.#find(snapshot)
      this.#read.add(snapshot.position)
      if (finding !== undefined && this.#isVerified(finding)) this.#verified.push(snapshot.position)
    }
    const older = this.#verified.at(-2)
    if (older !== undefined && older > this.#truncatedBehind) {
      await log.truncate(older + 1)
      for (const snapshot of kept) if (snapshot.position < older) await store.remove(snapshot.position)
      this.#truncatedBehind = older
    }
    this.#looked = position
  }

  /**
   * Returns the node that has made a snapshot, as the snapshot names it; undefined when it does
   * not. Reads only its beginning.
   */
  async #makerOf(position: number): Promise<string | undefined> {
    const head = Buffer.alloc(HEAD_BYTES)
    const file = new StreamedFile(this.#options.store.get(position))
    try {
      let filled = 0
      for (let read = -1; read !== 0 && filled < HEAD_BYTES; filled += read)
        read = await file.read(head, filled, HEAD_BYTES - filled, filled)
      return snapshotNoteIn(head.subarray(0, filled))?.node
    } finally {
      await file.close()
    }
  }

  /** Compares a snapshot with the data that this node held at the same position. */
  #isVerified({ digest, note }: Finding): boolean {
    const { engine } = this.#options
    const ours = this.#digests.get(note.position)
    if (digest === undefined || ours === undefined || !areComparable(digest, ours)) return false
    if (digest === ours) {
      engine.environment.log.info({ position: note.position, node: note.node }, 'a snapshot was verified')
      return true
    }
    const advice =
      'Start one of the two nodes again from an empty directory, preferably the one that differs from the others'
    engine.environment.log.error(
      { position: note.position, node: note.node, advice },
      'a snapshot differs from the data that this node had at its position: the log is not truncated for it',
    )
    return false
  }

  /**
   * Reads a snapshot whole and compares its position with the log. Returns undefined when it is of
   * no use.
   */
  async #find({ bytes, position }: StoredSnapshot): Promise<Finding | undefined> {
    const { engine, log, store } = this.#options
    const about = new Map<string, string>()
    const digest = new DataDigest()
    const file = new StreamedFile(store.get(position))
    let damage: string | undefined
    try {
      const auxiliary = (name: string, value: string): void => void about.set(name, value)
      damage = (await checkSnapshot(file, bytes, { digest, auxiliary })).damage?.problem
    } finally {
      await file.close()
    }
    let batch: Uint8Array | undefined
    try {
      batch = await log.at(position)
    } catch (error) {
      if (error instanceof Truncated) return undefined
      throw error
    }
    const note = noteOf(about.get(FIELD))
    const stated = about.get(DIGEST_FIELD)
    const found = String(digest)
    if (note?.position !== position || batch === undefined || decodeRecord(batch).hash !== note.hash)
      damage ??= 'it belongs to another log'
    if (stated !== undefined && areComparable(stated, found) && stated !== found)
      damage ??= 'its values do not match its digest'
    if (damage === undefined) return { note: note!, digest: stated === undefined ? undefined : found }
    engine.environment.log.error({ position, problem: damage }, 'a snapshot cannot be used and is removed')
    await store.remove(position)
    return undefined
  }
}

/** Whether a multiple of `apart` lies behind `before` and not behind `position`. */
function isBetween(apart: number, before: number, position: number): boolean {
  assert(before < position, 'a node looks for snapshots at positions that grow')
  return Math.floor(position / apart) > Math.floor(before / apart)
}

/** Reads the position at which a snapshot was taken; undefined when it has none. */
export function snapshotNoteIn(snapshot: Buffer): SnapshotNote | undefined {
  // A name of nine bytes, a length of one byte, the text.
  const at = snapshot.subarray(0, HEAD_BYTES).indexOf(FIELD)
  if (at === -1) return undefined
  const from = at + FIELD.length
  const head = byteAt(snapshot, from)
  // Lengths from 64 on take two bytes.
  const [start, length] = head < 64 ? [from + 1, head] : [from + 2, ((head & 63) << 8) | byteAt(snapshot, from + 1)]
  return noteOf(snapshot.toString('latin1', start, start + length))
}

function noteOf(text: string | undefined): SnapshotNote | undefined {
  const [epoch, position, hash, ...node] = text?.split(' ') ?? []
  if (hash === undefined) return undefined
  return { epoch: Number(epoch), position: Number(position), hash, node: node.join(' ') }
}

/** A snapshot on its way to a store: the walk over the data writes, the store reads. */
class SnapshotParts implements SnapshotSink {
  waitingBytes = 0
  /** False when written bytes are dropped. */
  isWanted = true
  #pieces: Buffer[] = []
  #drained: (() => void)[] = []
  #wake: () => void = () => {}
  #isEnded = false
  #error: unknown = undefined

  write(bytes: Buffer): void {
    assert(!this.#isEnded, 'the walk writes nothing behind the end of a snapshot')
    if (!this.isWanted) return
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

  /** The walk has ended or was given up. */
  end(error?: unknown): void {
    this.#isEnded = true
    this.#error = error
    this.#wake()
  }

  /** The store reads no more. */
  drop(): void {
    this.isWanted = false
    this.#pieces = []
    this.waitingBytes = 0
    this.#tellDrained()
  }

  async *parts(): AsyncIterable<Uint8Array> {
    while (true) {
      const piece = this.#pieces.shift()
      if (piece !== undefined) {
        this.waitingBytes -= piece.length
        assert(this.waitingBytes >= 0, 'the waiting bytes of a snapshot are counted')
        assert(this.#pieces.length > 0 || this.waitingBytes === 0, 'waiting bytes are those of the pieces')
        this.#tellDrained()
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

  #tellDrained(): void {
    for (const run of this.#drained.splice(0)) run()
  }
}
