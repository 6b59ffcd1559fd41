// MEMORY STATS: the use of memory, as names and numbers.
//
// The names are Redis's, so its clients can read them. A figure without a counterpart here is 0.

import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { memoryFigures, ratio } from './memory-figures.ts'

function run(call: Call): void {
  const { reply } = call
  const engine = call.engine
  const { replicas } = engine.parts.replication
  const figures = memoryFigures(engine, process.memoryUsage.rss())
  const { active, resident, startup, used } = figures
  const databases = engine.databases.filter((db) => db.size > 0)
  let keyCount = 0
  for (const { size } of databases) keyCount += size
  const lines: [name: string, value: number, kind?: 'double'][] = [
    ['peak.allocated', figures.peak],
    ['total.allocated', used],
    ['startup.allocated', startup],
    ['replication.backlog', replicas.memoryBytes - replicas.replicaBytes],
    ['clients.slaves', replicas.replicaBytes],
    ['clients.normal', figures.clients],
    ['cluster.links', 0],
    ['aof.buffer', figures.journal],
    ['lua.caches', figures.scripts],
    ['functions.caches', figures.functions],
  ]
  const totals: typeof lines = [
    ['overhead.total', figures.overhead],
    ['keys.count', keyCount],
    ['keys.bytes-per-key', keyCount === 0 ? 0 : Math.floor((used - startup) / keyCount)],
    ['dataset.bytes', figures.dataset],
    ['dataset.percentage', figures.datasetPercent, 'double'],
    ['peak.percentage', figures.peakPercent, 'double'],
    ['allocator.allocated', used],
    ['allocator.active', active],
    ['allocator.resident', active],
    ['allocator-fragmentation.ratio', ratio(active, used), 'double'],
    ['allocator-fragmentation.bytes', active - used],
    ['allocator-rss.ratio', 1, 'double'],
    ['allocator-rss.bytes', 0],
    ['rss-overhead.ratio', ratio(resident, active), 'double'],
    ['rss-overhead.bytes', resident - active],
    ['fragmentation', ratio(resident, used), 'double'],
    ['fragmentation.bytes', resident - used],
  ]
  reply.map(lines.length + databases.length + totals.length)
  for (const line of lines) write(call, line)
  for (const { index, keys } of databases) {
    reply.text(`db.${index}`)
    reply.map(3)
    write(call, ['overhead.hashtable.main', keys.indexBytes])
    write(call, ['overhead.hashtable.expires', keys.expiries.heldBytes])
    write(call, ['overhead.hashtable.slot-to-keys', 0])
  }
  for (const line of totals) write(call, line)
}

function write({ reply }: Call, [name, value, kind]: [name: string, value: number, kind?: 'double']): void {
  reply.text(name)
  if (kind === 'double') reply.double(value)
  else reply.integer(value)
}

export const memoryStats = defineCommand({
  name: 'MEMORY STATS',
  summary: 'Tells where the memory of the server is.',
  group: 'server',
  since: '4.0.0',
  complexity: 'O(1)',
  arity: 2,
  flags: [],
  tips: ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'],
  reply: 'map: names and numbers, for each database a map of its own',
  run,
})
