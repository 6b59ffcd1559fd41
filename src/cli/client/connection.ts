// A connection to a server: requests out, replies back in order, and what nobody asked for.

import net from 'node:net'
import { type Reply, ReplyReader } from './reply.ts'

export interface Place {
  readonly host: string
  readonly port: number
  /** A unix socket instead; empty = none. */
  readonly socket: string
}

export class Connection {
  readonly #socket: net.Socket
  readonly #waiting: { resolve(reply: Reply): void; reject(error: Error): void }[] = []
  /** Takes pushes, and every reply that no request waits for (messages of RESP2). */
  onMessage: (reply: Reply) => void = () => {}
  /** Fulfilled when the connection is gone. */
  readonly closed: Promise<void>

  private constructor(socket: net.Socket) {
    this.#socket = socket
    const reader = new ReplyReader((reply) => {
      const next = reply.type === '>' ? undefined : this.#waiting.shift()
      if (next === undefined) this.onMessage(reply)
      else next.resolve(reply)
    })
    socket.on('data', (chunk) => reader.feed(chunk))
    // What is wrong is told to those who wait, when it closes.
    let failure: Error | undefined
    socket.on('error', (error) => {
      failure = error
    })
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        for (const { reject } of this.#waiting.splice(0)) reject(failure ?? new Error('Server closed the connection'))
        resolve()
      })
    })
  }

  /** Rejects with what the system says. */
  static open({ host, port, socket: path }: Place): Promise<Connection> {
    const socket = net.connect(path === '' ? { host, port } : { path })
    return new Promise((resolve, reject) => {
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new Connection(socket))
      })
    })
  }

  /** Sends a request, words as latin1; rejects when the connection ends before its reply. */
  ask(words: readonly string[]): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.send(words)
    })
  }

  /** Sends a request whose replies are messages. */
  send(words: readonly string[]): void {
    let request = `*${words.length}\r\n`
    for (const word of words) request += `$${word.length}\r\n${word}\r\n`
    this.#socket.write(request, 'latin1')
  }

  close(): void {
    this.#socket.destroy()
  }
}
