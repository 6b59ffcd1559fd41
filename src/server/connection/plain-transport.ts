// A connection whose bytes are those on the wire: TCP without TLS, or a unix socket.
//
// Node allocates 64 KiB for every read of an accepted socket. Reading into one buffer shared by all
// sockets saves a third of the whole cost of a small request. That needs `onread`, which only the
// constructor of a socket takes, so an accepted socket is opened again over the same handle. While
// a large argument arrives, the socket is read into the buffer in which the parser gathers it. That
// saves a copy of each byte: SET of 256 KiB costs a fifth less.
//
// `_handle` and `useUserBuffer` are internals of Node. If they differ from those since Node 12, the
// socket is read by 'data' events instead.
//
// Replies are written by the descriptor, past the stream. Requests that arrive while a script is
// slow are read in the same way.

import { readSync, writeSync } from 'node:fs'
import net from 'node:net'
import type { Client } from '../../engine/clients/client.ts'
import type { Engine } from '../../engine/engine.ts'
import { READ_BUFFER_BYTES } from '../../protocol/limits.ts'
import type { Source } from '../../util/bytes/bytes.ts'
import { setImmediate } from '../../util/time/real-time.ts'
import { Reads, readBuffer } from './reads.ts'
import { type SocketOptions, SocketTransport } from './socket-transport.ts'

/**
 * Behind a large argument, a read takes only this much: another large argument is likely to begin
 * there, and the bytes read of it are moved to its own buffer.
 */
const SHORT_READ_BYTES = 4 * 1024
const shortBuffer = readBuffer.u8.subarray(0, SHORT_READ_BYTES)

/**
 * A large argument is read into its own buffer while at least MIN bytes of it are missing, at most
 * MAX bytes at once.
 */
const GATHERED_BYTES_MIN = 16 * 1024
const GATHERED_BYTES_MAX = 1024 * 1024

/**
 * A client that always has more to send is read for this long before others: half a read of short
 * commands, or a few large values.
 */
const UNPAUSED_MS = 0.25

/**
 * The socket that is being read without a pause: one for the process, like its event loop. It is
 * known by a number, which keeps no connection in memory.
 */
const fullReads = {
  /** The number of the socket whose reads fill their buffer one after the other; 0 = none. */
  last: 0,
  /** The number of sockets so far. */
  numbered: 0,
}

/** The parts of a socket's handle that this file uses. */
interface Handle {
  fd?: number
  useUserBuffer(buffer: Uint8Array): void
}

export interface PlainOptions extends SocketOptions {
  /** False = read through 'data' events, even if the handle could read into a buffer. */
  readonly sharedReads?: boolean
}

export class PlainTransport extends SocketTransport {
  readonly descriptor: number
  readonly #reads: PlainReads

  /** Takes over a socket just accepted with `pauseOnConnect`, and connects its client. */
  constructor(engine: Engine, accepted: net.Socket, options: PlainOptions) {
    const handle = options.sharedReads === false ? undefined : handleOf(accepted)
    const reads = new PlainReads(engine)
    super(engine, handle === undefined ? reads.ofStream(accepted) : reads.ofHandle(accepted, handle), options)
    reads.client = this.client
    this.#reads = reads
    this.descriptor = handle?.fd ?? -1
  }

  /**
   * For each write the stream makes a request object and two callbacks, which is wasted if the
   * write is done at once. Without them pipelined INCRs are 10 % faster. The stream is empty here,
   * so the order is kept.
   */
  protected pass(bytes: Buffer, start: number, end: number): number {
    if (this.descriptor < 0) return 0
    try {
      return writeSync(this.descriptor, bytes, start, end - start)
    } catch {
      // The system's buffer is full (EAGAIN), or the peer is gone: the stream waits, or tells of
      // the error.
      return 0
    }
  }

  /**
   * The stream's later bytes follow these, because the stream has read nothing that the client did
   * not get.
   */
  readNow(into: Source): number {
    if (this.descriptor < 0 || this.isOver) return 0
    this.#reads.share()
    try {
      return readSync(this.descriptor, into.u8, 0, into.u8.length, null)
    } catch {
      // Nothing has arrived (EAGAIN), or the peer is gone, which the stream will report.
      return 0
    }
  }
}

