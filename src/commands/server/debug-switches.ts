// DEBUG's switches: those that have an effect here (engine/upkeep/debug-switches.ts), and those
// that are only accepted.

import { parseMemory } from '../../config/config-table.ts'
import { ERR } from '../../protocol/errors.ts'
import type { Call } from '../call.ts'

/** 4 GB, less a megabyte. */
const PACKED_BYTES_MAX = 2 ** 32 - 2 ** 20

export function setActiveExpire(call: Call): void {
  call.engine.config.set('active-expire-enabled', number(call, 2) !== 0 ? 'yes' : 'no')
  call.reply.ok()
}

export function skipChecksums(call: Call): void {
  call.engine.conditions.switches.comparesChecksums = number(call, 2) === 0
  call.reply.ok()
}

export function disableDenyScripts(call: Call): void {
  call.engine.conditions.switches.scriptsMayAll = number(call, 2) !== 0
  call.reply.ok()
}

/** Microseconds in Redis's words. */
export function journalSleep(call: Call): void {
  call.engine.conditions.switches.journalSleepMs = Math.max(0, number(call, 2)) / 1000
  call.reply.ok()
}

export function changeReplicationId(call: Call): void {
  const engine = call.engine
  engine.environment.log.info({}, 'changing the replication id, as DEBUG asks for')
  engine.effects.history.beginAnew()
  call.reply.ok()
}

/**
 * Elements have no nodes of their own here, whatever their size; only DUMP and DEBUG OBJECT show
 * nodes.
 */
export function packedThreshold(call: Call): void {
  const bytes = parseMemory(call.args.string(2))
  if (bytes === undefined || bytes > PACKED_BYTES_MAX) {
    throw ERR.of('argument must be a memory value bigger than 1 and smaller than 4gb')
  }
  call.reply.ok()
}

/** All clients write into one buffer. It has no peak to reset and is not resized. */
export function replyBuffer(call: Call): void {
  const { args } = call
  if (args.equalsIgnoreCase(2, 'PEAK-RESET-TIME')) {
    if (!args.equalsIgnoreCase(3, 'NEVER') && !args.equalsIgnoreCase(3, 'RESET')) args.integer(3)
  } else if (!args.equalsIgnoreCase(2, 'RESIZING')) {
    throw ERR.of(
      `unknown subcommand or wrong number of arguments for '${args.string(1).slice(0, 128)}'. Try DEBUG HELP.`,
    )
  }
  call.reply.ok()
}

/** There is no cluster bus, so no packets to drop. */
export function dropPackets(call: Call): void {
  call.args.integer(2)
  call.reply.ok()
}

export function clusterLink(call: Call): void {
  if (!call.args.equalsIgnoreCase(2, 'KILL')) {
    throw ERR.of("unknown subcommand or wrong number of arguments for 'CLUSTERLINK'. Try DEBUG HELP.")
  }
  throw ERR.of('Debug option only available for cluster mode enabled setup!')
}

/**
 * Has nothing to switch. LEAK: memory is the collector's. PAUSE-CRON: there is no round of
 * background work, everything is timed to the event itself. REPLICATE: replicas are told what was
 * done, and nothing else.
 */
export function nothing(call: Call): void {
  call.reply.ok()
}

/** Like atoi in C: text that is no number is 0. */
function number(call: Call, i: number): number {
  return Number.parseInt(/^\s*[+-]?\d+/.exec(call.args.string(i))?.[0] ?? '0', 10)
}
