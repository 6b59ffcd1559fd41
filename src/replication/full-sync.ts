// Full synchronisation: replicas that cannot go on from where they are get a snapshot, and then the stream from its moment on.
//
//   wait     for others who want the same (repl-diskless-sync-delay), and for the snapshot that is under way
//   copy     one walk writes for all of them; each holds its place in the backlog from that moment on
//   online   the stream goes on there
//
// The snapshot goes one of two ways:
//
//   straight into the connections   Its length is not known, so 40 random digits are announced before it and mark its end.
//                                   The stream begins when the replica says that it has loaded the snapshot: bytes that
//                                   followed at once could be read as a part of it.
//   through a file                  Its length is announced. This is for replicas that do not understand the mark (`capa eof`),
//                                   and for all of them with `repl-diskless-sync no`. The file has no name any more when it is sent.

import path from 'node:path'
import type { Engine } from '../engine/engine.ts'
import type { DiskFile } from '../persistence/disk/disk.ts'
import { describeDiskError } from '../persistence/errors.ts'
import type { BackgroundSaving, CopyOrder, Pictures } from '../persistence/snapshot/background-saving.ts'
import type { Timer } from '../util/time/clock.ts'
import type { Replica } from './replica.ts'
import { Sender } from './sender.ts'
import { SnapshotBytes } from './snapshot-bytes.ts'

/** Until it has its size, the file of a snapshot for replicas. */
const FILE_NAME = 'replicas.rdb'
/** What is read from it at a time. */
const READ_BYTES = 64 * 1024

/** What a synchronisation needs of whoever leads. */
export interface FullSyncHost {
  readonly engine: Engine
  /** Everybody who waits for a snapshot. */
  waiting(): readonly Replica[]
  /** A snapshot is taken at this moment: returns the offset of the stream, which says its database anew from here on. */
  markMoment(): number
  /** A replica has the whole snapshot. */
  copied(replica: Replica): void
  /** A replica is of no use any more. */
  drop(replica: Replica): void
}

export class FullSync {
  /** Who takes snapshots; undefined while nothing is loaded yet. */
  saving: Pick<BackgroundSaving, 'copy'> | undefined = undefined
  readonly #host: FullSyncHost
  /** A copy was ordered and has not begun, or is under way. */
  #isOrdered = false
  #timer: Timer | undefined = undefined
  /** The snapshot that is being sent. */
  #row: SnapshotBytes | undefined = undefined
  #snapshot: { abort(error: unknown): void } | undefined = undefined

  constructor(host: FullSyncHost) {
    this.#host = host
  }

  /** Bytes of the snapshot that not everybody has taken yet. */
  get waitingBytes(): number {
    return this.#row?.waitingBytes ?? 0
  }

