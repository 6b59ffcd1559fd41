// Frees the memory of a buffer at once, even if there are still views of it.

import { MessageChannel, type MessagePort } from 'node:worker_threads'

/**
 * A closed port. A buffer posted to it is detached, as the standard requires, and freed because
 * there is no receiver.
 */
let nowhere: MessagePort | undefined

/** Frees the memory of a buffer. Views of it are empty from then on. Takes 3 µs. */
export function detach(buffer: ArrayBuffer): void {
  if (nowhere === undefined) {
    const { port1 } = new MessageChannel()
    port1.close()
    nowhere = port1
  }
  nowhere.postMessage(buffer, [buffer])
}
