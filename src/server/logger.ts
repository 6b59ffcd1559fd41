// The log of a server that runs as a program: one line an event, for people on a terminal, as JSON everywhere else
// (`log-format`). JSON lines are as pino writes them, which whoever collects the logs of Node services can read.

import type { Config } from '../engine/config.ts'
import type { Log } from '../engine/log.ts'
import { dateNow } from '../util/real-time.ts'
import { LogFileError } from './errors.ts'
import { formatJson, formatLine, type LogEvent } from './log-line.ts'
import { LogOutput, whyUnwritable } from './log-output.ts'

/** The levels of events, by pino's numbers. */
const LEVELS = { debug: 20, info: 30, warn: 40, error: 50, fatal: 60 } as const

/** redis.conf's names of levels → the lowest level that is written. */
const LOWEST = {
  debug: LEVELS.debug,
  verbose: LEVELS.debug,
  notice: LEVELS.info,
  warning: LEVELS.warn,
  nothing: Number.POSITIVE_INFINITY,
} as const

type Level = keyof Log

/** Logs as `loglevel` and `logfile` ask for; a change of `loglevel` takes effect at once. */
export class ProgramLog implements Log {
  readonly #config: Config
  readonly #output: LogOutput
  /** Where lines go; empty = standard output. */
  readonly #file: string

  /**
   * Throws LogFileError when `logfile` is a path that cannot be written, as redis-server refuses to start; unless `orElse` is
   * 'standard output': then the log goes there, and its first line says why.
   */
  constructor(config: Config, orElse: 'refuse' | 'standard output' = 'refuse') {
    this.#config = config
    const reason = whyUnwritable(config.get('logfile'))
    if (reason !== undefined && orElse === 'refuse') throw new LogFileError(`can't open the log file: ${reason}`)
    this.#file = reason === undefined ? config.get('logfile') : ''
    this.#output = new LogOutput(this.#file, (event) => this.#format(event))
    if (reason !== undefined) this.warn({ reason }, "can't open the log file, so the log goes to standard output")
  }

  debug(details: object, message: string): void {
    this.#add('debug', details, message)
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

  /** Logs what a process says last, without waiting for anything: it may end on the next line. */
  lastWords(level: 'warn' | 'fatal', details: object, message: string): void {
    this.#add(level, details, message)
    this.#output.writeWaiting()
  }

  /** Writes what could not be written, if it can be now: somebody has made room, or moved the file away. */
  retry(): void {
    this.#output.writeWaiting()
  }

  /** Fulfilled when everything said so far is written, or cannot be. */
  async written(): Promise<void> {
    await this.#output.drained()
  }

  #add(level: Level, details: object, message: string): void {
    if (LEVELS[level] < LOWEST[this.#config.get('loglevel')]) return
    this.#output.write(this.#format({ time: dateNow(), level: LEVELS[level], msg: message, ...details }))
  }

  #format(event: LogEvent): string {
    return this.#isForPeople ? formatLine(event) : formatJson(event)
  }

  get #isForPeople(): boolean {
    const format = this.#config.get('log-format')
    if (format !== 'auto') return format === 'pretty'
    return this.#file === '' && process.stdout.isTTY === true
  }
}
