// Snapshots of the data at a place of the log, in a store that all nodes reach: so the log need not be kept for ever, and a new node need
// not read all of it.
//
//   place 1000 ── follower A: a picture of its data ──▶ snapshot, and its digest ──▶ store ─┐
//              └─ follower B: a picture of its data ──▶ digest ───────── are they equal? ◀──┴── B reads it whole: damage? what do its values sum up to?
//
//   two verified ones ──▶ the log is truncated behind the older of the two, and older snapshots are removed
//
// Places are agreed on: the first record at or behind each multiple of `everyPositions`. Every follower takes a picture there, which says as a digest what its
// memory holds (store/keyspace/data-digest.ts). One is first to put its picture into the store; for the others the digest is enough.
//
// Who has made a snapshot never verifies it. Several may put one of the same place at the same time; who has made the one that stays is said in it. Who verifies it reads it in a stream, one value at a time. What it holds must be what the maker's memory held, or it is of
// no use to anybody and removed; and it must be what this node's memory held at the same place. If it is not, one of the two nodes holds other data than the log says.
// Which one cannot be told: it is logged, the snapshot stays and is never verified here, and so the log is not truncated on its account.
//
// Followers make them and verify them: their data is what the log says, nothing more. Where there is one follower alone, or two that differ, nobody verifies, and snapshots
// heap up: then the leader makes digests, too, and verifies. Its data is what the log says when all that it has done is on its way there, and if it comes to stand there.
//
// A snapshot is an RDB file, which says in fields of its own at which place it was taken, by whom, and its digest.

import type { Engine } from '../engine/engine.ts'
import type { BackgroundSaving, Pictures } from '../persistence/snapshot/background-saving.ts'
import { checkSnapshot } from '../persistence/snapshot/check-rdb.ts'
import type { SnapshotSink } from '../persistence/snapshot/snapshot.ts'
import { areComparable, DataDigest } from '../store/keyspace/data-digest.ts'
import type { Source } from '../util/bytes/bytes.ts'
import { isPassing } from './append-outcome.ts'
import type { RecordPosition } from './chain.ts'
import { type ReplicatedLog, Truncated } from './log.ts'
import { decodeRecord } from './record.ts'
import type { SnapshotStore, StoredSnapshot } from './snapshot-store.ts'
import { StreamedFile } from './streamed-file.ts'

const FIELD = 'log-place'
const DIGEST_FIELD = 'log-digest'
/** The field stands among the first that a snapshot has. */
const HEAD_BYTES = 1024
/** So often others' snapshots are looked for while the log grows by what one is due for: a store in a bucket takes money for each look. */
const LOOKS_PER_SNAPSHOT = 100
/** Of so many in the store the log has not been truncated behind the older ones: it seems that nobody verifies them. */
const UNVERIFIED_MIN = 5
/** Who has made so many one after the other leaves the next to others: one whose memory is wrong would else be first for ever. */
const MADE_IN_A_ROW_MAX = 2
/** Digests of this node's data that are kept: others' snapshots of these places are still to come. */
const DIGESTS_MAX = 16

/** What a snapshot says of itself. */
export interface SnapshotNote extends RecordPosition {
  readonly node: string
}

/** What was found in a snapshot. */
interface Finding {
  readonly note: SnapshotNote
  /** Of what it holds; undefined where it does not say what it should be. */
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
  /** Takes the pictures of this node, one at a time. */
  readonly saving: Pick<BackgroundSaving, 'copyNow'>
}

export class Snapshots {
  readonly #options: SnapshotsOptions
  /** How far apart the places are at which this node takes pictures: a power of two of what was agreed on, while pictures take longer than the way between places. */
  #apart: number
  /** Digests of this node's data, by position. */
  readonly #digests = new Map<number, string>()
  /** Positions of snapshots that were read, and those that this node has verified, oldest first. */
  #read = new Set<number>()
  readonly #verified: number[] = []
  #truncatedBehind = 0
  /** Where others' were last looked for; -1 = nowhere yet. */
  #looked = -1
  /** The picture that is being taken, and its place; it is void when what it shows never came into the log. */
  #taking: { readonly position: number; isVoid: boolean } | undefined = undefined
  /** Position of the snapshot that this node put into the store last. */
  #made = 0
  /** How many it has put there since another node put one. */
  #madeInARow = 0
  #isVerifying = false
  /** This node verifies while it leads: nobody else does. */
  #helps = false

  constructor(options: SnapshotsOptions) {
    this.#options = options
    this.#apart = options.everyPositions
  }