class PlainReads extends Reads {
  readonly #number = ++fullReads.numbered
  #handle: Handle | undefined = undefined
  /** The buffer for the next read, and the offset in it. */
  #into = readBuffer
  #at = 0
  /** The most bytes of the next read. */
  #room = READ_BUFFER_BYTES
  /** The time since when it has been read without a pause. */
  #sinceMs = 0

  /** Reads through 'data' events. */
  ofStream(accepted: net.Socket): net.Socket {
    accepted.allowHalfOpen = true
    this.followStream(accepted)
    return accepted
  }

  /**
   * Opens an accepted socket again, to be read into the shared buffer or into the buffer of a large
   * argument.
   */
  ofHandle(accepted: net.Socket, handle: Handle): net.Socket {
    this.#handle = handle
    const socket = new net.Socket({
      handle,
      allowHalfOpen: true,
      onread: {
        // Called at the beginning and after each read; undefined = the buffer stays the same.
        buffer: () => (this.client === undefined ? readBuffer.u8 : this.#next(this.client)),
        callback: (length: number) => {
          if (this.#receive(length)) return true
          setImmediate(() => socket.resume())
          return false
        },
      },
    } as unknown as net.SocketConstructorOpts)
    // The rest of the socket makes its server count the connection as gone; the engine counts
    // clients.
    ;(accepted as unknown as { _handle: null })._handle = null
    accepted.destroy()
    return socket
  }

  /** Directs the next read into the shared buffer. */
  share(): void {
    if (this.#into === readBuffer) return
    this.#into = readBuffer
    this.#at = 0
    this.#room = READ_BUFFER_BYTES
    this.#handle!.useUserBuffer(readBuffer.u8)
  }

  /** Hands a read to the client. Returns true if the socket may be read again at once. */
  #receive(length: number): boolean {
    if (length < this.#room) {
      fullReads.last = 0
      this.receiveAll(this.#into, this.#at, this.#at + length)
      return true
    }
    const { stats } = this.engine.figures
    const { workClock } = this.engine.environment
    // A full buffer means that more bytes wait. Node would read them at once, up to 32 times in a
    // row; other clients come first. Otherwise a client that loads keys delays the others by 20 ms.
    if (fullReads.last !== this.#number) {
      fullReads.last = this.#number
      this.#sinceMs = workClock.monotonic()
    }
    const { commandsProcessed } = stats
    this.receiveMore(this.#into, this.#at, this.#at + length)
    // A large argument does not delay other clients while it arrives.
    if (stats.commandsProcessed === commandsProcessed) return true
    if (workClock.monotonic() - this.#sinceMs < UNPAUSED_MS) return true
    fullReads.last = 0
    return false
  }

  /** Returns the buffer for the next read; undefined when that is the same as for the last one. */
  #next({ requests: { parser } }: Client): Buffer | undefined {
    const { gathering } = parser
    if (gathering !== undefined) {
      const at = parser.gatheredBytes
      const room = gathering.u8.length - at
      if (room >= GATHERED_BYTES_MIN) {
        this.#into = gathering
        this.#at = at
        this.#room = Math.min(room, GATHERED_BYTES_MAX)
        return gathering.u8.subarray(at, at + this.#room)
      }
    }
    if (this.#into !== readBuffer) {
      this.#into = readBuffer
      this.#at = 0
      this.#room = SHORT_READ_BYTES
      return shortBuffer
    }
    if (this.#room === READ_BUFFER_BYTES) return undefined
    this.#room = READ_BUFFER_BYTES
    return readBuffer.u8
  }
}

/** Returns the handle of an accepted socket, if it can read into a buffer of ours. */
function handleOf(socket: net.Socket): Handle | undefined {
  const handle = (socket as unknown as { _handle?: Partial<Handle> | null })._handle
  if (typeof handle !== 'object' || handle === null || typeof handle.useUserBuffer !== 'function') return undefined
  return handle as Handle
}
