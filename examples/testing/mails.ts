// A small service on BullMQ: mails are queued, and sent by a worker. Nothing in it knows of the
// tests.

import { Queue, Worker, type WorkerOptions } from 'bullmq'

export interface Mail {
  to: string
  text: string
}

export class Mails {
  readonly #queue: Queue<Mail>
  readonly #worker: Worker<Mail>

  constructor(connection: WorkerOptions['connection'], send: (mail: Mail) => Promise<void>) {
    this.#queue = new Queue('mails', { connection })
    this.#worker = new Worker('mails', ({ data }) => send(data), { connection })
  }

  /** Resolves when the mail will be sent, whatever happens; not before `delayMs` have passed. */
  async post(mail: Mail, delayMs = 0): Promise<void> {
    await this.#queue.add('mail', mail, { attempts: 3, delay: delayMs, removeOnComplete: true })
  }

  /** Gives up mails that are not being sent yet. */
  async cancel(): Promise<void> {
    await this.#queue.drain(true)
  }

  get unsent(): Promise<number> {
    return this.#queue.getJobCountByTypes('waiting', 'active', 'delayed')
  }

  async close(): Promise<void> {
    await this.#worker.close()
    await this.#queue.close()
  }
}
