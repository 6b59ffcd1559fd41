// A connection that sends requests in bulk and returns the bytes of all their replies.
//
// An ECHO of a word that occurs once stands behind the last request: when its reply has come, so have all others. Nothing
// has to be parsed, and so megabytes are compared as fast as they arrive.

import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Frame, scanFrames } from '../differential/frames.ts'
import { encodeCommand } from '../differential/program.ts'

/** Longer than anything here takes on a busy machine. */
const ANSWER_MS_MAX = 120_000

export class Link {
  readonly #stream: Duplex
  #chunks: Buffer[] = []
  #bytes = 0
  #end = Buffer.alloc(0)
  #asked = 0
  #waiting: { resolve: (replies: Buffer) => void; reject: (error: Error) => void } | undefined
  #failure: Error | undefined

  constructor(stream: Duplex) {
    this.#stream = stream
    stream.on('data', (chunk: Buffer) => this.#receive(chunk))
    stream.on('error', (error) => this.#fail(error))
    stream.on('close', () => this.#fail(new Error('the server closed the connection')))
  }

  /** Connects to a unix socket. */
  static open(path: string): Promise<Link> {
    return new Promise((resolve, reject) => {
      const socket = connect(path)
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new Link(socket))
      })
    })
  }

  /** Sends requests (latin1) and returns the bytes of their replies. One exchange at a time. */
  async exchange(requests: string): Promise<Buffer> {
    if (this.#failure !== undefined) throw this.#failure
    const mark = `end:${++this.#asked}:${'-'.repeat(20)}`
    this.#end = Buffer.from(`$${mark.length}\r\n${mark}\r\n`)
    const replies = new Promise<Buffer>((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
    const late = setTimeout(() => this.#fail(new Error(`no answer for ${ANSWER_MS_MAX} ms`)), ANSWER_MS_MAX)
    this.#stream.write(Buffer.from(requests + encodeCommand(['ECHO', mark], () => ''), 'latin1'))
    try {
      return await replies
    } finally {
      clearTimeout(late)
      this.#waiting = undefined
    }
  }

  /** Sends requests and returns their replies one by one. */
  async ask(commands: readonly (readonly string[])[]): Promise<Frame[]> {
    const replies = await this.exchange(encode(commands))
    return scanFrames(replies.toString('latin1')).frames
  }

  close(): void {
    this.#stream.destroy()
  }

  #receive(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    const end = this.#end.length
    if (this.#waiting === undefined || this.#bytes < end) return
    if (this.#chunks.length > 1 && chunk.length < end) {
      const last = this.#chunks.splice(-2)
      this.#chunks.push(Buffer.concat(last))
      // Two short pieces in a row: the mark may have come in three.
      if (this.#chunks.at(-1)!.length < end) this.#chunks = [Buffer.concat(this.#chunks)]
    }
    if (!this.#chunks.at(-1)!.subarray(-end).equals(this.#end)) return
    const all = Buffer.concat(this.#chunks, this.#bytes)
    this.#chunks = []
    this.#bytes = 0
    this.#waiting.resolve(all.subarray(0, -end))
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#waiting?.reject(error)
  }
}

/** Requests as they are sent. */
export function encode(commands: readonly (readonly string[])[]): string {
  return commands.map((words) => encodeCommand(words, () => '')).join('')
}
