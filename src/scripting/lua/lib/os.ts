// The os library: `os.clock` only, as Redis exposes it.

import { library } from '../library.ts'
import type { LuaTable } from '../table.ts'

export function osLibrary(): LuaTable {
  return library({
    /** Processor time used, in seconds. */
    clock() {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1e6
    },
  })
}
