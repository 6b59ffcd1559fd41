// Replication, both sides put together: the engine, its commands and whoever boots it see this alone.

import type { Engine } from '../engine/engine.ts'
import type { Following, Replication as ReplicationView } from '../engine/replication.ts'
import type { HistoryPosition } from '../engine/replication-history.ts'
import type { BackgroundSaving } from '../persistence/background-saving.ts'
import { Leading } from './leading.ts'

export class Replication implements ReplicationView {
  readonly leading: Leading
  readonly following: Following | undefined = undefined
  readonly #engine: Engine

  constructor(engine: Engine) {
    this.#engine = engine
    this.leading = new Leading(engine)
  }

  get position(): HistoryPosition | undefined {
    return this.leading.position
  }

  /** The data is loaded: snapshots can be taken of it, and who had it from an earlier process may go on. */
  begin(saving: Pick<BackgroundSaving, 'copy'>): void {
    const { history } = this.#engine
    this.leading.fullSync.saving = saving
    if (history.found === undefined) return
    history.resume(history.found)
    history.found = undefined
    this.leading.expectReplicas()
  }

  stop(): void {
    this.leading.stop()
  }
}

export { Leading, REPLICAS } from './leading.ts'

/** An engine's replication, which comes into being when it is first asked for. */
export function replicationOf(engine: Engine): Replication {
  const { replication } = engine
  if (replication instanceof Replication) return replication
  const made = new Replication(engine)
  engine.replication = made
  return made
}
