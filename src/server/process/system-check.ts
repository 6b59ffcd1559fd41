// Settings of the machine that would serve this server better: a line for each, logged at the start
// and printed by `respite --check-system`.
//
// Only settings that matter here are checked. Snapshots need no fork, so only the strictest of the
// kernel's overcommit modes hurts.

import fs from 'node:fs'

export interface SystemCheck {
  readonly name: string
  /** The problem and its remedy; undefined when there is none. */
  readonly hint: string | undefined
}

/** Reads a file of the system; undefined when there is none. */
export type ReadSystemFile = (path: string) => string | undefined

/** Clock sources that need a system call: each reading of the time takes a microsecond or more. */
const SLOW_CLOCKS: readonly string[] = ['xen', 'hpet', 'acpi_pm', 'jiffies', 'refined-jiffies']

/** Descriptors that the server needs beside those of its clients: Redis reserves as many. */
const OWN_DESCRIPTORS = 32

const CLOCK_SOURCE = '/sys/devices/system/clocksource/clocksource0/current_clocksource'

/** Checks the machine. `maxclients` and `backlog` are the server's settings. */
export function checkSystem(
  { maxclients, backlog }: { maxclients: number; backlog: number },
  read: ReadSystemFile = readSystemFile,
): SystemCheck[] {
  return [
    { name: 'slow-clocksource', hint: clockHint(read(CLOCK_SOURCE)) },
    { name: 'overcommit', hint: overcommitHint(read('/proc/sys/vm/overcommit_memory')) },
    { name: 'open-files', hint: openFilesHint(read('/proc/self/limits'), maxclients) },
    { name: 'tcp-backlog', hint: backlogHint(read('/proc/sys/net/core/somaxconn'), backlog) },
  ]
}

function clockHint(current: string | undefined): string | undefined {
  const clock = current?.trim()
  if (clock === undefined || !SLOW_CLOCKS.includes(clock)) return undefined
  return `the system's clock source is ${clock}, which is slow to read: 'echo tsc > ${CLOCK_SOURCE}' as root, if there is one`
}

function overcommitHint(mode: string | undefined): string | undefined {
  if (mode?.trim() !== '2') return undefined
  return "memory must not be overcommitted here (vm.overcommit_memory = 2): address space that is only reserved counts as used, and allocations may fail early; 'sysctl vm.overcommit_memory=0' as root"
}

function openFilesHint(limits: string | undefined, maxclients: number): string | undefined {
  const limit = /^Max open files\s+(\d+)/m.exec(limits ?? '')?.[1]
  const needed = maxclients + OWN_DESCRIPTORS
  if (limit === undefined || Number(limit) >= needed) return undefined
  return `maxclients ${maxclients} needs ${needed} open files, but the limit is ${limit}: 'ulimit -n ${needed}' before the start, or a lower maxclients`
}

function backlogHint(most: string | undefined, backlog: number): string | undefined {
  if (most === undefined || Number(most) >= backlog) return undefined
  return `tcp-backlog ${backlog} is cut to ${most.trim()} by /proc/sys/net/core/somaxconn: 'sysctl net.core.somaxconn=${backlog}' as root`
}

function readSystemFile(path: string): string | undefined {
  try {
    return fs.readFileSync(path, 'latin1')
  } catch {
    // This is not Linux, or a container hides the file, so there is nothing to check.
    return undefined
  }
}
