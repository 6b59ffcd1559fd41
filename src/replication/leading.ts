// Leading: who follows this server, what is kept for them, and how far each of them is.
//
//   PSYNC id offset ─▶ in the backlog? ─yes─▶ CONTINUE: the stream goes on there
//                          └──────────no──▶ FULLRESYNC: a snapshot (full-sync.ts), then the stream from its moment on
//
// The stream and its backlog are made for the first replica, and dropped when nobody has followed for
// `repl-backlog-ttl` seconds: without replicas nothing is encoded. What a turn did is sent at its end, and only as
// far as the journal has it. So a replica never has what a restart of this server would lose.

import type { Client } from '../engine/clients/client.ts'
import { CLIENT_REPLICA } from '../engine/clients/client.ts'
import type { BacklogStatus, Leading as LeadingView, ReplicaStatus } from '../engine/effects/replication.ts'
import type { DroppedKey, HistoryPosition } from '../engine/effects/replication-history.ts'
import type { Engine } from '../engine/engine.ts'
import { Signal } from '../queues/waiting-room.ts'
import type { Timer } from '../util/time/clock.ts'
import { FullSync } from './full-sync.ts'
import { KeptStream } from './kept-stream.ts'
import { canGoOn } from './partial-sync.ts'
import type { StreamCopy } from './primary-stream.ts'
import { Replica } from './replica.ts'
import { Sender } from './sender.ts'

/** How often it is looked who is silent, and whether a ping is due: Redis counts whole seconds. */
const LOOK_MS = 1000
/** Tells a replica that waits for its snapshot that this server is alive: it skips empty lines before the length. */
const KEEP_ALIVE = Buffer.from('\n')

export class Leading implements LeadingView, StreamCopy {
  readonly fullSync: FullSync
  /** Raised when a replica says that it has got further. */
  readonly acknowledged = new Signal('replicas')
  readonly #engine: Engine
  /** Connections that are replicas, and those that have begun to introduce themselves as one (REPLCONF). */
  readonly #known = new Map<Client, Replica>()
  /** Those of them that follow, in the order in which they came. */
  readonly #replicas = new Set<Replica>()
  readonly #kept: KeptStream
  #timer: Timer | undefined = undefined
  #looks = 0
  /** Since when nobody has followed (Unix ms). */
  #aloneSinceMs = 0
  #wantsAcknowledgements = false

