// Tells the program that started the server about its state, if `supervised` names one.
//
//   systemd   READY=1 once clients are served, STOPPING=1 when the end begins.
//             (The unit needs Type=notify and NotifyAccess=all.)
//   upstart   The process stops itself once clients are served. (The job needs `expect stop`.)
//   auto      The one of the two that the environment names, if any.
//
// systemd listens on a datagram socket of the local machine, which Node cannot open. The program
// `systemd-notify` can, and every systemd has it.

import { execFile } from 'node:child_process'
import type { ConfigValue } from '../../config/config.ts'
import type { Log } from '../../engine/log.ts'

export type Supervisor = 'systemd' | 'upstart' | 'no'

/**
 * `systemd-notify` waits until systemd has read the message. If it does not end in time it is
 * killed.
 */
const NOTIFY_MS_MAX = 10_000

/** Returns the supervisor of this process, as `supervised` and the environment name it. */
export function supervisorOf(supervised: ConfigValue<'supervised'>, environment: NodeJS.ProcessEnv): Supervisor {
  if (supervised !== 'auto') return supervised
  if (environment.UPSTART_JOB) return 'upstart'
  return environment.NOTIFY_SOCKET ? 'systemd' : 'no'
}

/** Sends lines to the supervisor. Nothing depends on them: a failure is logged. */
export class ServiceNotifier {
  readonly supervisor: Supervisor
  readonly #log: Log

  constructor(supervisor: Supervisor, log: Log) {
    this.supervisor = supervisor
    this.#log = log
  }

  /** Reports that clients are served from now on. */
  ready(): void {
    if (this.supervisor === 'systemd') this.#notify('--ready', '--status=Ready to accept connections')
    else if (this.supervisor === 'upstart') process.kill(process.pid, 'SIGSTOP')
  }

  /** Reports that the server has begun to stop. */
  stopping(): void {
    if (this.supervisor === 'systemd') this.#notify('STOPPING=1', '--status=Writing what is not on disk yet')
  }

  #notify(...words: readonly string[]): void {
    if (!process.env.NOTIFY_SOCKET) {
      this.#log.warn({}, 'systemd supervision is asked for, but NOTIFY_SOCKET is not set')
      return
    }
    // The message is about this process, not about the program that carries it.
    execFile('systemd-notify', [`--pid=${process.pid}`, ...words], { timeout: NOTIFY_MS_MAX }, (error) => {
      if (error !== null) this.#log.warn({ error: error.message }, 'systemd could not be told')
    })
  }
}
