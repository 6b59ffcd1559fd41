// MEMORY DOCTOR, MEMORY MALLOC-STATS, MEMORY PURGE: the state of the allocator, for people.

import type { Call } from '../../engine/call.ts'
import { type CommandSpec, defineCommand } from '../../engine/command.ts'
import { engineOf } from '../../engine/engine.ts'
import { collectGarbage } from '../../util/collect-garbage.ts'

/** Below this nothing can be said: a few slabs are always partly empty. */
const DIAGNOSED_BYTES_MIN = 5 * 1024 * 1024
/** Held over used memory above which the doctor speaks up. */
const FRAGMENTED_RATIO = 1.4
const MIB = 1024 * 1024

/** Bytes in use and bytes held for keys and values, over all databases. */
function arenaBytes(call: Call): { used: number; held: number } {
  let used = 0
  let held = 0
  for (const { arena } of engineOf(call).databases) {
    used += arena.usedBytes
    held += arena.heldBytes
  }
  return { used, held }
}

function diagnose(call: Call): string {
  const { used, held } = arenaBytes(call)
  if (used < DIAGNOSED_BYTES_MIN) return 'There is too little in memory to say anything about it.\n'
  const findings: string[] = []
  if (held > used * FRAGMENTED_RATIO) {
    findings.push(
      `Fragmentation: ${Math.round(held / MIB)} MiB are held for ${Math.round(used / MIB)} MiB of keys and values. ` +
        'Freed places are used again for values of like size; a restart from a snapshot packs everything.',
    )
  }
  const peak = call.engine.stats.usedMemoryPeak
  if (peak > used * 1.5) {
    findings.push(`Peak: once ${Math.round(peak / MIB)} MiB were in use. Part of that memory stays with the process.`)
  }
  return findings.length === 0 ? 'Nothing is wrong with the memory.\n' : `${findings.join('\n')}\n`
}

const common = {
  group: 'server',
  since: '4.0.0',
  complexity: 'O(1)',
  arity: 2,
  flags: [],
} as const satisfies Partial<CommandSpec>

const report = {
  ...common,
  tips: ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'],
} as const

export const memoryDoctor = defineCommand({
  ...report,
  name: 'MEMORY DOCTOR',
  summary: 'Says in words whether something is wrong with the memory.',
  reply: 'verbatim string: the findings',
  run: (call) => call.reply.verbatim(diagnose(call)),
})

export const memoryMallocStats = defineCommand({
  ...report,
  name: 'MEMORY MALLOC-STATS',
  summary: 'Describes the allocator of keys and values, and the heap beneath everything else.',
  reply: 'verbatim string: lines of text',
  run(call) {
    const { used, held } = arenaBytes(call)
    const { rss, heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage()
    call.reply.verbatim(
      `arena used: ${used}\narena held: ${held}\nheap used: ${heapUsed}\nheap total: ${heapTotal}\nexternal: ${external}\n` +
        `array buffers: ${arrayBuffers}\nresident: ${rss}\n`,
    )
  },
})

export const memoryPurge = defineCommand({
  ...common,
  name: 'MEMORY PURGE',
  summary: 'Gives memory that is not needed back to the system.',
  tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
  reply: 'OK',
  run(call) {
    // Values and empty chunks are given back as they go; what is left is the runtime's own garbage.
    collectGarbage()
    call.reply.ok()
  },
})
