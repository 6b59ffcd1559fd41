// The log of a server that runs as a program: pino's levels and serializers, one readable line an event.

import fs from 'node:fs'
import { type Logger, pino } from 'pino'
import type { Config } from '../engine/config.ts'
import type { Log } from '../engine/log.ts'

/** redis.conf's names of levels → pino's. */
const LEVELS = { debug: 'debug', verbose: 'debug', notice: 'info', warning: 'warn', nothing: 'silent' } as const

const LEVEL_NAMES: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' }

/** Makes the log that `loglevel` and `logfile` ask for; a change of `loglevel` takes effect at once. */
export function createLogger(config: Config): Log {
  const file = config.get('logfile')
  const write =
    file === ''
      ? (line: string) => void process.stdout.write(line)
      : // As redis-server does it: opened for each line, so that the file may be moved away at any time.
        (line: string) => fs.appendFileSync(file, line)
  const logger: Logger = pino(
    { level: LEVELS[config.get('loglevel')], base: null, serializers: { error: pino.stdSerializers.err } },
    { write: (json: string) => write(formatLine(JSON.parse(json))) },
  )
  config.onChange('loglevel', (level) => {
    logger.level = LEVELS[level]
  })
  return logger
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
