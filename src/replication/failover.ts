// FAILOVER: this server hands over to one of its replicas without losing a write.
//
//   no-failover ──begin──▶ waiting-for-sync ──the replica has everything──▶ failover-in-progress
//     ▲   ▲                       │ timeout, abort                   (we follow it already) │ │
//     │   └───────────────────────┴──────◀── it refuses, abort: we lead again ──────────────┘ │
//     └─────────────────────────────────────◀── it has agreed: we follow it ──────────────────┘
//
// Writes are paused during the failover, so that a replica can have everything. Paused clients
// continue afterwards: their writes run if this server leads again, and are refused if it does not.

import type { FailoverState, LogNode, ReplicaStatus } from '../engine/effects/replication.ts'
import type { Engine } from '../engine/engine.ts'
import { ERR } from '../protocol/errors.ts'
import { assert } from '../util/assert.ts'
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

/** Clients are told that a failover without a time limit takes about this long. */
const HANDOVER_MS = 5000

export interface FailoverOrder {
  /** The replica that shall take over; undefined = the first that has everything. */
  readonly target: Address | undefined
  /** The time limit until a replica has everything; undefined = none. */
  readonly timeoutMs: number | undefined
  /** After that time the target takes over with what it has. */
  readonly isForced: boolean
}

export interface FailoverHost {
  readonly replicas: { readonly statuses: readonly ReplicaStatus[] }
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

  /** Begins a failover. Throws ReplyError when it is not possible. */
  begin({ isForced, target, timeoutMs }: FailoverOrder): void {
    const { log, workClock } = this.#engine.environment
    const { pause } = this.#engine.conditions
    const { turn } = this.#engine.requests
    const { following, replicas } = this.#host
    if (this.state !== 'no-failover') throw IN_PROGRESS
    if (following !== undefined) throw IS_REPLICA
    if (this.#host.node !== undefined) {
      if (isForced) throw NO_FORCE_IN_A_LOG
      // No address has white space, and a line break would end the note of the handover in the
      // copy of the log.
      if (target !== undefined && /\s/.test(target.host)) throw NOT_A_REPLICA
      // The node takes over when it has read everything from this node. A target that is not there
      // is waited for like one that has died.
      void this.#host.node.handOver(target === undefined ? '' : `${target.host}:${target.port}`)
      return
    }
    if (replicas.statuses.length === 0) throw NO_REPLICAS
    if (isForced && (timeoutMs === undefined || target === undefined)) throw FORCE_NEEDS_MORE
    if (target !== undefined) {
      const replica = this.#find(target)
      if (replica === undefined) throw NOT_A_REPLICA
      if (replica.state !== 'online') throw NOT_ONLINE
    }
    this.#target = target
    this.state = 'waiting-for-sync'
    log.info({}, `FAILOVER requested to ${describe(target)}.`)
    const seconds = Math.ceil((timeoutMs ?? HANDOVER_MS) / 1000)
    this.#engine.clients.maintenance.announce({ type: 'FAILING_OVER', seconds })
    pause.begin('failover', 'write', Number.MAX_SAFE_INTEGER)
    if (timeoutMs !== undefined) this.#timer = workClock.after(timeoutMs, () => this.#timedOut(isForced))
    // Replicas acknowledge their offset each second, and each acknowledgement ends a turn. Asking
    // them would make the stream longer.
    turn.ended.add(this.#look)
    turn.endSoon()
  }

  /** Aborts on the user's request. Throws ReplyError when there is no failover. */
  abort(): void {
    if (this.state === 'no-failover') throw NONE_IN_PROGRESS
    this.#abort('Failover manually aborted')
  }

  /** Stops its timer. */
  stop(): void {
    this.#timer?.cancel()
    this.#engine.requests.turn.ended.remove(this.#look)
  }

  /** At the end of a turn: hands over if a replica that may take over has everything. */
  readonly #look = (): void => {
    const { history } = this.#engine.effects
    const { log } = this.#engine.environment
    const target = this.#target
    const candidates = target === undefined ? this.#host.replicas.statuses : [this.#find(target)]
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
    assert(this.state === 'waiting-for-sync', 'a failover hands over once, after its replica was waited for')
    this.stop()
    this.#target = target
    this.state = 'failover-in-progress'
    this.#host.follow(target, {
      accepted: () => this.#accepted(target),
      refused: () => this.#abort('Failover target rejected psync request'),
    })
  }

  /** The target leads: clients that listen are sent there before their held writes are refused. */
  #accepted({ host, port }: Address): void {
    const seconds = Math.ceil(HANDOVER_MS / 1000)
    this.#engine.clients.maintenance.announce({ type: 'MOVING', seconds, endpoint: `${host}:${port}` })
    this.#finish()
  }

  #abort(reason: string): void {
    this.#engine.environment.log.info({}, `FAILOVER to ${describe(this.#target)} aborted: ${reason}`)
    if (this.state === 'failover-in-progress') this.#host.followNobody()
    this.#finish()
  }

  #finish(): void {
    assert(this.state !== 'no-failover', 'a failover ends once')
    this.stop()
    this.#target = undefined
    this.state = 'no-failover'
    this.#engine.clients.maintenance.announce({ type: 'FAILED_OVER' })
    this.#engine.conditions.pause.end('failover')
  }

  #find({ host, port }: Address): ReplicaStatus | undefined {
    const name = host.toLowerCase()
    return this.#host.replicas.statuses.find(
      (replica) => replica.address.toLowerCase() === name && replica.port === port,
    )
  }
}

function describe(target: Address | undefined): string {
  return target === undefined ? 'any replica' : `${target.host}:${target.port}`
}
