// The log of a server that runs as a program: one line for each event, as text on a terminal, as
// JSON elsewhere (`log-format`).
//
// JSON is written by pino. Loading it takes two megabytes and 25 ms, in which no client is served.
// So it is loaded when a line was logged after the start and the loop is quiet. Lines until then
// look the same, but are written without pino. So are the last lines of a process that must not
// wait.

import type { Logger } from 'pino'
import type { Config } from '../../config/config.ts'
import type { Log } from '../../engine/log.ts'
import { whenIdle } from '../../util/time/idle-work.ts'
import { dateNow } from '../../util/time/real-time.ts'
import { LogFileError } from '../boot/errors.ts'
import { escapeControls, formatJson, formatLine, type LogEvent } from './log-line.ts'
import { LogOutput, whyUnwritable } from './log-output.ts'

/** redis.conf's names of levels → pino's. */
const LEVELS = { debug: 'debug', verbose: 'debug', notice: 'info', warning: 'warn', nothing: 'silent' } as const

/** Pino's numbers of its levels. */
const LEVEL_NUMBERS = { debug: 20, info: 30, warn: 40, error: 50, fatal: 60, silent: Number.POSITIVE_INFINITY } as const

/** Usually a start is over after this time. A server that logs nothing afterwards needs no pino. */
const START_MS = 1000

type Level = keyof Log

interface Event {
  level: Level
  details: object
  message: string
  time: number
}

/** Logs as `loglevel` and `logfile` ask for; a change of `loglevel` takes effect at once. */
export class ProgramLog implements Log {
  readonly #config: Config
  readonly #output: LogOutput
  /** The target of lines; empty = standard output. */
  readonly #file: string
  #logger: Logger | undefined = undefined
  /** Cancels the loading of pino. */
  #loading: (() => void) | undefined = undefined
  readonly #madeMs = dateNow()
  /** Of the event being written. */
  #time = 0

  /**
   * Throws LogFileError if `logfile` is a path that cannot be written; redis-server does not start
   * either. With `orElse` 'standard output' the log goes there instead, and its first line says
   * why.
   */
  constructor(config: Config, orElse: 'refuse' | 'standard output' = 'refuse') {
    this.#config = config
    const reason = whyUnwritable(config.get('logfile'))
    if (reason !== undefined && orElse === 'refuse') throw new LogFileError(`can't open the log file: ${reason}`)
    this.#file = reason === undefined ? config.get('logfile') : ''
    this.#output = new LogOutput(this.#file, (event) => this.#format(event))
    if (reason !== undefined) this.warn({ reason }, "can't open the log file, so the log goes to standard output")
    config.onChange('loglevel', (level) => {
      if (this.#logger !== undefined) this.#logger.level = LEVELS[level]
    })
  }

  debug(details: object, message: string): void {
    // The only level that is both frequent and usually off.
    if (LEVELS[this.#config.get('loglevel')] === 'debug') this.#add('debug', details, message)
  }

  info(details: object, message: string): void {
    this.#add('info', details, message)
  }

  warn(details: object, message: string): void {
    this.#add('warn', details, message)
  }

  error(details: object, message: string): void {
    this.#add('error', details, message)
  }

  fatal(details: object, message: string): void {
    this.#add('fatal', details, message)
  }

  /** Logs the last lines of a process without waiting for anything: it may end on the next line. */
  lastWords(level: 'warn' | 'fatal', details: object, message: string): void {
    this.#putPlainly({ level, details, message, time: dateNow() })
    this.#output.writeWaiting()
  }

  /**
   * Writes waiting lines if that is possible now: there may be space again, or the file was moved
   * away.
   */
  retry(): void {
    this.#output.writeWaiting()
  }

  /** Fulfilled when all lines so far are written, or cannot be. */
  async written(): Promise<void> {
    this.#loading?.()
    await this.#output.drained()
  }

  #add(level: Level, details: object, message: string): void {
    const event = { level, details, message, time: dateNow() }
    if (this.#isForPeople || this.#logger === undefined) {
      this.#putPlainly(event)
      if (!this.#isForPeople && event.time - this.#madeMs >= START_MS)
        this.#loading ??= whenIdle(() => void this.load())
    } else {
      this.#put(this.#logger, event)
    }
  }

  #put(logger: Logger, { level, details, message, time }: Event): void {
    this.#time = time
    logger[level](details, message)
  }

  /** As `#put`, without pino. */
  #putPlainly({ level, details, message, time }: Event): void {
    if (LEVEL_NUMBERS[level] < LEVEL_NUMBERS[LEVELS[this.#config.get('loglevel')]]) return
    this.#output.write(this.#format({ time, level: LEVEL_NUMBERS[level], msg: message, ...details }))
  }

  #format(event: LogEvent): string {
    return this.#isForPeople ? formatLine(event) : formatJson(event)
  }

  get #isForPeople(): boolean {
    const format = this.#config.get('log-format')
    if (format !== 'auto') return format === 'pretty'
    return this.#file === '' && process.stdout.isTTY === true
  }

  /** Loads pino, unless it is loaded. */
  async load(): Promise<void> {
    try {
      const { pino } = await import('pino')
      this.#logger ??= pino(
        {
          level: LEVELS[this.#config.get('loglevel')],
          base: null,
          timestamp: () => `,"time":${this.#time}`,
          serializers: { error: pino.stdSerializers.err },
        },
        { write: (line: string) => this.#output.write(`${escapeControls(line.slice(0, -1))}\n`) },
      )
    } catch (error) {
      // The cause may be too many open files. The lines do without pino, and the next line tries
      // again.
      this.#loading = undefined
      this.#putPlainly({ level: 'warn', details: { error }, message: 'pino cannot be loaded', time: dateNow() })
    }
  }
}
