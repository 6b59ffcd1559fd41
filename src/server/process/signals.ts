// Events of the process outside its sockets: signals, and its own bugs.
//
//   SIGTERM, SIGINT     stop as `shutdown-on-sigterm` and `shutdown-on-sigint` say;
//                       at once while the data is loaded
//   SIGINT once more    stop at once, with exit code 1
//   SIGHUP              continue. The log is tried again, so a rotated file begins with a line.
//                       Keys of tokens are read again.
//   SIGUSR1, SIGUSR2    continue: a stray signal ends no server. Node would open a debugger.
//   an uncaught error, an unhandled rejection: see `crash`
//
// The program installs them before anything is started. An embedding program owns its process, so
// there they are not installed.

import type { Config } from '../../config/config.ts'
import { performance } from '../../util/time/real-time.ts'
import type { Server } from '../boot/server.ts'
import { crashReport } from './crash-report.ts'
import type { ProgramLog } from './logger.ts'

/**
 * A terminal sends Ctrl-C to `npm start` and to its child, and npm forwards it. Two signals within
 * this time count as one.
 */
const SAME_INTERRUPT_MS_MAX = 250

export class Signals {
  readonly #config: Config
  readonly #log: ProgramLog
  #server: Server | undefined = undefined
  /** The time when the running stop was requested. */
  #stopAskedMs: number | undefined = undefined

  constructor(config: Config, log: ProgramLog) {
    this.#config = config
    this.#log = log
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => this.#stop(signal))
    for (const signal of ['SIGUSR1', 'SIGUSR2'] as const)
      process.on(signal, () => log.info({ signal }, 'signal ignored'))
    process.on('SIGHUP', () => {
      log.retry()
      log.info({}, 'SIGHUP: the log goes on here')
      this.#reload()
    })
    process.on('uncaughtException', (error, origin) => this.#crash(error, origin))
  }

  /** From now on there is a server to stop. */
  serve(server: Server): void {
    this.#server = server
  }

  /**
   * Reads files again that may have been renewed. If that fails, the old content stays in force.
   */
  #reload(): void {
    try {
      this.#server?.http.reload()
    } catch (error) {
      this.#log.warn({ reason: (error as Error).message }, 'what was renewed cannot be used')
    }
  }

  #stop(signal: 'SIGTERM' | 'SIGINT'): void {
    const askedMs = performance.now()
    if (this.#stopAskedMs !== undefined) {
      if (signal !== 'SIGINT' || askedMs - this.#stopAskedMs < SAME_INTERRUPT_MS_MAX) return
      this.#log.lastWords('warn', {}, 'You insist... exiting now.')
      process.exit(1)
    }
    if (this.#server === undefined) {
      // Nothing was acknowledged yet, and the files that are being read stay as they are.
      this.#log.lastWords('warn', { why: signal }, 'Received shutdown signal during loading, exiting now.')
      process.exit(0)
    }
    this.#stopAskedMs = askedMs
    this.#log.info({}, `Received ${signal} scheduling shutdown...`)
    const config = this.#config
    const how = signal === 'SIGTERM' ? config.get('shutdown-on-sigterm') : config.get('shutdown-on-sigint')
    const words = how.split(' ')
    const save = words.includes('save') ? 'save' : words.includes('nosave') ? 'nosave' : 'default'
    this.#server.shutdown(signal, { save, force: words.includes('force'), now: words.includes('now') }).then(
      (isStopped) => {
        if (!isStopped) this.#stopAskedMs = undefined
      },
      // The server has logged the error, and `stopped` is rejected with it.
      () => {},
    )
  }

  /**
   * Ends the process after an unexpected error.
   *
   * The data in memory may be wrong by now, so nothing of it is sent or written any more: no reply,
   * no snapshot, no rest of the journal. Acknowledged writes are already on their way to the disk
   * (invariant 3), and the next start reads them.
   */
  #crash(error: unknown, origin: NodeJS.UncaughtExceptionOrigin): void {
    const report = this.#config.get('crash-log-enabled') ? this.#report() : {}
    this.#log.lastWords('fatal', { origin, ...report, error }, 'a bug: stopped at once; what was acknowledged is kept')
    process.exit(1)
  }

  #report(): object {
    try {
      return crashReport(this.#server?.engine)
    } catch (error) {
      // A second failure must not keep the error itself from the log.
      return { reportFailed: String(error) }
    }
  }
}
