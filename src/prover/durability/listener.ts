// A subscriber to a producer's messages, and the messages it receives.

import type { Port } from './port.ts'
import type { Listening, Reply } from './ways.ts'

/**
 * Subscribes a connection, and reports each message; `id` is set when the subscriber acknowledges.
 */
export function listen(
  port: Port,
  { acknowledges, name, target }: Listening,
  channel: string,
  heard: (text: string, id: string | undefined) => void,
): void {
  const ignore = (): void => {}
  port.send(['HELLO', '3'], ignore)
  if (name !== undefined) port.send(['CLIENT', 'SETNAME', name], ignore)
  if (acknowledges) port.send(['CLIENT', 'CAPA', 'message-ids'], ignore)
  port.pushed = ([word, , text, id]: readonly Reply[]) => {
    if (word === 'message') heard(String(text), id === undefined ? undefined : String(id))
  }
  port.tell(['SUBSCRIBE', target(channel)])
}

/** Subscribes, and returns the messages received before the text `end`. */
export function hearUntil(port: Port, listening: Listening, channel: string, end: string): Promise<string[]> {
  return new Promise((resolve) => {
    const all: string[] = []
    listen(port, listening, channel, (text) => {
      if (text === end) resolve(all)
      else all.push(text)
    })
  })
}
