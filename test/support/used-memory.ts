// The memory of this process that is reachable.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Returns the bytes in use after everything that is unreachable was collected. */
export async function usedMemory(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    // What a turn of the loop still holds is let go.
    await new Promise((resolve) => setImmediate(resolve))
    collect()
  }
  const { external, heapUsed } = process.memoryUsage()
  return heapUsed + external
}