  /**
   * Takes a picture where this is one of the places for it, and verifies what other nodes have put into the store. To be called by a follower whose data is
   * what the log says up to `place`, with each record that counts, between two; `before` is the position of the one before it. A picture is taken before it returns. What
   * goes wrong is logged; what could not be verified is tried again with the next call.
   */
  look(place: RecordPosition, before: number): void {
    if (isBetween(this.#apart, before, place.position)) this.#takePicture(place, 'kept')
    this.#verify(place, 'all')
  }

  /** The same for a leader whose data is what the log says if the record that it has just sent comes to stand at `place`. */
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

  /** What was sent to places behind this one never came to stand there. */
  forgetBehind(position: number): void {
    for (const known of this.#digests.keys()) if (known > position) this.#digests.delete(known)
    if (this.#taking !== undefined && this.#taking.position > position) this.#taking.isVoid = true
  }

  #warn(error: unknown): void {
    if (!isPassing(error))
      this.#options.engine.environment.log.warn({ error }, 'a snapshot could not be made, or verified')
  }

  #isWorthALook({ position }: RecordPosition): boolean {
    return this.#looked < 0 || position - this.#looked >= this.#options.everyPositions / LOOKS_PER_SNAPSHOT
  }

  // ── made ─────────────────────────────────────────────────────────────────

  #takePicture(place: RecordPosition, what: 'kept' | 'for its digest'): void {
    const run = (pictures: Pictures): Promise<void> =>
      this.#make(place, what, pictures).catch((error) => this.#warn(error))
    if (this.#options.saving.copyNow({ run })) return
    // So all nodes come to places at which all of them have time. What else may be under way is not so regular.
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
      // Others' snapshot of this place needs it.
      parts.drop()
      await ended
      this.#taking = undefined
    }
  }

  async #put(position: number, parts: SnapshotParts): Promise<void> {
    const { store } = this.#options
    const newest = (await store.list()).at(-1)?.position ?? 0
    // Another node was quicker.
    if (newest >= position) return
    if (newest !== this.#made) this.#madeInARow = 0
    if (this.#madeInARow === MADE_IN_A_ROW_MAX) {
      this.#madeInARow = 0
      return
    }
    await store.put(position, parts.parts())
    // Another node may have been as quick: then its snapshot is there, and this node is the one to verify it.
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
      // What this node's own digest of that place is, is not known yet.
      if (snapshot.position > position || snapshot.position === this.#taking?.position) continue
      if (this.#read.has(snapshot.position)) continue
      if (which !== 'all' && !this.#digests.has(snapshot.position)) continue
      // What this node's own snapshot holds is for others to say.
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

  /** Returns which node has made a snapshot, as the snapshot says; undefined = it does not say. Reads no more than its beginning. */
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

  /** Holds what is in a snapshot against what this node held at its place. */
  #isVerified({ digest, note }: Finding): boolean {
    const { engine } = this.#options
    const ours = this.#digests.get(note.position)
    if (digest === undefined || ours === undefined || !areComparable(digest, ours)) return false
    if (digest === ours) {
      engine.environment.log.info({ position: note.position, node: note.node }, 'a snapshot was verified')
      return true
    }
    const advice = 'Begin one of the two nodes anew from an empty directory, best the one that differs from the others'
    engine.environment.log.error(
      { position: note.position, node: note.node, advice },
      'a snapshot holds other data than this node had at its place: the log is not truncated for it',
    )
    return false
  }

  /** Reads a snapshot to its end and holds its place against the log; undefined where it is of no use. */
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
      damage ??= 'it is of another log'
    if (stated !== undefined && areComparable(stated, found) && stated !== found)
      damage ??= 'it does not hold what it was made from'
    if (damage === undefined) return { note: note!, digest: stated === undefined ? undefined : found }
    engine.environment.log.error({ position, problem: damage }, 'a snapshot is of no use, and is removed')
    await store.remove(position)
    return undefined
  }
}

/** A multiple of `apart` lies behind `before`, and not behind `position`. */
function isBetween(apart: number, before: number, position: number): boolean {
  return Math.floor(position / apart) > Math.floor(before / apart)
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
  return noteOf(snapshot.toString('latin1', start, start + length))
}

function noteOf(text: string | undefined): SnapshotNote | undefined {
  const [epoch, position, hash, ...node] = text?.split(' ') ?? []
  if (hash === undefined) return undefined
  return { epoch: Number(epoch), position: Number(position), hash, node: node.join(' ') }
}

/** A snapshot on its way to a store: the walk writes, the store takes. */
class SnapshotParts implements SnapshotSink {
  waitingBytes = 0
  /** False when what is written goes nowhere. */
  isWanted = true
  #pieces: Buffer[] = []
  #drained: (() => void)[] = []
  #wake: () => void = () => {}
  #isEnded = false
  #error: unknown = undefined

  write(bytes: Buffer): void {
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

  /** The walk is at its end, or was given up. */
  end(error?: unknown): void {
    this.#isEnded = true
    this.#error = error
    this.#wake()
  }

  /** Nobody takes what is written any more. */
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
