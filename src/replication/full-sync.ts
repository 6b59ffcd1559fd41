// Full synchronisation: replicas that cannot continue from their offset get a snapshot, and then
// the stream from that moment on.
//
//   wait     for other replicas (repl-diskless-sync-delay), and for the end of a copy in progress
//   copy     one walk writes for all of them; from that moment the backlog is kept for each of them
//   online   the stream continues there
//
// The snapshot is sent in one of two ways:
//
//   directly over the connections   Its length is not known, so 40 random digits are announced
//                                   before it and mark its end. The stream begins when the replica
//                                   acknowledges that it has loaded the snapshot: bytes sent at
//                                   once could be read as part of it.
//   through a file                  Its length is announced. This is for replicas that do not
//                                   understand the mark (`capa eof`), and for all replicas with
//                                   `repl-diskless-sync no`. The file's name is removed before it
//                                   is sent.

import path from 'node:path'
import type { Engine } from '../engine/engine.ts'
import type { DiskFile } from '../persistence/disk/disk.ts'
import { describeDiskError } from '../persistence/errors.ts'
import type { BackgroundSaving, CopyOrder, Pictures } from '../persistence/snapshot/background-saving.ts'
import { itemAt } from '../util/array-reads.ts'
import { assert } from '../util/assert.ts'
import type { Timer } from '../util/time/clock.ts'
import type { Replica } from './replica.ts'
import { Sender } from './sender.ts'
import { SnapshotBytes } from './snapshot-bytes.ts'

/** The name of the file until the snapshot is complete. */
const FILE_NAME = 'replicas.rdb'
/** Bytes read from it at a time. */
const READ_BYTES = 64 * 1024

/** The parts of the leading side that a synchronisation uses. */
export interface FullSyncHost {
  readonly engine: Engine
  /** All replicas that wait for a snapshot. */
  waiting(): readonly Replica[]
  /**
   * A snapshot is taken now: returns the offset of the stream, whose next effect begins with
   * SELECT.
   */
  markMoment(): number
  /** A replica's connection has been given the whole snapshot. */
  copied(replica: Replica): void
  /** Disconnects a replica. */
  drop(replica: Replica): void
}

export class FullSync {
  /** Takes the snapshots; undefined until the data is loaded. */
  saving: Pick<BackgroundSaving, 'copy'> | undefined = undefined
  readonly #host: FullSyncHost
  /** Whether a copy is ordered or in progress. */
  #isOrdered = false
  #timer: Timer | undefined = undefined
  /** The snapshot being sent. */
  #bytes: SnapshotBytes | undefined = undefined
  #snapshot: { abort(error: unknown): void } | undefined = undefined

  constructor(host: FullSyncHost) {
    this.#host = host
  }

  /** Bytes of the snapshot that some replica has not taken yet. */
  get waitingBytes(): number {
    return this.#bytes?.waitingBytes ?? 0
  }

