// FAILOVER: this server hands its place over to one of its replicas, and no write is lost.
//
//   no-failover ──begin──▶ waiting-for-sync ──the replica has everything──▶ failover-in-progress ──it has agreed──▶ no-failover
//        ▲                       │ timeout, abort                            (we follow it already)     │
//        └───────────────────────┴───────────────◀── it refuses, abort: we lead again ─────────────────┘
//
// Writes are paused all the while, so that there is something like everything. Who waited runs when it is over: where this
// server leads again, or to be told that it does not any more.

import type { FailoverState, LogNode, ReplicaStatus } from '../engine/effects/replication.ts'
import type { Engine } from '../engine/engine.ts'
import { ERR } from '../protocol/errors.ts'
import type { Timer } from '../util/time/clock.ts'
import type { Address } from './connection.ts'
import type { Handover } from './primary-link.ts'

const IN_PROGRESS = ERR.of('FAILOVER already in progress.')
const IS_REPLICA = ERR.of('FAILOVER is not valid when server is a replica.')
const NO_REPLICAS = ERR.of('FAILOVER requires connected replicas.')
const FORCE_NEEDS_MORE = ERR.of('FAILOVER with force option requires both a timeout and target HOST and IP.')
const NOT_A_REPLICA = ERR.of('FAILOVER target HOST and PORT is not a replica.')
const NOT_ONLINE = ERR.of('FAILOVER target replica is not online.')
const NO_FORCE_IN_A_LOG = ERR.of('FAILOVER with FORCE is not possible: who leads is decided by the log.')
const NONE_IN_PROGRESS = ERR.of('No failover in progress.')

export interface FailoverOrder {
  /** Who is to take over; undefined = the first who has everything. */
  readonly target: Address | undefined
  /** How long it may take until somebody has everything; undefined = as long as it takes. */
  readonly timeoutMs: number | undefined
  /** When that time is over the target takes over with what it has. */
  readonly isForced: boolean
}

export interface FailoverHost {
  readonly leading: { readonly replicas: readonly ReplicaStatus[] }
  readonly following: unknown
  readonly node: LogNode | undefined
  follow(primary: Address, handover: Handover): void
  followNobody(): void
}

export class Failover {
  state: FailoverState = 'no-failover'
  readonly #engine: Engine
  readonly #host: FailoverHost
  #target: Address | undefined = undefined
  #timer: Timer | undefined = undefined

  constructor(engine: Engine, host: FailoverHost) {
    this.#engine = engine
    this.#host = host
  }

  /** Begins it. Throws ReplyError where it cannot be. */
  begin({ isForced, target, timeoutMs }: FailoverOrder): void {
    const { log, workClock } = this.#engine.environment
    const { pause } = this.#engine.conditions
    const { turn } = this.#engine.requests
    const { following, leading } = this.#host
    if (this.state !== 'no-failover') throw IN_PROGRESS
    if (following !== undefined) throw IS_REPLICA
    if (this.#host.node !== undefined) {
      if (isForced) throw NO_FORCE_IN_A_LOG
      // Whoever it is takes over when this node has said everything; a target that is not there is waited for as for one that died.
      void this.#host.node.handOver(target === undefined ? '' : `${target.host}:${target.port}`)
      return
    }
    if (leading.replicas.length === 0) throw NO_REPLICAS
    if (isForced && (timeoutMs === undefined || target === undefined)) throw FORCE_NEEDS_MORE
    if (target !== undefined) {
      const replica = this.#find(target)
      if (replica === undefined) throw NOT_A_REPLICA
      if (replica.state !== 'online') throw NOT_ONLINE
    }
    this.#target = target
    this.state = 'waiting-for-sync'
    log.info({}, `FAILOVER requested to ${describe(target)}.`)
    pause.begin('failover', 'write', Number.MAX_SAFE_INTEGER)
    if (timeoutMs !== undefined) this.#timer = workClock.after(timeoutMs, () => this.#timedOut(isForced))
    // Replicas say each second how far they are, which is heard in some turn. To ask them would make the stream longer.
    turn.ended.add(this.#look)
    turn.endSoon()
  }

  /** The user wants no failover any more. Throws ReplyError where there is none. */
  abort(): void {
    if (this.state === 'no-failover') throw NONE_IN_PROGRESS
    this.#abort('Failover manually aborted')
  }

  /** Does nothing by the clock any more. */
  stop(): void {
    this.#timer?.cancel()
    this.#engine.requests.turn.ended.remove(this.#look)
  }

  /** At the end of a turn: hands over if a replica that may take over has everything. */
  readonly #look = (): void => {
    const { history } = this.#engine.effects
    const { log } = this.#engine.environment
    const target = this.#target
    const candidates = target === undefined ? this.#host.leading.replicas : [this.#find(target)]
    const ready = candidates.find((replica) => replica?.state === 'online' && replica.offset === history.offset)
    if (ready === undefined) return
    const { host, port } = target ?? { host: ready.address, port: ready.port }
    log.info({}, `Failover target ${host}:${port} is synced, failing over.`)
    this.#handOver({ host, port })
  }

  #timedOut(isForced: boolean): void {
    const target = this.#target
    if (!isForced || target === undefined) {
      this.#abort('Replica never caught up before timeout')
      return
    }
    this.#engine.environment.log.info({}, `FAILOVER to ${target.host}:${target.port} time out exceeded, failing over.`)
    this.#handOver(target)
  }

  #handOver(target: Address): void {
    this.stop()
    this.#target = target
    this.state = 'failover-in-progress'
    this.#host.follow(target, {
      accepted: () => this.#finish(),
      refused: () => this.#abort('Failover target rejected psync request'),
    })
  }

  #abort(reason: string): void {
    this.#engine.environment.log.info({}, `FAILOVER to ${describe(this.#target)} aborted: ${reason}`)
    if (this.state === 'failover-in-progress') this.#host.followNobody()
    this.#finish()
  }

  #finish(): void {
    this.stop()
    this.#target = undefined
    this.state = 'no-failover'
    this.#engine.conditions.pause.end('failover')
  }

  #find({ host, port }: Address): ReplicaStatus | undefined {
    const name = host.toLowerCase()
    return this.#host.leading.replicas.find(
      (replica) => replica.address.toLowerCase() === name && replica.port === port,
    )
  }
}

function describe(target: Address | undefined): string {
  return target === undefined ? 'any replica' : `${target.host}:${target.port}`
}
