// MEMORY DOCTOR, MEMORY MALLOC-STATS, MEMORY PURGE: the state of the allocator, for people.

import { collectGarbage } from '../../util/memory/collect-garbage.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { memoryFigures } from './memory-figures.ts'

/** With less memory the doctor says nothing: a few slabs are always partly empty. */
const DIAGNOSED_BYTES_MIN = 5 * 1024 * 1024
/** The ratio of held to used memory from which the doctor complains. */
const FRAGMENTED_RATIO = 1.4
/** The ratio of peak to used memory that explains a process larger than its data. */
const PEAK_RATIO = 1.5
const MIB = 1024 * 1024

/**
 * Redis's words around the findings, because tools know them. The findings are our own, since the
 * allocator is another.
 */
const EMPTY =
  "Hi Sam, this instance is empty or is using very little memory, my issues detector can't be used in these conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam and I will be back to our programming as soon as I finished rebooting.\n"
const HEALTHY =
  "Hi Sam, I can't find any memory issue in your instance. I can only account for what occurs on this base.\n"
const FOUND = 'Sam, I detected a few issues in this Redis instance memory implants:\n\n'
const END = "I'm here to keep you safe, Sam. I want to help you.\n"

function diagnose(call: Call): string {
  const { active, dataset, peak, resident, used } = memoryFigures(call.engine, process.memoryUsage.rss())
  if (dataset < DIAGNOSED_BYTES_MIN) return EMPTY
  const findings: string[] = []
  if (active > used * FRAGMENTED_RATIO) {
    findings.push(
      ` * Fragmentation: ${Math.round(active / MIB)} MiB are held for ${Math.round(used / MIB)} MiB in use. ` +
        'Freed places are used again for values of like size; a restart from a snapshot packs everything.',
    )
  }
  if (peak > used * PEAK_RATIO && resident > used * FRAGMENTED_RATIO) {
    findings.push(
      ` * Peak: once ${Math.round(peak / MIB)} MiB were in use. Part of that memory stays with the process.`,
    )
  }
  return findings.length === 0 ? HEALTHY : `${FOUND}${findings.map((finding) => `${finding}\n\n`).join('')}${END}`
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
    let used = 0
    let held = 0
    for (const { arena } of call.engine.databases) {
      used += arena.blockBytes
      held += arena.heldBytes
    }
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
    // Values and empty chunks are freed at once. Only the runtime's garbage is left.
    collectGarbage()
    call.reply.ok()
  },
})
