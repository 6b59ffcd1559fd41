// One event of the log as one line: as text for people (time, level, message, details), or as JSON.
//
//   2026-01-02T03:04:05.006Z info DB saved on disk file=/data/dump.rdb keys=3
//   {"level":30,"time":1767323045006,"file":"/data/dump.rdb","keys":3,"msg":"DB saved on disk"}
//
// Clients choose parts of a line: names of channels and clients, messages of scripts. So bytes that
// a terminal would obey, or that would begin a new line, are written as escapes.

const LEVEL_NAMES: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' }

/**
 * An event with its parts under pino's names: `time`, `level` (a number), `msg`, and the details
 * under any other name.
 */
export type LogEvent = Readonly<Record<string, unknown>>

/** Formats an event as JSON, as pino does: for the few lines that cannot wait for pino. */
export function formatJson({ time, level, msg, ...details }: LogEvent): string {
  const line = JSON.stringify({ level, time, ...details, msg }, (_, value: unknown) =>
    value instanceof Error ? { type: value.name, message: value.message, stack: value.stack } : value,
  )
  return `${escapeControls(line)}\n`
}

/** Formats an event as text for people. */
export function formatLine(event: LogEvent): string {
  const { time, level, msg, ...details } = event
  const message = escapeControls(String(msg).replace(/[\r\n]+/g, ' '))
  let line = `${new Date(time as number).toISOString()} ${LEVEL_NAMES[level as number] ?? level} ${message}`
  for (const [name, value] of Object.entries(details)) if (value !== undefined) line += ` ${name}=${formatValue(value)}`
  return `${line}\n`
}

function formatValue(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'stack' in value) return quote(value.stack)
  if (typeof value === 'string' && /^[^\s"=]+$/.test(value)) return escapeControls(value)
  return quote(value)
}

function quote(value: unknown): string {
  return escapeControls(JSON.stringify(value) ?? 'undefined')
}

/** Escapes the control characters of ASCII and latin1 as JSON escapes those below a blank. */
export function escapeControls(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
