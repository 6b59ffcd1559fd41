// The parts that commands need from the layers below them.

import { Channels } from '../channels/channels.ts'
import type { Broadcast } from '../engine/cluster-view/broadcast.ts'
import type { ClusterView } from '../engine/cluster-view/cluster-view.ts'
import type { SentinelView } from '../engine/cluster-view/sentinel-view.ts'
import type { Saving } from '../engine/effects/saving.ts'
import type { Engine } from '../engine/engine.ts'
import type { EngineHost } from '../engine/engine-host.ts'
import type { Parts } from '../engine/parts.ts'
import { scriptsLater } from '../engine/requests/script-runner.ts'
import { Replication, type ReplicationOptions } from '../replication/replication.ts'
import { Scripts } from '../scripting/scripts.ts'

/** The parts as commands see them. */
export interface CommandParts extends Parts {
  readonly replication: Replication
  /** The scripts and functions. The first use makes them, and loads their code. */
  readonly scripting: Scripts
  readonly channels: Channels
}

/** The parts as their maker holds them. The engine and the commands only read them. */
export interface OwnParts extends CommandParts {
  host: EngineHost
  saving: Saving | undefined
  replication: Replication
  cluster: ClusterView | null
  sentinelView: SentinelView | null
  broadcast: Broadcast | undefined
}

/** Makes the parts of an engine that runs commands. */
export function makeParts(engine: Engine, options: ReplicationOptions = {}): OwnParts {
  let made: Scripts | undefined
  const make = (): Scripts => {
    made ??= new Scripts(engine)
    return made
  }
  const later = scriptsLater(make)
  return {
    host: {},
    saving: undefined,
    replication: new Replication(engine, options),
    get scripts() {
      return made ?? later
    },
    get scripting() {
      return make()
    },
    cluster: null,
    sentinelView: null,
    broadcast: undefined,
    channels: new Channels(engine, engine.environment.later),
  }
}
