// A connection of a client: sends requests, and receives their replies in order, within a time
// limit.

import net from 'node:net'
import { ReplyValueReader, type ReplyValueReceiver } from '../../protocol/reply-value.ts'
import { encodeRequest } from '../../protocol/request-writer.ts'
import { textOf } from '../../util/bytes/text.ts'
import { clearTimeout, setTimeout } from '../../util/time/real-time.ts'
import type { Reply } from '../durability/write-methods.ts'

/** Nothing was sent. */
export class Unreached extends Error {
  override name = 'Unreached'
}

/** The requests were sent, and no reply came. */
export class Unanswered extends Error {
  override name = 'Unanswered'
}

interface Waiting {
  readonly replies: Reply[]
  readonly count: number
  resolve(replies: Reply[]): void
  reject(error: Error): void
}

export class Connection implements ReplyValueReceiver<string> {
  /** `host:port`. */
  readonly address: string
  /** Receives pushes (RESP3). */
  pushed: (words: readonly Reply[]) => void = () => {}
  readonly #socket: net.Socket
  readonly #reader = new ReplyValueReader<string>(textOf, this)
  readonly #waiting: Waiting[] = []
  #state: 'connecting' | 'open' | 'closed' = 'connecting'
  readonly #connected: Promise<void>

  constructor(host: string, port: number) {
    const socket = net.connect({ host, port, noDelay: true })
    this.address = `${host}:${port}`
    this.#socket = socket
    this.#connected = new Promise((resolve) => {
      socket.once('connect', () => {
        this.#state = 'open'
        resolve()
      })
      socket.once('close', () => {
        this.#state = 'closed'
        for (const { reject } of this.#waiting.splice(0)) reject(new Unanswered('the connection ended'))
        resolve()
      })
    })
    // Waiting callers do not need the reason.
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk) => this.#reader.feed(chunk))
  }

  get isClosed(): boolean {
    return this.#state === 'closed'
  }

  /**
   * Sends requests together and returns their replies, which may be errors. Throws `Unreached`,
   * `Unanswered`; then the connection is closed.
   */
  async ask(requests: readonly (readonly string[])[], timeoutMs: number): Promise<Reply[]> {
    let timer: ReturnType<typeof setTimeout> | undefined
    try {
      timer = setTimeout(() => this.end(), timeoutMs)
      if (this.#state === 'connecting') await this.#connected
      if (this.#state !== 'open') throw new Unreached('there is no connection')
      return await new Promise<Reply[]>((resolve, reject) => {
        this.#waiting.push({ replies: [], count: requests.length, resolve, reject })
        this.#socket.write(Buffer.concat(requests.map((words) => encodeRequest(words))))
      })
    } finally {
      clearTimeout(timer)
    }
  }

  reply(value: Reply): void {
    const first = this.#waiting[0]
    if (first === undefined) return
    first.replies.push(value)
    if (first.replies.length < first.count) return
    this.#waiting.shift()
    first.resolve(first.replies)
  }

  /** Sends a request that has no reply. */
  tell(request: readonly string[]): void {
    if (this.#state === 'open') this.#socket.write(encodeRequest(request), 'latin1')
  }

  push(words: readonly Reply[]): void {
    this.pushed(words)
  }

  end(): void {
    this.#socket.destroy()
  }
}
