// The log of a server that runs as a program: pino's levels and serializers, one readable line an event.
//
// Pino is loaded when there is something to say. Usually the first thing is that the server is ready: by then it answers
// clients, so loading pino (25 ms) is no part of a cold start. What is said meanwhile waits, and keeps its time.

import fs from 'node:fs'
import type { Logger } from 'pino'
import type { Config } from '../engine/config.ts'
import type { Log } from '../engine/log.ts'

/** redis.conf's names of levels → pino's. */
const LEVELS = { debug: 'debug', verbose: 'debug', notice: 'info', warning: 'warn', nothing: 'silent' } as const

const LEVEL_NAMES: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' }

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
  #logger: Logger | undefined = undefined
  #loading: Promise<void> | undefined = undefined
  #waiting: Event[] = []
  /** Of the event being written. */
  #time = 0

  constructor(config: Config) {
    this.#config = config
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

  /** Fulfilled when everything said so far is written. */
  async written(): Promise<void> {
    await this.#loading
  }

  #add(level: Level, details: object, message: string): void {
    const event = { level, details, message, time: Date.now() }
    if (this.#logger !== undefined) {
      this.#put(this.#logger, event)
      return
    }
    this.#waiting.push(event)
    this.#loading ??= this.#load()
  }

  #put(logger: Logger, { level, details, message, time }: Event): void {
    this.#time = time
    logger[level](details, message)
  }

  async #load(): Promise<void> {
    const { pino } = await import('pino')
    const file = this.#config.get('logfile')
    const logger = pino(
      {
        level: LEVELS[this.#config.get('loglevel')],
        base: null,
        timestamp: () => `,"time":${this.#time}`,
        serializers: { error: pino.stdSerializers.err },
      },
      {
        write: (json: string) => {
          const line = formatLine(JSON.parse(json))
          // A file is opened for each line, as redis-server does: it may be moved away at any time.
          if (file === '') process.stdout.write(line)
          else fs.appendFileSync(file, line)
        },
      },
    )
    this.#logger = logger
    for (const event of this.#waiting.splice(0)) this.#put(logger, event)
  }
}

/** One event as one line: time, level, message, details. */
export function formatLine(event: Record<string, unknown>): string {
  const { time, level, msg, ...details } = event
  let line = `${new Date(time as number).toISOString()} ${LEVEL_NAMES[level as number] ?? level} ${oneLine(String(msg))}`
  for (const [name, value] of Object.entries(details)) line += ` ${name}=${formatValue(value)}`
  return `${line}\n`
}

function formatValue(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'stack' in value) return JSON.stringify(value.stack)
  if (typeof value === 'string' && /^[^\s"=]+$/.test(value)) return value
  return JSON.stringify(value) ?? 'undefined'
}

function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, ' ')
}
