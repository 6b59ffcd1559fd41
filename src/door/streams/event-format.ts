// The forms that messages of a stream take as Server-Sent Events.

import type { StreamGap, StreamMessage } from '../clients/stream-client.ts'
import { dataEvent, heartbeat, namedEvent, RETRY } from './event-text.ts'

export interface EventFormat {
  /** Returns what a stream begins with; `position`: it has heard everything up to this id. */
  opening(position: string | undefined): string
  /**
   * Returns a message as an event. An `id` of undefined leaves the browser with the id that it
   * has.
   */
  message(message: StreamMessage, id: string | undefined): string
  gap(gap: StreamGap): string
  /** Returns a sign of life. */
  heartbeat(position: string | undefined): string
}

const common = {
  opening: (position: string | undefined) => `${RETRY}${heartbeat(position)}`,
  gap: (gap: StreamGap) => namedEvent('gap', JSON.stringify(gap)),
  heartbeat,
}

/** The text of each message is the data of its event. */
export const TEXT_EVENTS: EventFormat = {
  ...common,
  message: ({ text }, id) => dataEvent(text, id),
}

/** The data of an event is JSON, with the channel of the message. */
export const JSON_EVENTS: EventFormat = {
  ...common,
  message: (message, id) => dataEvent(messageJson(message), id),
}

/** Returns a message as JSON. */
export function messageJson({ channel, id, pattern, text }: StreamMessage): string {
  return JSON.stringify({ id, channel, pattern, message: text })
}

/** Upstash's: words with commas between. `confirmed` are the lines that a stream begins with. */
export function upstashEvents(confirmed: readonly string[]): EventFormat {
  return {
    opening: () => confirmed.map((line) => dataEvent(line, undefined)).join(''),
    message: ({ channel, pattern, text }) =>
      dataEvent(
        pattern === undefined ? `message,${channel},${text}` : `pmessage,${pattern},${channel},${text}`,
        undefined,
      ),
    gap: () => '',
    heartbeat: () => heartbeat(undefined),
  }
}