  /** Somebody waits for a snapshot: has one begin when it is time. */
  wanted(replica: Replica): void {
    const { engine } = this.#host
    const { config } = engine
    const { log } = engine.environment
    replica.getsFile = !(replica.understandsEof && (config.get('repl-diskless-sync') || !isWhole(replica)))
    if (this.#isOrdered) {
      log.info({}, "Can't attach the replica to the current BGSAVE. Waiting for next BGSAVE for SYNC")
      return
    }
    const delayMs = replica.getsFile ? 0 : config.get('repl-diskless-sync-delay') * 1000
    const enough = config.get('repl-diskless-sync-max-replicas')
    if (delayMs === 0 || (enough > 0 && this.#host.waiting().length >= enough)) {
      this.#order()
      return
    }
    log.info({}, 'Delay next BGSAVE for diskless SYNC')
    this.#timer ??= engine.environment.workClock.after(delayMs, () => {
      this.#timer = undefined
      this.#order()
    })
  }

  /** A replica is gone. */
  left(replica: Replica): void {
    const { copySender } = replica
    copySender?.stop()
    const row = this.#row
    if (row === undefined || copySender === undefined || !row.senders.delete(copySender)) return
    row.released()
    if (row.senders.size > 0 || this.#snapshot === undefined) return
    this.#host.engine.environment.log.info({}, 'Diskless rdb transfer, last replica dropped, killing fork child.')
    this.#snapshot.abort(new Error('every replica has left'))
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Orders a copy, if somebody waits for one and none is ordered yet. */
  #order(): void {
    if (this.#isOrdered || this.saving === undefined || this.#host.waiting().length === 0) return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#isOrdered = true
    const order: CopyOrder = {
      run: async (pictures) => {
        await this.#copy(pictures)
        this.#isOrdered = false
        this.#order()
      },
    }
    this.saving.copy(order)
  }

  /** Makes one copy for the first who waits, and for all who want the same. */
  async #copy(pictures: Pictures): Promise<void> {
    const waiting = this.#host.waiting()
    const first = waiting[0]
    if (first === undefined) return
    const { contents, getsFile } = first
    const replicas = waiting.filter(
      (other) =>
        other.getsFile === getsFile &&
        other.contents.data === contents.data &&
        other.contents.functions === contents.functions,
    )
    const { log } = this.#host.engine.environment
    log.info({}, `Starting BGSAVE for SYNC with target: ${getsFile ? 'disk' : 'replicas sockets'}`)
    try {
      if (getsFile) await this.#copyThroughFile(pictures, replicas)
      else await this.#copyIntoConnections(pictures, replicas)
    } catch (error) {
      log.error({ error: describeDiskError(error) }, 'SYNC failed. BGSAVE child returned an error')
      for (const replica of replicas) if (replica.phase === 'copying') this.#host.drop(replica)
    }
  }

  /** The moment of the snapshot: says to each which state of which history it is going to get. */
  #begin(replicas: readonly Replica[]): void {
    const { history } = this.#host.engine.effects
    const offset = this.#host.markMoment()
    for (const replica of replicas) {
      replica.phase = 'copying'
      replica.place = offset
      if (!replica.isSilent) say(replica, `+FULLRESYNC ${history.id} ${offset}\r\n`)
    }
  }

  // ── into the connections ─────────────────────────────────────────────────

  async #copyIntoConnections(pictures: Pictures, replicas: readonly Replica[]): Promise<void> {
    const { later, log, workClock, random } = this.#host.engine.environment
    const mark = random.hex(40)
    const row = new SnapshotBytes()
    this.#begin(replicas)
    for (const replica of replicas) {
      say(replica, `$EOF:${mark}\r\n`)
      const sender = new Sender({
        transport: replica.client.transport,
        row,
        place: 0,
        now: () => workClock.now(),
        later,
        moved: () => row.released(),
      })
      replica.copySender = sender
      row.senders.add(sender)
    }
    const { snapshot, walked } = pictures.send(row, replicas[0]!.contents)
    this.#snapshot = snapshot
    this.#row = row
    try {
      await walked
      log.info({}, 'Background RDB transfer terminated with success')
    } finally {
      this.#snapshot = undefined
    }
    row.finish(Buffer.from(mark, 'latin1'))
    // Who has left is not in the row any more.
    for (const replica of replicas) {
      if (replica.copySender === undefined || !row.senders.has(replica.copySender)) continue
      replica.startsOnAcknowledgement = true
      this.#host.copied(replica)
    }
  }

  // ── through a file ───────────────────────────────────────────────────────

  async #copyThroughFile(pictures: Pictures, replicas: readonly Replica[]): Promise<void> {
    const { config } = this.#host.engine
    const { log } = this.#host.engine.environment
    await pictures.claim()
    this.#begin(replicas)
    const image = pictures.save(path.join(config.get('dir'), FILE_NAME), replicas[0]!.contents)
    this.#snapshot = image.snapshot
    try {
      await image.complete()
      const file = await pictures.disk.open(image.temporary, 'read')
      // What is open stays readable without a name.
      await pictures.disk.remove(image.temporary)
      void this.#sendFile(file, replicas)
    } catch (error) {
      await image.discard()
      throw error
    } finally {
      this.#snapshot = undefined
    }
    log.info({}, 'Background saving terminated with success')
  }

  /** Sends a file to all of them, each at its own pace, and closes it. */
  async #sendFile(file: DiskFile, replicas: readonly Replica[]): Promise<void> {
    const size = await file.size()
    await Promise.all(
      replicas.map(async (replica) => {
        if (replica.client.closed) return
        replica.sendsFile = true
        say(replica, `$${size}\r\n`)
        try {
          for (let at = 0; at < size && !replica.client.closed; ) {
            const bytes = Buffer.allocUnsafe(Math.min(READ_BYTES, size - at))
            const length = await file.read(bytes, 0, bytes.length, at)
            if (length === 0) throw new Error('the snapshot is shorter than it was')
            at += length
            await send(replica, bytes.subarray(0, length))
          }
          if (!replica.client.closed) this.#host.copied(replica)
        } catch (error) {
          this.#host.engine.environment.log.error(
            { error: describeDiskError(error) },
            'Write error sending DB to replica',
          )
          this.#host.drop(replica)
        }
      }),
    )
    await file.close()
  }
}

function isWhole({ contents }: Replica): boolean {
  return contents.data && contents.functions
}

/** Says something between replies and stream. */
function say(replica: Replica, latin1: string): void {
  replica.client.transport.write(Buffer.from(latin1, 'latin1'))
}

/** Sends bytes, and waits until the connection has taken them or is gone. */
function send({ client }: Replica, bytes: Buffer): Promise<void> {
  const { transport } = client
  if (transport.write(bytes) || transport.whenDrained === undefined) return Promise.resolve()
  return new Promise((resolve) => transport.whenDrained!(resolve))
}
