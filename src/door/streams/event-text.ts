// Server-Sent Events as text: fields in lines, an empty line behind each event.

import type { StreamGap, StreamMessage } from '../clients/stream-client.ts'

export type EventFormat = 'text' | 'json'

/** Returns a message as an event. An `id` of undefined leaves the browser with the id that it has. */
export function messageEvent(message: StreamMessage, id: string | undefined, format: EventFormat): string {
  const head = id === undefined ? '' : `id: ${id}\n`
  return `${head}${dataLines(format === 'text' ? message.text : messageJson(message))}\n`
}

/** Returns a message as JSON. */
export function messageJson({ channel, id, pattern, text }: StreamMessage): string {
  return JSON.stringify({ id, channel, pattern, message: text })
}

/** Returns an event of a name of its own. */
export function namedEvent(name: string, data: string): string {
  return `event: ${name}\n${dataLines(data)}\n`
}

export function gapEvent(gap: StreamGap): string {
  return namedEvent('gap', JSON.stringify(gap))
}

/** Returns a sign of life; with an id the browser notes how far it is. */
export function heartbeat(id: string | undefined): string {
  return id === undefined ? ':\n\n' : `id: ${id}\n\n`
}

/** A line feed within the text begins a line of its own: no text can begin another field or event. */
function dataLines(text: string): string {
  if (!/[\r\n]/.test(text)) return `data: ${text}\n`
  return `${text
    .split(/\r\n|\r|\n/)
    .map((line) => `data: ${line}\n`)
    .join('')}`
}
