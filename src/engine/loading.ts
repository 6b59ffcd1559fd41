// Loading data: a state that begins and ends, at the start and in DEBUG RELOAD.
//
// While it lasts clients hear LOADING, nothing expires, and nobody is told of
// changes: what is loaded happened long ago.

import { ENGINE_LOADING, type Engine } from './engine.ts'

/** How far it has got, for INFO. */
export type LoadingProgress = NonNullable<Engine['loading']>

/** Begins to load; whoever begins while it is under way begins its progress anew. */
export function beginLoading(engine: Engine): LoadingProgress {
  engine.state |= ENGINE_LOADING
  engine.expires = false
  engine.loading = { startedMs: engine.clock.now(), totalBytes: 0, loadedBytes: 0 }
  engine.updateObserving()
  return engine.loading
}

/** Ends it; does nothing when nothing is being loaded. What clients write from here on is journaled, and so is what expired long ago. */
export function endLoading(engine: Engine): void {
  if ((engine.state & ENGINE_LOADING) === 0) return
  engine.state &= ~ENGINE_LOADING
  engine.expires = true
  engine.loading = undefined
  engine.updateObserving()
  engine.timekeeper.arm()
}
