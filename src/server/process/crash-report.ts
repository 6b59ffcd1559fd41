// The log lines of a server that ends because of a bug of ours: the error, the uptime, and the
// command in progress.
//
// The command is named without its arguments: data does not belong into a log.

import { REDIS_VERSION, RESPITE_VERSION } from '../../config/version.ts'
import type { Engine } from '../../engine/engine.ts'

const MIB = 1024 * 1024

export function crashReport(engine: Engine | undefined): object {
  const { heapUsed, rss } = process.memoryUsage()
  const program = {
    version: RESPITE_VERSION,
    redisVersion: REDIS_VERSION,
    node: process.version,
    pid: process.pid,
    uptimeSeconds: Math.floor(process.uptime()),
    residentMib: Math.round(rss / MIB),
    heapMib: Math.round(heapUsed / MIB),
  }
  if (engine === undefined) return program
  const { call } = engine.requests.runner
  let keys = 0
  for (const db of engine.databases) keys += db.size
  return {
    ...program,
    // The name is the table's; `client` is an address.
    ...(call === undefined ? {} : { command: call.command.name, client: call.client.connection.transport.address }),
    commandsProcessed: engine.figures.stats.commandsProcessed,
    clients: engine.clients.connected.size,
    blockedClients: engine.blocking.room.count,
    keys,
    usedMib: Math.round(engine.upkeep.memory.usedBytes / MIB),
    loading: engine.conditions.state.loading.holds,
    saving:
      engine.parts.saving?.status.saveInProgress === true || engine.parts.saving?.status.rewriteInProgress === true,
  }
}
