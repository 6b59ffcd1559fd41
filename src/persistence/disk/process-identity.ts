// The identity of a process, written down so that another process can tell later whether it lives.
//
// A number alone is not enough: it is given again. On Linux the time when a process began
// (/proc/PID/stat, field 22) tells two processes of one number apart, and the boot id tells one run
// of the machine from the next. A container has numbers of its own, and sees no others: a process
// of another namespace cannot be judged from here.

import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/** A field that the system does not tell is ''. */
export interface ProcessIdentity {
  readonly pid: number
  readonly host: string
  /** /etc/machine-id: of this installation, whatever its name. */
  readonly machine: string
  /** New each time the machine starts. */
  readonly boot: string
  /** The namespace of `pid`. */
  readonly namespace: string
  /** When the process began, in ticks since the machine started. */
  readonly started: string
}

/** Returns the identity of this process. */
export function ownIdentity(): ProcessIdentity {
  return {
    pid: process.pid,
    host: hostname(),
    machine: readWord('/etc/machine-id'),
    boot: readWord('/proc/sys/kernel/random/boot_id'),
    namespace: told(() => readlinkSync('/proc/self/ns/pid')),
    started: processState(process.pid)?.started ?? '',
  }
}

/**
 * Tells whether a process lives, as seen from another one; 'unknown' when it cannot be seen from
 * there.
 */
export function lifeOf(other: ProcessIdentity, own: ProcessIdentity): 'alive' | 'dead' | 'unknown' {
  const isThisMachine = other.host === own.host && other.machine === own.machine
  if (own.boot === '' || other.boot === '') {
    // Not Linux. The number may have been given again, and nothing tells the two apart.
    return own.boot === other.boot && isThisMachine && !isNumberTaken(other.pid) ? 'dead' : 'unknown'
  }
  if (other.boot !== own.boot) return isThisMachine && own.machine !== '' ? 'dead' : 'unknown'
  if (other.namespace === '' || other.namespace !== own.namespace) return 'unknown'
  const state = processState(other.pid)
  // /proc may hide the processes of other users.
  if (state === undefined) return isNumberTaken(other.pid) ? 'unknown' : 'dead'
  return state.started === other.started && !state.hasEnded ? 'alive' : 'dead'
}

function processState(pid: number): { started: string; hasEnded: boolean } | undefined {
  const text = told(() => readFileSync(`/proc/${pid}/stat`, 'latin1'))
  if (text === '') return undefined
  // The second field is the program's name in parentheses, which may have any character. The third
  // is the state of the process.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [does, started] = [fields[0], fields[22 - 3]]
  // A process that was killed keeps its number until its parent has asked for the exit code.
  return started === undefined ? undefined : { started, hasEnded: does === 'Z' || does === 'X' }
}

function isNumberTaken(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

function readWord(file: string): string {
  return told(() => readFileSync(file, 'latin1').trim())
}

/** Returns the system's answer, or '' where it has none. */
function told(ask: () => string): string {
  try {
    return ask()
  } catch {
    return ''
  }
}