  constructor(engine: Engine) {
    this.#engine = engine
    this.#kept = new KeptStream(engine, () => this.#neededFrom())
    this.fullSync = new FullSync({
      engine,
      waiting: () => [...this.#replicas].filter(({ phase }) => phase === 'waiting'),
      markMoment: () => {
        this.#kept.sayDatabase()
        return engine.history.offset
      },
      copied: (replica) => this.#copied(replica),
      drop: (replica) => engine.clients.close(replica.client, 'now'),
    })
    const { clients, config, turn } = engine
    clients.gone.add((client) => this.#left(client))
    turn.ended.add(() => this.#send())
    config.onChange('min-replicas-to-write', () => this.#count())
    config.onChange('min-replicas-max-lag', () => this.#count())
    this.#count()
  }

  // ── what is told of it ───────────────────────────────────────────────────

  get onlineCount(): number {
    let count = 0
    for (const { phase } of this.#replicas) if (phase === 'online') count++
    return count
  }

  get goodCount(): number | undefined {
    const { config } = this.#engine
    const lag = config.get('min-replicas-max-lag')
    if (config.get('min-replicas-to-write') === 0 || lag === 0) return undefined
    let count = 0
    for (const { phase, lagSeconds } of this.#replicas) if (phase === 'online' && lagSeconds <= lag) count++
    return count
  }

  get replicas(): readonly ReplicaStatus[] {
    return [...this.#replicas]
  }

  get backlog(): BacklogStatus | undefined {
    const { backlog } = this.#kept
    return backlog && { firstOffset: backlog.start + 1, length: backlog.length }
  }

  get memoryBytes(): number {
    return (this.#kept.backlog?.memoryBytes ?? 0) + this.fullSync.waitingBytes
  }

  get replicaBytes(): number {
    // The blocks that the backlog is trimmed to are whole ones: beside no replica nothing of them is a replica's.
    if (this.#replicas.size === 0) return 0
    const { config } = this.#engine
    return Math.max(0, this.memoryBytes - config.get('repl-backlog-size'))
  }

  /** Which state of the history the data is in; undefined while nobody could go on from it. */
  get position(): HistoryPosition | undefined {
    const { database } = this.#kept
    if (database === undefined) return undefined
    const { id, offset } = this.#engine.history
    return { id, offset, database }
  }

  countUpTo(offset: number, where: 'memory' | 'disk'): number {
    let count = 0
    for (const replica of this.#replicas) {
      if (replica.phase === 'online' && (where === 'disk' ? replica.syncedOffset : replica.offset) >= offset) count++
    }
    return count
  }

  askForAcknowledgements(): void {
    this.#wantsAcknowledgements = true
    this.#engine.turn.endSoon()
  }

  // ── who follows ──────────────────────────────────────────────────────────

  /** What a connection has said of itself as a replica; it may go on saying. */
  introduce(client: Client): Replica {
    let replica = this.#known.get(client)
    if (replica === undefined) {
      replica = new Replica(client, this.#now)
      this.#known.set(client, replica)
    }
    return replica
  }

  /** SYNC: a snapshot and the stream, without a word about offsets. */
  sync(client: Client): void {
    const replica = this.introduce(client)
    this.#tellOfRequest(replica)
    replica.isSilent = true
    this.#fullySynchronise(replica)
  }

  /** PSYNC: the stream from an offset of a history on if that can be, else everything. */
  partialSync(client: Client, id: string, offset: number | bigint): void {
    const replica = this.introduce(client)
    const { stats } = this.#engine
    this.#tellOfRequest(replica)
    if (canGoOn(this.#engine, this.#kept.backlog, replica.name, id, offset)) {
      stats.partialSyncs++
      this.#goOn(replica, Number(offset) - 1)
      return
    }
    if (!id.startsWith('?')) stats.partialSyncsRefused++
    this.#fullySynchronise(replica)
  }

  /** A replica says how far it is. */
  acknowledge(client: Client, offset: number, syncedOffset: number | undefined): void {
    const replica = this.#known.get(client)
    if (replica === undefined || !this.#replicas.has(replica)) return
    const { blocking, turn } = this.#engine
    replica.heardMs = this.#now()
    const isNews = offset > replica.offset || (syncedOffset ?? -1) > replica.syncedOffset
    if (offset > replica.offset) replica.offset = offset
    if (syncedOffset !== undefined && syncedOffset > replica.syncedOffset) replica.syncedOffset = syncedOffset
    if (replica.startsOnAcknowledgement && this.#hasAllOfCopy(replica)) this.#startStream(replica)
    this.#count()
    // No reply ends this turn, and somebody may look at its end how far replicas are.
    turn.endSoon()
    if (isNews) blocking.raise(this.acknowledged)
  }

  /** Ends the connection of every replica: what they have is of a history that goes by another name now, or is over. */
  #dropReplicas(): void {
    for (const { client } of [...this.#replicas]) this.#engine.clients.close(client, 'now')
  }

  // ── passing somebody else's stream on ────────────────────────────────────

  /** A primary is followed: its stream is passed on, and nothing is added to it here. */
  passOn(): void {
    if (this.#kept.leadsItself) this.#kept.passOn()
  }

  /** Nobody is followed any more: what happens here is the stream, behind what was passed on. */
  lead(): void {
    if (this.#kept.leadsItself) return
    this.#kept.lead()
    if (this.#kept.backlog === undefined) return
    this.#aloneSinceMs = this.#now()
    this.#lookLater()
  }

  begin(): void {
    // Those who follow the same primary may come here when this server is promoted: they need what has come until then.
    this.#kept.keep()
  }

  take(bytes: Buffer): void {
    this.#kept.copy(bytes)
    this.#engine.turn.endSoon()
  }

  rename(): void {
    this.#dropReplicas()
  }

  interrupt(): void {
    this.#dropReplicas()
    this.#kept.forget()
  }

  /**
   * Keeps the stream from now on, before anybody follows: who followed an earlier process may come back, and has the keys that were
   * `dropped` since.
   */
  expectReplicas(dropped: readonly DroppedKey[] = []): void {
    this.#kept.keep()
    const word = this.#engine.dataset.removalWord('expired')
    for (const { database, key } of dropped) this.#kept.append(database, [word, key])
    if (dropped.length > 0) this.#engine.turn.endSoon()
    this.#aloneSinceMs = this.#now()
    this.#lookLater()
  }

  /** Does nothing by the clock any more. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.fullSync.stop()
  }

  // ── from request to stream ───────────────────────────────────────────────

  readonly #now = (): number => this.#engine.workClock.now()

  #tellOfRequest({ name }: Replica): void {
    this.#engine.log.info({}, `Replica ${name} asks for synchronization`)
  }

  #goOn(replica: Replica, place: number): void {
    const { history, log } = this.#engine
    const { transport } = replica.client
    this.#follow(replica)
    transport.write(Buffer.from(replica.understandsPsync2 ? `+CONTINUE ${history.id}\r\n` : '+CONTINUE\r\n', 'latin1'))
    log.info(
      {},
      `Partial resynchronization request from ${replica.name} accepted. Sending ${this.#kept.backlog!.end - place} bytes of backlog starting from offset ${place + 1}.`,
    )
    replica.place = place
    replica.countedTo = place
    replica.phase = 'online'
    replica.heardMs = this.#now()
    this.#startSending(replica)
    this.#count()
  }

  #fullySynchronise(replica: Replica): void {
    const { config, stats } = this.#engine
    stats.fullSyncs++
    if (config.get('repl-disable-tcp-nodelay')) replica.client.transport.gatherSmallWrites?.()
    replica.phase = 'waiting'
    this.#follow(replica)
    this.fullSync.wanted(replica)
  }

  #follow(replica: Replica): void {
    replica.client.state |= CLIENT_REPLICA
    this.#replicas.add(replica)
    if (this.#kept.backlog === undefined) {
      const { history, log } = this.#engine
      // Nobody was told what has happened since this one had any replicas; what came from a primary others know as well.
      if (this.#kept.leadsItself) history.beginAnew()
      this.#kept.keep()
      log.info({}, `Replication backlog created, my new replication IDs are '${history.id}' and '${history.secondId}'`)
    }
    this.#lookLater()
  }

  #neededFrom(): number {
    let needed = Number.POSITIVE_INFINITY
    for (const replica of this.#replicas) {
      if (replica.phase !== 'waiting' && replica.needsFrom < needed) needed = replica.needsFrom
    }
    return needed
  }

  /** All of a snapshot was handed to a replica's connection. */
  #copied(replica: Replica): void {
    const { clients, log } = this.#engine
    if (replica.wantsCopyOnly) {
      replica.phase = 'done'
      log.info({}, `RDB transfer completed, rdb only replica (${replica.name}) should be disconnected asap`)
      clients.close(replica.client, 'flushed')
      return
    }
    replica.phase = 'online'
    replica.sendsFile = false
    replica.heardMs = this.#now()
    if (replica.startsOnAcknowledgement) {
      log.info(
        {},
        `Streamed replica with replica ${replica.name} via socket. Waiting for REPLCONF ACK from replica to enable streaming`,
      )
    } else {
      this.#startStream(replica)
    }
    this.#count()
  }

  #hasAllOfCopy({ phase, copySender }: Replica): boolean {
    return phase === 'online' && copySender !== undefined && !copySender.waits
  }

  #startStream(replica: Replica): void {
    replica.startsOnAcknowledgement = false
    replica.copySender = undefined
    replica.countedTo = replica.place
    this.#startSending(replica)
    this.#engine.log.info({}, `Synchronization with replica ${replica.name} succeeded`)
  }

  #startSending(replica: Replica): void {
    const { transport } = replica.client
    const { later, turn } = this.#engine
    replica.sender = new Sender({
      transport,
      row: this.#kept.backlog!,
      place: replica.place,
      now: this.#now,
      later,
      moved: () => this.#moved(replica),
    })
    turn.endSoon()
  }

  #left(client: Client): void {
    const replica = this.#known.get(client)
    if (replica === undefined) return
    this.#known.delete(client)
    if (!this.#replicas.delete(replica)) return
    replica.sender?.stop()
    this.fullSync.left(replica)
    if (replica.phase === 'online') this.#engine.log.info({}, `Connection with replica ${replica.name} lost.`)
    if (this.#replicas.size === 0) this.#aloneSinceMs = this.#now()
    this.#kept.backlog?.trim()
    this.#count()
  }

  // ── sending ──────────────────────────────────────────────────────────────

  /** At the end of a turn: hands over what it did, as far as the journal has it. */
  #send(): void {
    const kept = this.#kept
    if (kept.backlog === undefined) return
    if (this.#wantsAcknowledgements) {
      this.#wantsAcknowledgements = false
      if (this.#replicas.size > 0 && kept.leadsItself) kept.askForAcknowledgements()
    }
    kept.followJournal()
    for (const replica of this.#replicas) {
      replica.sender?.pump(kept.sendable)
      this.#moved(replica)
    }
  }

  /** Takes note of how much of the stream a replica has not taken, which its output limit bounds. */
  #moved(replica: Replica): void {
    const { client, phase } = replica
    const { backlog } = this.#kept
    if (phase === 'waiting' || backlog === undefined) return
    const { sentTo } = replica
    this.#engine.stats.streamedBytes += Math.max(0, sentTo - replica.countedTo)
    replica.countedTo = sentTo
    client.streamBytes = backlog.end - sentTo
    if (client.streamBytes > 0 || client.softLimitSinceMs !== 0) this.#engine.outputLimits.check(client)
  }

  // ── by the clock ─────────────────────────────────────────────────────────

  #lookLater(): void {
    this.#timer ??= this.#engine.workClock.after(LOOK_MS, () => {
      this.#timer = undefined
      this.#look()
      if (this.#replicas.size > 0 || this.#kept.backlog !== undefined) this.#lookLater()
    })
  }

  #look(): void {
    const { config, state, turn } = this.#engine
    this.#looks++
    if (this.#replicas.size === 0) {
      this.#forgetAfterLong()
      return
    }
    // A pause is for the stream to stand still.
    const isDue = this.#looks % config.get('repl-ping-replica-period') === 0
    if (isDue && !state.paused.holds && this.#kept.leadsItself) {
      this.#kept.ping()
      turn.endSoon()
    }
    for (const replica of [...this.#replicas]) this.#lookAt(replica)
    this.#count()
  }

  #lookAt(replica: Replica): void {
    const { clients, config, log } = this.#engine
    const timeoutMs = config.get('repl-timeout') * 1000
    const now = this.#now()
    const { copySender } = replica
    if (replica.phase === 'waiting' || (replica.phase === 'copying' && replica.getsFile && !replica.sendsFile)) {
      replica.client.transport.write(KEEP_ALIVE)
    } else if (replica.phase === 'copying' && copySender?.waits === true && now - copySender.movedMs > timeoutMs) {
      log.warn({}, `Disconnecting timedout replica (full sync): ${replica.name}`)
      clients.close(replica.client, 'now')
    } else if (replica.phase === 'online' && !replica.isSilent && now - replica.heardMs > timeoutMs) {
      log.warn({}, `Disconnecting timedout replica (streaming sync): ${replica.name}`)
      clients.close(replica.client, 'now')
    }
  }

  #forgetAfterLong(): void {
    const { config, history, log } = this.#engine
    const ttl = config.get('repl-backlog-ttl')
    if (this.#kept.backlog === undefined || ttl === 0 || !this.#kept.leadsItself) return
    if (this.#now() - this.#aloneSinceMs <= ttl * 1000) return
    // What comes next is streamed to nobody: the id must not stand for it.
    history.beginAnew()
    this.#kept.forget()
    log.info({}, `Replication backlog freed after ${ttl} seconds without connected replicas.`)
  }

  /** Looks whether enough replicas are near enough for writes to be taken. */
  #count(): void {
    const { config, state } = this.#engine
    const { goodCount } = this
    state.tooFewReplicas.follow(goodCount !== undefined && goodCount < config.get('min-replicas-to-write'))
  }
}
