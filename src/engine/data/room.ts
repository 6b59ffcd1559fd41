// The data: the databases, and the handlers of their changes.

import type { HashKey } from '../../util/tables/keyed-hash.ts'
import { Changes } from './changes.ts'
import { Checkpoints, type CheckpointsHost } from './checkpoints.ts'
import { Dataset, type DatasetHost } from './dataset.ts'
import { KeyspaceEvents, type KeyspaceEventsHost } from './keyspace-events.ts'
import { Watches } from './watches.ts'

export class DataRoom {
  readonly dataset: Dataset
  /** The *after* side of the gate (invariant 6). */
  readonly changes = new Changes()
  readonly events: KeyspaceEvents
  readonly watches: Watches
  /** Earlier states of the data. */
  readonly checkpoints: Checkpoints

  constructor(host: DatasetHost & KeyspaceEventsHost & CheckpointsHost, hashKey: HashKey) {
    this.dataset = new Dataset(host, hashKey)
    this.events = new KeyspaceEvents(host, this)
    this.watches = new Watches(this.changes)
    this.checkpoints = new Checkpoints(host)
  }
}
