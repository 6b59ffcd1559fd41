// The replicas of this server, the stream that is kept for them, and how far each of them is.
//
//   PSYNC id offset ─▶ in the backlog? ─yes─▶ CONTINUE: the stream continues there
//                          └──────────no──▶ FULLRESYNC: a snapshot (full-sync.ts), then the stream
//
// The stream and its backlog are made for the first replica, and dropped when no replica has
// followed for `repl-backlog-ttl` seconds: without replicas nothing is encoded. The effects of a
// turn are sent at its end, and only as far as the journal has them. So a replica never has
// anything that a restart of this server would lose.

import type { Client } from '../engine/clients/client.ts'
import { CLIENT_REPLICA } from '../engine/clients/client.ts'
import type { BacklogStatus, ReplicaStatus, ReplicasView } from '../engine/effects/replication.ts'
import type { DroppedKey, HistoryPosition } from '../engine/effects/replication-history.ts'
import type { Engine } from '../engine/engine.ts'
import { Signal } from '../queues/waiting-room.ts'
import { assert } from '../util/assert.ts'
import { CHECKED } from '../util/invariant.ts'
import type { Timer } from '../util/time/clock.ts'
import { BackloggedStream } from './backlogged-stream.ts'
import { FullSync } from './full-sync.ts'
import { canGoOn } from './partial-sync.ts'
import type { StreamCopy } from './primary-stream.ts'
import { Replica } from './replica.ts'
import { Sender } from './sender.ts'

/**
 * How often replicas are checked for silence, and whether a ping is due: Redis counts whole
 * seconds.
 */
const LOOK_MS = 1000
/**
 * Tells a replica that waits for its snapshot that this server is alive: replicas skip empty lines
 * before the length.
 */
const KEEP_ALIVE = Buffer.from('\n')

export class Replicas implements ReplicasView, StreamCopy {
  readonly fullSync: FullSync
  /** Raised when a replica says that it has got further. */
  readonly acknowledged = new Signal('replicas')
  readonly #engine: Engine
  /**
   * Connections of replicas, and those that have begun to introduce themselves as one (REPLCONF).
   */
  readonly #known = new Map<Client, Replica>()
  /** The replicas among them that follow, in order of arrival. */
  readonly #replicas = new Set<Replica>()
  readonly #kept: BackloggedStream
  #timer: Timer | undefined = undefined
  #looks = 0
  /** Since when there have been no replicas (Unix ms). */
  #aloneSinceMs = 0
  #wantsAcknowledgements = false

