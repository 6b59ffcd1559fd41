// A client of the server that is tried out, as those see it who write and read.

import type { Reply } from './ways.ts'

/** Takes requests and answers them in order; what is unanswered when it ends is never answered. */
export interface Port {
  send(words: readonly string[], answered: (reply: Reply) => void): void
  /** Sends a request that has no reply: one that subscribes, once RESP3 is spoken. */
  tell(words: readonly string[]): void
  /** Is called with the parts of whatever comes unasked. */
  pushed: ((parts: readonly Reply[]) => void) | undefined
}

/** Sends one request and waits for its reply. */
export function ask(port: Port, words: readonly string[]): Promise<Reply> {
  return new Promise((resolve) => port.send(words, resolve))
}
