// Server-Sent Events as text: fields in lines, an empty line behind each event.

/** After so many milliseconds a browser comes back when a stream has broken. */
const RETRY_MS = 2000

export const RETRY = `retry: ${RETRY_MS}\n`

/** Returns an event with data alone, and an id if it has one. */
export function dataEvent(data: string, id: string | undefined): string {
  return id === undefined ? `${dataLines(data)}\n` : `id: ${id}\n${dataLines(data)}\n`
}

/** Returns an event of a name of its own. */
export function namedEvent(name: string, data: string): string {
  return `event: ${name}\n${dataLines(data)}\n`
}

/** Returns a sign of life; with an id the browser notes how far it is. */
export function heartbeat(id: string | undefined): string {
  return id === undefined ? ':\n\n' : `id: ${id}\n\n`
}

/**
 * A line end within the text begins a line of its own: no text can begin another field or event.
 */
export function dataLines(text: string): string {
  if (!/[\r\n]/.test(text)) return `data: ${text}\n`
  return text
    .split(/\r\n|\r|\n/)
    .map((line) => `data: ${line}\n`)
    .join('')
}