  constructor(engine: Engine) {
    this.#engine = engine
    this.#kept = new BackloggedStream(engine, () => this.#neededFrom())
    this.fullSync = new FullSync({
      engine,
      waiting: () => [...this.#replicas].filter(({ phase }) => phase === 'waiting'),
      markMoment: () => {
        const { offset } = engine.effects.history
        assert(this.#kept.backlog?.end === offset, 'a snapshot is taken at the end of the backlog')
        this.#kept.sayDatabase()
        return offset
      },
      copied: (replica) => this.#copied(replica),
      drop: (replica) => engine.clients.connected.close(replica.client, 'now'),
    })
    const { config } = engine
    const { connected: clients } = engine.clients
    const { turn } = engine.requests
    clients.gone.add((client) => this.#left(client))
    turn.ended.add(() => this.#send())
    config.onChange('min-replicas-to-write', () => this.#count())
    config.onChange('min-replicas-max-lag', () => this.#count())
    this.#count()
  }

  // ── figures ───────────────────────────────────────────────────

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

  get statuses(): readonly ReplicaStatus[] {
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
    // The backlog is trimmed to whole blocks. Without replicas none of that memory counts as
    // theirs.
    if (this.#replicas.size === 0) return 0
    const { config } = this.#engine
    return Math.max(0, this.memoryBytes - config.get('repl-backlog-size'))
  }

  /** The position of the data in the history; undefined while no replica could continue from it. */
  get position(): HistoryPosition | undefined {
    const { database } = this.#kept
    if (database === undefined) return undefined
    const { id, offset } = this.#engine.effects.history
    return { id, offset, database }
  }

  countUpTo(offset: number, where: 'memory' | 'disk'): number {
    let count = 0
    for (const replica of this.#replicas) {
      if (
        replica.phase === 'online' &&
        (where === 'disk' ? replica.acknowledged.syncedOffset : replica.acknowledged.offset) >= offset
      )
        count++
    }
    return count
  }

  askForAcknowledgements(): void {
    this.#wantsAcknowledgements = true
    this.#engine.requests.turn.endSoon()
  }

  // ── replicas ──────────────────────────────────────────────────────────

  /** Returns the replica of a connection; its introductions may still follow. */
  introduce(client: Client): Replica {
    let replica = this.#known.get(client)
    if (replica === undefined) {
      replica = new Replica(client, this.#now)
      this.#known.set(client, replica)
    }
    return replica
  }

  /** SYNC: a snapshot and the stream, without any offset. */
  sync(client: Client): void {
    const replica = this.introduce(client)
    this.#tellOfRequest(replica)
    replica.introduction.isSilent = true
    this.#fullySynchronise(replica)
  }

  /**
   * PSYNC: the stream from an offset of a history if possible, otherwise a full synchronisation.
   */
  partialSync(client: Client, id: string, offset: number | bigint): void {
    const replica = this.introduce(client)
    const { stats } = this.#engine.figures
    this.#tellOfRequest(replica)
    if (canGoOn(this.#engine, this.#kept.backlog, replica.name, id, offset)) {
      stats.partialSyncs++
      this.#goOn(replica, Number(offset) - 1)
      return
    }
    if (!id.startsWith('?')) stats.partialSyncsRefused++
    this.#fullySynchronise(replica)
  }

  /** Takes the offset that a replica acknowledges. */
  acknowledge(client: Client, offset: number, syncedOffset: number | undefined): void {
    const replica = this.#known.get(client)
    if (replica === undefined || !this.#replicas.has(replica)) return
    const { blocking } = this.#engine
    const { turn } = this.#engine.requests
    replica.acknowledged.heardMs = this.#now()
    const { acknowledged } = replica
    const isNews = offset > acknowledged.offset || (syncedOffset ?? -1) > acknowledged.syncedOffset
    if (offset > acknowledged.offset) acknowledged.offset = offset
    if (syncedOffset !== undefined && syncedOffset > acknowledged.syncedOffset) acknowledged.syncedOffset = syncedOffset
    if (replica.copy.awaitsAcknowledgement && this.#hasAllOfCopy(replica)) this.#startStream(replica)
    this.#count()
    // No reply ends this turn, but listeners at its end may check how far replicas are.
    turn.endSoon()
    if (isNews) blocking.raise(this.acknowledged)
  }

  /** Ends the connection of every replica: their history has a new id now, or has ended. */
  #dropReplicas(): void {
    for (const { client } of [...this.#replicas]) this.#engine.clients.connected.close(client, 'now')
  }

  // ── passing on the primary's stream ────────────────────────────────────

  /** This server follows a primary: its stream is passed on, and nothing is added to it here. */
  passOn(): void {
    if (this.#kept.leadsItself) this.#kept.passOn()
  }

  /**
   * This server follows no primary any more: its own effects are the stream, behind what was passed
   * on.
   */
  lead(): void {
    if (this.#kept.leadsItself) return
    this.#kept.lead()
    if (this.#kept.backlog === undefined) return
    this.#aloneSinceMs = this.#now()
    this.#lookLater()
  }

  begin(): void {
    // If this server is promoted, other replicas of the same primary may come here. They need the
    // stream up to then.
    this.#kept.keep()
  }

  take(bytes: Buffer): void {
    this.#kept.copy(bytes)
    this.#engine.requests.turn.endSoon()
  }

  rename(): void {
    this.#dropReplicas()
  }

  interrupt(): void {
    this.#dropReplicas()
    this.#kept.forget()
  }

  /**
   * Keeps the stream from now on, before there are replicas: replicas of an earlier process may
   * come back. They still have the keys that were `dropped` since.
   */
  expectReplicas(dropped: readonly DroppedKey[] = []): void {
    this.#kept.keep()
    const word = this.#engine.data.dataset.removalWord('expired')
    for (const { database, key } of dropped) this.#kept.append(database, [word, key])
    if (dropped.length > 0) this.#engine.requests.turn.endSoon()
    this.#aloneSinceMs = this.#now()
    this.#lookLater()
  }

  /** Stops its timer. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.fullSync.stop()
  }

  // ── from request to stream ───────────────────────────────────────────────

  readonly #now = (): number => this.#engine.environment.workClock.now()

  #tellOfRequest({ name }: Replica): void {
    this.#engine.environment.log.info({}, `Replica ${name} asks for synchronization`)
  }

  #goOn(replica: Replica, place: number): void {
    const { history } = this.#engine.effects
    const { log } = this.#engine.environment
    const {
      connection: { transport },
    } = replica.client
    this.#follow(replica)
    const { backlog } = this.#kept
    assert(
      backlog !== undefined && place >= backlog.start && place <= backlog.end,
      'a replica continues within the backlog',
    )
    transport.write(
      Buffer.from(replica.introduction.understandsPsync2 ? `+CONTINUE ${history.id}\r\n` : '+CONTINUE\r\n', 'latin1'),
    )
    log.info(
      {},
      `Partial resynchronization request from ${replica.name} accepted. Sending ${backlog.end - place} bytes of backlog starting from offset ${place + 1}.`,
    )
    replica.keptFrom = place
    replica.countedTo = place
    replica.phase = 'online'
    replica.acknowledged.heardMs = this.#now()
    this.#startSending(replica)
    this.#count()
  }

  #fullySynchronise(replica: Replica): void {
    const { config } = this.#engine
    const { stats } = this.#engine.figures
    assert(replica.phase === 'known', 'a connection synchronises once')
    stats.fullSyncs++
    if (config.get('repl-disable-tcp-nodelay')) replica.client.connection.transport.gatherSmallWrites?.()
    replica.phase = 'waiting'
    this.#follow(replica)
    this.fullSync.wanted(replica)
  }

  #follow(replica: Replica): void {
    replica.client.state |= CLIENT_REPLICA
    assert(this.#known.get(replica.client) === replica, 'a replica that follows has introduced itself')
    this.#replicas.add(replica)
    if (this.#kept.backlog === undefined) {
      const { history } = this.#engine.effects
      const { log } = this.#engine.environment
      // Changes since the last replica left were not streamed. A primary's history is known to
      // others as well, so its id stays.
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

  /** A replica's connection has been given the whole snapshot. */
  #copied(replica: Replica): void {
    const { connected: clients } = this.#engine.clients
    const { log } = this.#engine.environment
    assert(replica.phase === 'copying', 'a snapshot that was sent had begun')
    if (replica.introduction.wantsCopyOnly) {
      replica.phase = 'done'
      log.info({}, `RDB transfer completed, rdb only replica (${replica.name}) should be disconnected asap`)
      clients.close(replica.client, 'flushed')
      return
    }
    replica.phase = 'online'
    replica.copy.sendsFile = false
    replica.acknowledged.heardMs = this.#now()
    if (replica.copy.awaitsAcknowledgement) {
      log.info(
        {},
        `Streamed replica with replica ${replica.name} via socket. Waiting for REPLCONF ACK from replica to enable streaming`,
      )
    } else {
      this.#startStream(replica)
    }
    this.#count()
  }

  #hasAllOfCopy({ phase, copy: { sender: copySender } }: Replica): boolean {
    return phase === 'online' && copySender !== undefined && !copySender.waits
  }

  #startStream(replica: Replica): void {
    replica.copy.awaitsAcknowledgement = false
    replica.copy.sender = undefined
    replica.countedTo = replica.keptFrom
    this.#startSending(replica)
    this.#engine.environment.log.info({}, `Synchronization with replica ${replica.name} succeeded`)
  }

  #startSending(replica: Replica): void {
    const {
      connection: { transport },
    } = replica.client
    const { later } = this.#engine.environment
    const { turn } = this.#engine.requests
    const { backlog } = this.#kept
    assert(backlog !== undefined && replica.keptFrom >= backlog.start, 'the backlog has all that a replica still needs')
    assert(replica.phase === 'online' && replica.sender === undefined, 'the stream of a replica begins once')
    replica.sender = new Sender({
      transport,
      bytes: backlog,
      offset: replica.keptFrom,
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
    if (replica.phase === 'online')
      this.#engine.environment.log.info({}, `Connection with replica ${replica.name} lost.`)
    if (this.#replicas.size === 0) this.#aloneSinceMs = this.#now()
    this.#kept.backlog?.trim()
    this.#count()
  }

  // ── sending ──────────────────────────────────────────────────────────────

  /** At the end of a turn: sends its effects, as far as the journal has them. */
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
      if (CHECKED)
        assert(
          replica.sentTo <= Math.max(replica.keptFrom, kept.sendable),
          'invariant 3: a replica is sent only what the journal has',
        )
      this.#moved(replica)
    }
  }

  /** Updates how much of the stream a replica has not taken, which its output limit bounds. */
  #moved(replica: Replica): void {
    const { client, phase } = replica
    const { backlog } = this.#kept
    if (phase === 'waiting' || backlog === undefined) return
    const { sentTo } = replica
    this.#engine.figures.stats.streamedBytes += Math.max(0, sentTo - replica.countedTo)
    replica.countedTo = sentTo
    client.output.streamBytes = backlog.end - sentTo
    if (CHECKED) assert(client.output.streamBytes >= 0, 'a replica is sent no more than the backlog has')
    if (client.output.streamBytes > 0 || client.output.softLimitSinceMs !== 0)
      this.#engine.clients.outputLimits.check(client)
  }

  // ── periodic work ─────────────────────────────────────────────────────────

  #lookLater(): void {
    this.#timer ??= this.#engine.environment.workClock.after(LOOK_MS, () => {
      this.#timer = undefined
      this.#look()
      if (this.#replicas.size > 0 || this.#kept.backlog !== undefined) this.#lookLater()
    })
  }

  #look(): void {
    const { config } = this.#engine
    const { state } = this.#engine.conditions
    const { turn } = this.#engine.requests
    this.#looks++
    if (this.#replicas.size === 0) {
      this.#forgetAfterLong()
      return
    }
    // During a pause the stream stands still.
    const isDue = this.#looks % config.get('repl-ping-replica-period') === 0
    if (isDue && !state.delays.paused.holds && this.#kept.leadsItself) {
      this.#kept.ping()
      turn.endSoon()
    }
    for (const replica of [...this.#replicas]) this.#lookAt(replica)
    this.#count()
  }

  #lookAt(replica: Replica): void {
    const { config } = this.#engine
    const { connected: clients } = this.#engine.clients
    const { log } = this.#engine.environment
    const timeoutMs = config.get('repl-timeout') * 1000
    const now = this.#now()
    const { sender: copySender } = replica.copy
    if (
      replica.phase === 'waiting' ||
      (replica.phase === 'copying' && replica.copy.isFile && !replica.copy.sendsFile)
    ) {
      replica.client.connection.transport.write(KEEP_ALIVE)
    } else if (replica.phase === 'copying' && copySender?.waits === true && now - copySender.movedMs > timeoutMs) {
      log.warn({}, `Disconnecting timedout replica (full sync): ${replica.name}`)
      clients.close(replica.client, 'now')
    } else if (
      replica.phase === 'online' &&
      !replica.introduction.isSilent &&
      now - replica.acknowledged.heardMs > timeoutMs
    ) {
      log.warn({}, `Disconnecting timedout replica (streaming sync): ${replica.name}`)
      clients.close(replica.client, 'now')
    }
  }

  #forgetAfterLong(): void {
    const { config } = this.#engine
    const { history } = this.#engine.effects
    const { log } = this.#engine.environment
    const ttl = config.get('repl-backlog-ttl')
    if (this.#kept.backlog === undefined || ttl === 0 || !this.#kept.leadsItself) return
    if (this.#now() - this.#aloneSinceMs <= ttl * 1000) return
    // Changes from now on are not streamed, so they need a history with a new id.
    history.beginAnew()
    this.#kept.forget()
    log.info({}, `Replication backlog freed after ${ttl} seconds without connected replicas.`)
  }

  /** Checks whether enough replicas are near enough for writes to be accepted. */
  #count(): void {
    const { config } = this.#engine
    const { state } = this.#engine.conditions
    const { goodCount } = this
    state.refusals.tooFewReplicas.follow(goodCount !== undefined && goodCount < config.get('min-replicas-to-write'))
  }
}
