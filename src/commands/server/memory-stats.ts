// MEMORY STATS: where the memory is, as names and numbers.
//
// The names are Redis's, so that what reads them works here. What has no
// counterpart (a malloc beneath, replication buffers) is 0.

import type { Call } from '../../engine/call.ts'
import { defineCommand } from '../../engine/command.ts'
import { engineOf } from '../../engine/engine.ts'

function run(call: Call): void {
  const { reply } = call
  const engine = engineOf(call)
  const { stats } = engine
  engine.dataset.notePeak()
  const used = engine.dataset.usedBytes
  const resident = process.memoryUsage.rss()
  let keyCount = 0
  let indexBytes = 0
  let arenaUsed = 0
  let arenaHeld = 0
  const databases = engine.databases.filter((db) => db.size > 0)
  for (const { arena, keys, size } of databases) {
    keyCount += size
    indexBytes += keys.indexBytes
    arenaUsed += arena.usedBytes
    arenaHeld += arena.heldBytes
  }
  const dataset = Math.max(0, used - indexBytes)
  const lines: [name: string, value: number, kind?: 'double'][] = [
    ['peak.allocated', stats.usedMemoryPeak],
    ['total.allocated', used],
    ['startup.allocated', 0],
    ['replication.backlog', 0],
    ['clients.slaves', 0],
    ['clients.normal', 0],
    ['cluster.links', 0],
    ['aof.buffer', engine.durability.progress.status?.bufferedBytes ?? 0],
    ['lua.caches', 0],
    ['functions.caches', 0],
  ]
  const totals: typeof lines = [
    ['overhead.total', indexBytes],
    ['keys.count', keyCount],
    ['keys.bytes-per-key', keyCount === 0 ? 0 : Math.floor(used / keyCount)],
    ['dataset.bytes', dataset],
    ['dataset.percentage', percent(dataset, used), 'double'],
    ['peak.percentage', percent(used, stats.usedMemoryPeak), 'double'],
    ['allocator.allocated', arenaUsed],
    ['allocator.active', arenaHeld],
    ['allocator.resident', arenaHeld],
    ['allocator-fragmentation.ratio', ratio(arenaHeld, arenaUsed), 'double'],
    ['allocator-fragmentation.bytes', arenaHeld - arenaUsed],
    ['allocator-rss.ratio', 1, 'double'],
    ['allocator-rss.bytes', 0],
    ['rss-overhead.ratio', ratio(resident, arenaHeld), 'double'],
    ['rss-overhead.bytes', resident - arenaHeld],
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

const percent = (part: number, whole: number): number => (whole === 0 ? 0 : (100 * part) / whole)
const ratio = (large: number, small: number): number => (small === 0 ? 0 : large / small)

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