  /** Handles a replica that waits for a snapshot: begins one when it is time. */
  wanted(replica: Replica): void {
    const { engine } = this.#host
    const { config } = engine
    const { log } = engine.environment
    replica.copy.isFile = !(
      replica.introduction.understandsEof &&
      (config.get('repl-diskless-sync') || !isWhole(replica))
    )
    if (this.#isOrdered) {
      log.info({}, "Can't attach the replica to the current BGSAVE. Waiting for next BGSAVE for SYNC")
      return
    }
    const delayMs = replica.copy.isFile ? 0 : config.get('repl-diskless-sync-delay') * 1000
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

  /** Handles the end of a replica's connection. */
  left(replica: Replica): void {
    const { sender: copySender } = replica.copy
    copySender?.stop()
    const bytes = this.#bytes
    if (bytes === undefined || copySender === undefined || !bytes.senders.delete(copySender)) return
    bytes.released()
    if (bytes.senders.size > 0 || this.#snapshot === undefined) return
    this.#host.engine.environment.log.info({}, 'Diskless rdb transfer, last replica dropped, killing fork child.')
    this.#snapshot.abort(new Error('every replica has left'))
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Orders a copy if a replica waits for one and none is ordered yet. */
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

  /** Makes one copy for the first waiting replica and all that want the same contents. */
  async #copy(pictures: Pictures): Promise<void> {
    const waiting = this.#host.waiting()
    const first = waiting[0]
    if (first === undefined) return
    const { contents, isFile } = first.copy
    const replicas = waiting.filter(
      (other) =>
        other.copy.isFile === isFile &&
        other.copy.contents.data === contents.data &&
        other.copy.contents.functions === contents.functions,
    )
    const { log } = this.#host.engine.environment
    log.info({}, `Starting BGSAVE for SYNC with target: ${isFile ? 'disk' : 'replicas sockets'}`)
    try {
      if (isFile) await this.#copyThroughFile(pictures, replicas)
      else await this.#copyIntoConnections(pictures, replicas)
    } catch (error) {
      log.error({ error: describeDiskError(error) }, 'SYNC failed. BGSAVE child returned an error')
      for (const replica of replicas) if (replica.phase === 'copying') this.#host.drop(replica)
    }
  }

  /** Marks the moment of the snapshot, and tells each replica its history and offset. */
  #begin(replicas: readonly Replica[]): void {
    const { history } = this.#host.engine.effects
    const offset = this.#host.markMoment()
    for (const replica of replicas) {
      assert(replica.phase === 'waiting', 'a snapshot is begun for replicas that wait for one')
      replica.phase = 'copying'
      replica.keptFrom = offset
      if (!replica.introduction.isSilent) say(replica, `+FULLRESYNC ${history.id} ${offset}\r\n`)
    }
  }

  // ── directly over the connections ─────────────────────────────────────────────────

  async #copyIntoConnections(pictures: Pictures, replicas: readonly Replica[]): Promise<void> {
    const { later, log, workClock, random } = this.#host.engine.environment
    const mark = random.hex(40)
    const bytes = new SnapshotBytes()
    this.#begin(replicas)
    for (const replica of replicas) {
      say(replica, `$EOF:${mark}\r\n`)
      const sender = new Sender({
        transport: replica.client.connection.transport,
        bytes,
        offset: 0,
        now: () => workClock.now(),
        later,
        moved: () => bytes.released(),
      })
      assert(replica.copy.sender === undefined, 'a replica is sent one snapshot')
      replica.copy.sender = sender
      bytes.senders.add(sender)
    }
    const { snapshot, walked } = pictures.send(bytes, itemAt(replicas, 0).copy.contents)
    this.#snapshot = snapshot
    this.#bytes = bytes
    try {
      await walked
      log.info({}, 'Background RDB transfer terminated with success')
    } finally {
      this.#snapshot = undefined
    }
    bytes.finish(Buffer.from(mark, 'latin1'))
    // Replicas that have left are not among the senders any more.
    for (const replica of replicas) {
      if (replica.copy.sender === undefined || !bytes.senders.has(replica.copy.sender)) continue
      replica.copy.awaitsAcknowledgement = true
      this.#host.copied(replica)
    }
  }

  // ── through a file ───────────────────────────────────────────────────────

  async #copyThroughFile(pictures: Pictures, replicas: readonly Replica[]): Promise<void> {
    const { config } = this.#host.engine
    const { log } = this.#host.engine.environment
    await pictures.claim()
    this.#begin(replicas)
    const image = pictures.save(path.join(config.get('dir'), FILE_NAME), itemAt(replicas, 0).copy.contents)
    this.#snapshot = image.snapshot
    try {
      await image.complete()
      const file = await pictures.disk.open(image.temporary, 'read')
      // An open file stays readable without a name.
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

  /** Sends a file to all of the replicas, each at its own pace, and closes it. */
  async #sendFile(file: DiskFile, replicas: readonly Replica[]): Promise<void> {
    const size = await file.size()
    await Promise.all(
      replicas.map(async (replica) => {
        if (replica.client.connection.closed) return
        replica.copy.sendsFile = true
        say(replica, `$${size}\r\n`)
        try {
          for (let at = 0; at < size && !replica.client.connection.closed; ) {
            const bytes = Buffer.allocUnsafe(Math.min(READ_BYTES, size - at))
            const length = await file.read(bytes, 0, bytes.length, at)
            if (length === 0) throw new Error('the snapshot is shorter than it was')
            at += length
            await send(replica, bytes.subarray(0, length))
          }
          if (!replica.client.connection.closed) this.#host.copied(replica)
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

function isWhole({ copy: { contents } }: Replica): boolean {
  return contents.data && contents.functions
}

/** Writes a line between replies and stream. */
function say(replica: Replica, latin1: string): void {
  replica.client.connection.transport.write(Buffer.from(latin1, 'latin1'))
}

/** Sends bytes, and waits until the connection has taken them or is gone. */
function send({ client }: Replica, bytes: Buffer): Promise<void> {
  const {
    connection: { transport },
  } = client
  if (transport.write(bytes) || transport.whenDrained === undefined) return Promise.resolve()
  return new Promise((resolve) => transport.whenDrained!(resolve))
}
