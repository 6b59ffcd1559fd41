// The collector, asked for by name: where somebody must know what is alive, or wants memory back that nothing else makes it look for.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

let collector: (() => void) | undefined

/** Collects garbage for real. It takes some milliseconds, more with a large JS heap; buffers found dead are freed a little later. */
export function collectGarbage(): void {
  if (collector === undefined) {
    setFlagsFromString('--expose-gc')
    collector = runInNewContext('gc') as () => void
    setFlagsFromString('--no-expose-gc')
  }
  collector()
}
