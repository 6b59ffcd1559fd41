// The chunks of a stream over HTTP/1.1, on the socket itself: one write to the system for each.
//
// Node's response would write a chunk in three pieces, with a request and callbacks for each. With
// a thousand streams that hear a hundred messages a second this takes 55 % of a core instead of
// 101 % (npm run bench -- door). Streams that hear the same message write the same chunk.

import { writeSync } from 'node:fs'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Outlet } from './exchange.ts'
import { OutletBacklog } from './outlet-backlog.ts'

/** A longer chunk is not kept for the next stream. */
const SHARED_BYTES_MAX = 64 * 1024
const NO_CHUNK = Buffer.alloc(0)
/** For a stream that ended while its peer took nothing. */
const ENDING_MS_MAX = 60_000
const LAST_CHUNK = '0\r\n\r\n'

/** The chunk that was made last: streams of one channel write the same one after another. */
const last = { text: '', chunk: NO_CHUNK }

export class ChunkedOutlet implements Outlet {
  readonly #backlog = new OutletBacklog()
  readonly #socket: Socket
  /** -1 = the bytes must pass through the socket's stream. */
  readonly #descriptor: number

  /** Of a socket to which the head of the answer has been written. */
  constructor(socket: Socket) {
    this.#socket = socket
    this.#descriptor = descriptorOf(socket)
  }

  write(text: string): void {
    const socket = this.#socket
    if (socket.destroyed || socket.writableEnded) return
    const chunk = chunkOf(text)
    const taken = socket.writableLength === 0 ? this.#writeNow(chunk) : 0
    if (taken === chunk.length) return
    const rest = chunk.length - taken
    this.#backlog.add(rest)
    socket.write(taken === 0 ? chunk : chunk.subarray(taken), () => this.#backlog.taken(rest))
  }

  #writeNow(chunk: Buffer): number {
    if (this.#descriptor < 0) return 0
    try {
      return writeSync(this.#descriptor, chunk)
    } catch {
      // The system's buffer is full (EAGAIN), or the peer is gone: the socket waits, or tells.
      return 0
    }
  }

  whenDrained(tell: () => void): void {
    this.#backlog.whenDrained(tell)
  }

  get backlogBytes(): number {
    return this.#backlog.bytes
  }

  onClose(run: () => void): void {
    this.#socket.once('close', run)
  }

  end(when: 'flushed' | 'now'): void {
    if (when === 'now') this.#socket.destroy()
    else if (!this.#socket.writableEnded) {
      this.#socket.write(LAST_CHUNK)
      // The other side may take nothing, and may never end its own direction.
      this.#socket.setTimeout(ENDING_MS_MAX, () => this.#socket.destroy())
      this.#socket.destroySoon()
    }
  }
}

function chunkOf(text: string): Buffer {
  if (text === last.text) return last.chunk
  const chunk = Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`)
  if (chunk.length <= SHARED_BYTES_MAX) {
    last.text = text
    last.chunk = chunk
  }
  return chunk
}

/** The descriptor of a socket whose bytes are those on the wire; -1 = it has none. */
function descriptorOf(socket: Socket): number {
  if ((socket as TLSSocket).encrypted === true) return -1
  return (socket as unknown as { _handle?: { fd?: number } | null })._handle?.fd ?? -1
}
