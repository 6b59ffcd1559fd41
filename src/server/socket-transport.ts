// One socket and its client.
//
// Node allocates 64 KiB for every read of an accepted socket; reading into one
// buffer shared by all saves a third of the whole cost of a small request. That
// needs `onread`, which only a socket's constructor takes, so an accepted socket
// is opened anew over the same handle. `_handle` and `useUserBuffer` are Node's
// own business: where they are not what they have been since Node 12, the socket
// is read through 'data' events instead.
//
//   open ──close('flushed'), or the other side ended──▶ ending ──all written──▶ lingering ──▶ destroyed
//     └──close('now'), error──────────────────────────────────────────────────────────────────▲

import { readSync, writeSync } from 'node:fs'
import net from 'node:net'
import type { Client, Transport } from '../engine/client.ts'
import type { Engine } from '../engine/engine.ts'
import { READ_BUFFER_BYTES } from '../protocol/limits.ts'
import { Source } from '../util/bytes.ts'
import { LoneReads } from './lone-reads.ts'

/** Where every socket's reads land; consumed before the next read. */
const readBuffer = Source.allocate(READ_BUFFER_BYTES)

const loneReads = new LoneReads()

/** After the last reply the other side is given this long to hang up: closing with unread input would destroy the reply under way. */
const LINGER_MS = 1000
/** A connection that is ending and takes nothing of what it is owed for this long is cut. */
const STALLED_MS = 10_000

/** Once it has left, the memory of a write that had to wait is worth a look of the collector from here on. */
const LARGE_WRITE_BYTES_MIN = 1024 * 1024

/** What a socket is made of, as far as this file needs to know. */
interface Handle {
  fd?: number
  useUserBuffer(buffer: Uint8Array): void
}

export interface SocketOptions {
  /** What CLIENT LIST shows for connections to the unix socket; undefined for TCP. */
  unixSocket?: string | undefined
  /** Seconds of silence before TCP probes; 0 = none. */
  keepAliveSeconds: number
  /** False = read through 'data' events, whatever the handle can do. */
  sharedReads?: boolean
  /** Called once when the socket is gone. */
  onClosed?(transport: SocketTransport): void
}

export class SocketTransport implements Transport {
  readonly address: string
  readonly localAddress: string
  readonly descriptor: number
  readonly client: Client
  readonly #engine: Engine
  readonly #socket: net.Socket
  #ending = false
  #lingerMs = LINGER_MS

  /** Takes over a socket just accepted with `pauseOnConnect`, and connects its client. */
  constructor(engine: Engine, accepted: net.Socket, options: SocketOptions) {
    const handle = options.sharedReads === false ? undefined : handleOf(accepted)
    const { unixSocket } = options
    this.#engine = engine
    if (unixSocket === undefined) {
      this.address = formatAddress(accepted.remoteAddress, accepted.remotePort)
      this.localAddress = formatAddress(accepted.localAddress, accepted.localPort)
    } else {
      this.address = `${unixSocket}:0`
      this.localAddress = `${unixSocket}:0`
    }
    this.descriptor = handle?.fd ?? -1
    let socket: net.Socket
    if (handle === undefined) {
      socket = accepted
      socket.allowHalfOpen = true
      socket.on('data', (chunk: Buffer) => engine.receive(this.client, new Source(chunk), 0, chunk.length))
    } else {
      socket = new net.Socket({
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
    }
    this.#socket = socket
    if (unixSocket === undefined && options.keepAliveSeconds > 0) {
      socket.setKeepAlive(true, options.keepAliveSeconds * 1000)
    }
    this.client = engine.connect(this)
    // The peer is gone (ECONNRESET, EPIPE, ETIMEDOUT): nothing to tell it; 'close' follows and does the rest.
    socket.on('error', (error) => engine.log.debug({ client: this.address, error }, 'connection failed'))
    socket.on('close', () => {
      engine.disconnect(this.client)
      options.onClosed?.(this)
    })
    // The other side has said all it will; it may still read what it is owed.
    socket.on('end', () => {
      if (this.#ending) socket.destroy()
      else engine.clients.close(this.client, 'flushed')
    })
    socket.resume()
  }

  readonly #largeWritten = (): void => this.#engine.timekeeper.collectSoon()

  get backlogBytes(): number {
    return this.#socket.writableLength
  }

  write(bytes: Buffer): boolean {
    const socket = this.#socket
    if (socket.destroyed || this.#ending) return true
    const taken = socket.writableLength === 0 ? this.#writeNow(bytes) : 0
    if (taken < bytes.length) {
      const isLarge = bytes.length - taken > LARGE_WRITE_BYTES_MIN
      socket.write(taken === 0 ? bytes : bytes.subarray(taken), isLarge ? this.#largeWritten : undefined)
    }
    // Who is being told something is not idle.
    this.client.lastActiveMs = this.#engine.moment.now()
    return socket.writableLength === 0
  }

  /**
   * Writes what the system takes at once, past the stream; returns how many bytes that was.
   *
   * The stream makes a request object and two callbacks of each write, for nothing when it is done at once: without them
   * pipelined INCRs are 10 % faster. The stream is empty here, so order is kept.
   */
  #writeNow(bytes: Buffer): number {
    if (this.descriptor < 0) return 0
    try {
      return writeSync(this.descriptor, bytes, 0, bytes.length)
    } catch {
      // The system's buffer is full (EAGAIN), or the peer is gone: the stream waits, or tells of the error.
      return 0
    }
  }

  /**
   * Reads what has arrived past the event loop, which a script keeps from turning; returns how many bytes that was.
   *
   * What the stream brings later follows it: it has read nothing that the client has not been given.
   */
  readNow(into: Source): number {
    if (this.descriptor < 0 || this.#ending || this.#socket.destroyed) return 0
    try {
      return readSync(this.descriptor, into.u8, 0, into.u8.length, null)
    } catch {
      // Nothing there (EAGAIN), or the peer is gone: the stream will tell.
      return 0
    }
  }

  close(when: 'flushed' | 'now'): void {
    const socket = this.#socket
    if (when === 'now') {
      socket.destroy()
      return
    }
    if (this.#ending || socket.destroyed) return
    this.#ending = true
    socket.setTimeout(STALLED_MS, () => socket.destroy())
    socket.end(() => this.#linger())
  }

  /** Ends the connection as soon as what was written has left, without waiting for the other side. */
  closeForShutdown(): void {
    this.#lingerMs = 0
    if (this.#ending && this.#socket.writableFinished) this.#socket.destroy()
    else this.close('flushed')
  }

  #linger(): void {
    const socket = this.#socket
    if (socket.destroyed) return
    if (socket.readableEnded || this.#lingerMs === 0) socket.destroy()
    else setTimeout(() => socket.destroy(), this.#lingerMs).unref()
  }
}

/** The handle under an accepted socket, if it can read into a buffer of ours. */
function handleOf(socket: net.Socket): Handle | undefined {
  const handle = (socket as unknown as { _handle?: Partial<Handle> | null })._handle
  if (typeof handle !== 'object' || handle === null || typeof handle.useUserBuffer !== 'function') return undefined
  return handle as Handle
}

function formatAddress(host: string | undefined, port: number | undefined): string {
  // A connection reset before it was accepted has no address any more; Redis shows it so.
  if (host === undefined) return '?:0'
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
