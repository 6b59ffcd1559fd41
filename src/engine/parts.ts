// The parts that the layers above the engine bring, each by the interface that the engine sees.
//
// The boot makes them when all rooms of the engine exist, and hands them over as one object.

import type { Broadcast } from './cluster-view/broadcast.ts'
import type { ClusterView } from './cluster-view/cluster-view.ts'
import type { SentinelView } from './cluster-view/sentinel-view.ts'
import type { Replication } from './effects/replication.ts'
import type { Saving } from './effects/saving.ts'
import type { EngineHost, KeptChannels } from './engine-host.ts'
import { noScripts, type ScriptRunner } from './requests/script-runner.ts'

export interface Parts {
  /** The program around the engine. */
  readonly host: EngineHost
  /** Undefined until the data is loaded, and in an engine that never saves. */
  readonly saving: Saving | undefined
  /** Undefined in an engine without replicas and without a primary. */
  readonly replication: Replication | undefined
  readonly scripts: ScriptRunner
  /** Null unless this server is a node of a cluster. A server outside a cluster serves all keys. */
  readonly cluster: ClusterView | null
  /** Null unless clients ask this server for the address of the primary, as they ask a Sentinel. */
  readonly sentinelView: SentinelView | null
  /** Undefined until this server takes part in a log, and where it has none. */
  readonly broadcast: Broadcast | undefined
  /** Undefined in an engine that keeps no messages. */
  readonly channels: KeptChannels | undefined
}

/** The parts of an engine that holds data and nothing else. */
export function noParts(): Parts {
  return {
    host: {},
    saving: undefined,
    replication: undefined,
    scripts: noScripts,
    cluster: null,
    sentinelView: null,
    broadcast: undefined,
    channels: undefined,
  }
}
