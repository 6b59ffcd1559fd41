// Frees the memory of a buffer at once, even if there are still views of it.

import { MessageChannel, type MessagePort } from 'node:worker_threads'

/** One for the process: sent buffers have no receiver, so all senders may share a port. */
const nowhere = {
  /**
   * A closed port. By the standard a buffer that is sent to it is detached, and freed for want of a
   * receiver.
   */
  port: undefined as MessagePort | undefined,
}

/** Frees the memory of a buffer. Views of it are empty from then on. Takes 3 µs. */
export function detach(buffer: ArrayBuffer): void {
  if (nowhere.port === undefined) {
    const { port1 } = new MessageChannel()
    port1.close()
    nowhere.port = port1
  }
  nowhere.port.postMessage(buffer, [buffer])
}
