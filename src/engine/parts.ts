// The parts that the layers above the engine bring: as the engine sees them, each by an interface of its own.

import type { ClusterView } from './cluster-view/cluster-view.ts'
import { Redirection, type RedirectionHost } from './cluster-view/redirection.ts'
import type { SentinelView } from './cluster-view/sentinel-view.ts'
import type { ServerState } from './conditions/state.ts'
import type { Replication } from './effects/replication.ts'
import type { Saving } from './effects/saving.ts'
import type { EngineHost, KeptChannels } from './engine-host.ts'
import { noScripts, type ScriptRunner } from './requests/script-runner.ts'

export interface PartsRoomHost extends RedirectionHost {
  readonly conditions: { readonly state: ServerState }
}

export class PartsRoom {
  host: EngineHost = {}
  /** Undefined where nothing is ever saved. */
  saving: Saving | undefined = undefined
  /** Undefined where the server has no replicas, and is none. */
  replication: Replication | undefined = undefined
  scripts: ScriptRunner = noScripts
  /** Null where this server is no node of a cluster, and serves all keys. */
  cluster: ClusterView | null = null
  redirection: Redirection | null = null
  /** Null where clients do not ask this server for the address of the primary, as they ask a Sentinel. */
  sentinelView: SentinelView | null = null
  /** Undefined where no messages are kept. */
  channels: KeptChannels | undefined = undefined
  readonly #host: PartsRoomHost

  constructor(host: PartsRoomHost) {
    this.#host = host
  }

  /** Is a node of a cluster from now on. */
  join(cluster: ClusterView): void {
    this.cluster = cluster
    this.redirection = new Redirection(this.#host, cluster)
    this.#host.conditions.state.clustered.begin()
  }
}
