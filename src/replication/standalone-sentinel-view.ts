// Sentinel's view from a single server: its own primary and replicas, as its replication or its log
// reports them. It knows no other Sentinel.

import type { SentinelNode, SentinelView } from '../engine/cluster-view/sentinel-view.ts'
import type { Replication as ReplicationView } from '../engine/effects/replication.ts'
import type { Engine } from '../engine/engine.ts'
import { Random } from '../util/numbers/random.ts'
import { type Handler, Handlers } from '../util/tables/handlers.ts'

const ID_LENGTH = 40
/** Redis's default priority of a replica. */
const PRIORITY = 100

export class StandaloneSentinelView implements SentinelView {
  readonly name: string
  readonly others: readonly SentinelNode[] = []
  readonly id = new Random().hex(ID_LENGTH)
  epoch = 0
  readonly switched = new Handlers<[SentinelNode, SentinelNode]>((slot) => {
    this.#switched = slot
  })
  #switched: Handler<[SentinelNode, SentinelNode]> | null = null
  readonly #engine: Engine
  readonly #replication: ReplicationView
  #primary: SentinelNode

  constructor(engine: Engine, replication: ReplicationView, name: string) {
    this.#engine = engine
    this.#replication = replication
    this.name = name
    this.#primary = this.primary
    engine.effects.role.changed.add(this.look)
  }

  get primary(): SentinelNode {
    const { config } = this.#engine
    const { role } = this.#engine.effects
    const following = this.#replication.following
    // `replicaof` names the primary before the link exists. With a log, the records tell who leads,
    // once they are read.
    const isOfLog = config.get('log') !== ''
    const [ip, port] = isOfLog ? [following?.host ?? '', following?.port ?? 0] : config.get('replicaof').split(' ')
    if (ip === undefined || port === undefined || (isOfLog && !role.isReplica)) return this.#myself
    return {
      id: '',
      ip,
      port: Number(port),
      tlsPort: Number(port),
      isUp: following?.linkUp ?? false,
      replicationOffset: following?.readOffset ?? 0,
      priority: PRIORITY,
    }
  }

  get replicas(): readonly SentinelNode[] {
    const { role } = this.#engine.effects
    if (role.isReplica) return [this.#myself]
    return this.#replication.replicas.statuses.map(({ address, offset, port, state }) => ({
      id: '',
      ip: address,
      port,
      tlsPort: port,
      isUp: state === 'online',
      replicationOffset: offset,
      priority: PRIORITY,
    }))
  }

  get #myself(): SentinelNode {
    const { config } = this.#engine
    const { history } = this.#engine.effects
    const { runId } = this.#engine.environment
    const announced = config.get('replica-announce-port')
    return {
      id: runId,
      ip: config.get('replica-announce-ip'),
      port: announced || config.get('port'),
      tlsPort: announced || config.get('tls-port'),
      isUp: true,
      replicationOffset: history.offset,
      priority: config.get('replica-priority'),
    }
  }

  /** Call it when the primary may have changed. */
  readonly look = (): void => {
    const before = this.#primary
    const now = this.primary
    // While no leader is known, the previous one stays.
    if (now.port === 0 && now.ip === '') return
    this.#primary = now
    if (before.ip === now.ip && before.port === now.port) return
    this.epoch++
    this.#switched?.(before, now)
  }
}
