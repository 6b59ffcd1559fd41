// One event of the log as one line of text: time, level, message, details.
//
// Clients choose parts of it: names of channels and clients, what a script logs. Bytes that a terminal would obey, or that
// would begin a line of their own, are therefore written as escapes.

const LEVEL_NAMES: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' }

/** Formats an event as pino names its parts: `time`, `level` (a number), `msg`, and the details under any other name. */
export function formatLine(event: Readonly<Record<string, unknown>>): string {
  const { time, level, msg, ...details } = event
  const message = escapeControls(String(msg).replace(/[\r\n]+/g, ' '))
  let line = `${new Date(time as number).toISOString()} ${LEVEL_NAMES[level as number] ?? level} ${message}`
  for (const [name, value] of Object.entries(details)) line += ` ${name}=${formatValue(value)}`
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

/** Writes the control characters of ASCII and latin1 as JSON does those below a blank. */
function escapeControls(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
