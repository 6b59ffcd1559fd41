// A connection whose bytes are those on the wire: TCP without TLS, or a unix socket.
//
// Node allocates 64 KiB for every read of an accepted socket; reading into one
// buffer shared by all saves a third of the whole cost of a small request. That
// needs `onread`, which only a socket's constructor takes, so an accepted socket
// is opened anew over the same handle. `_handle` and `useUserBuffer` are Node's
// own business: where they are not what they have been since Node 12, the socket
// is read through 'data' events instead.
//
// Replies are written by the descriptor, past the stream, and so is what clients send while a script is slow read.

import { readSync, writeSync } from 'node:fs'
import net from 'node:net'
import type { Client } from '../engine/client.ts'
import type { Engine } from '../engine/engine.ts'
import { READ_BUFFER_BYTES } from '../protocol/limits.ts'
import { Source } from '../util/bytes.ts'
import { setImmediate } from '../util/real-time.ts'
import { LoneReads } from './lone-reads.ts'
import { type SocketOptions, SocketTransport } from './socket-transport.ts'

/** Where every socket's reads land; consumed before the next read. */
const readBuffer = Source.allocate(READ_BUFFER_BYTES)

const loneReads = new LoneReads()

/** What a socket is made of, as far as this file needs to know. */
interface Handle {
  fd?: number
  useUserBuffer(buffer: Uint8Array): void
}

export interface PlainOptions extends SocketOptions {
  /** False = read through 'data' events, whatever the handle can do. */
  readonly sharedReads?: boolean
}

export class PlainTransport extends SocketTransport {
  readonly descriptor: number

  /** Takes over a socket just accepted with `pauseOnConnect`, and connects its client. */
  constructor(engine: Engine, accepted: net.Socket, options: PlainOptions) {
    const handle = options.sharedReads === false ? undefined : handleOf(accepted)
    const reads = new Reads(engine)
    super(engine, handle === undefined ? reads.ofStream(accepted) : reads.ofHandle(accepted, handle), options)
    reads.client = this.client
    this.descriptor = handle?.fd ?? -1
  }

  /**
   * The stream makes a request object and two callbacks of each write, for nothing when it is done at once: without them
   * pipelined INCRs are 10 % faster. The stream is empty here, so order is kept.
   */
  protected pass(bytes: Buffer, start: number, end: number): number {
    if (this.descriptor < 0) return 0
    try {
      return writeSync(this.descriptor, bytes, start, end - start)
    } catch {
      // The system's buffer is full (EAGAIN), or the peer is gone: the stream waits, or tells of the error.
      return 0
    }
  }

  /** What the stream brings later follows it: it has read nothing that the client has not been given. */
  readNow(into: Source): number {
    if (this.descriptor < 0 || this.isOver) return 0
    try {
      return readSync(this.descriptor, into.u8, 0, into.u8.length, null)
    } catch {
      // Nothing there (EAGAIN), or the peer is gone: the stream will tell.
      return 0
    }
  }
}

/** Hands what a socket reads to its client, who is known before the first byte. */
class Reads {
  client!: Client
  readonly #engine: Engine

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Reads through 'data' events. */
  ofStream(accepted: net.Socket): net.Socket {
    accepted.allowHalfOpen = true
    accepted.on('data', (chunk: Buffer) => this.#engine.receive(this.client, new Source(chunk), 0, chunk.length))
    return accepted
  }

  /** Opens an accepted socket anew, to be read into the shared buffer. */
  ofHandle(accepted: net.Socket, handle: Handle): net.Socket {
    const engine = this.#engine
    const socket = new net.Socket({
      handle,
      allowHalfOpen: true,
      onread: {
        buffer: readBuffer.u8,
        callback: (length: number) => {
          const { commandsProcessed } = engine.stats
          engine.receive(this.client, readBuffer, 0, length, loneReads.next())
          // A full buffer means that more is waiting, which Node would read at once and again, up to 32 times: whoever
          // else has something to say comes first. Without it a client that loads keys holds others up for 20 ms. A
          // large argument under way holds nobody up.
          if (length < READ_BUFFER_BYTES || engine.stats.commandsProcessed === commandsProcessed) return true
          setImmediate(() => socket.resume())
          return false
        },
      },
    } as unknown as net.SocketConstructorOpts)
    // The shell that is left lets its server count the connection as gone; the engine counts clients.
    ;(accepted as unknown as { _handle: null })._handle = null
    accepted.destroy()
    return socket
  }
}

/** The handle under an accepted socket, if it can read into a buffer of ours. */
function handleOf(socket: net.Socket): Handle | undefined {
  const handle = (socket as unknown as { _handle?: Partial<Handle> | null })._handle
  if (typeof handle !== 'object' || handle === null || typeof handle.useUserBuffer !== 'function') return undefined
  return handle as Handle
}
