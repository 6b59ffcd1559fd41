// A subscriber to a producer's messages, and the messages it receives.

import type { WorkloadClient } from './workload-client.ts'
import type { ListenerKind, Reply } from './write-methods.ts'

/**
 * Subscribes a connection, and reports each message; `id` is set when the subscriber acknowledges.
 */
export function listen(
  port: WorkloadClient,
  { acknowledges, name, target }: ListenerKind,
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
export function hearUntil(
  port: WorkloadClient,
  listening: ListenerKind,
  channel: string,
  end: string,
): Promise<string[]> {
  return new Promise((resolve) => {
    const all: string[] = []
    listen(port, listening, channel, (text) => {
      if (text === end) resolve(all)
      else all.push(text)
    })
  })
}
