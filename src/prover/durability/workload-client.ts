// A client of the server under test, as producers and readers see it.

import type { Reply } from './write-methods.ts'

/** Takes requests and answers them in order; requests unanswered at its end are never answered. */
export interface WorkloadClient {
  send(words: readonly string[], answered: (reply: Reply) => void): void
  /** Sends a request without a reply: a subscription, once RESP3 is used. */
  tell(words: readonly string[]): void
  /** Called with the parts of each push message. */
  pushed: ((parts: readonly Reply[]) => void) | undefined
}

/** Sends one request and waits for its reply. */
export function ask(port: WorkloadClient, words: readonly string[]): Promise<Reply> {
  return new Promise((resolve) => port.send(words, resolve))
}
