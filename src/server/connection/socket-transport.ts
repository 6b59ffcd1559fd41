// One connection and its client: how it begins, how bytes leave, how it ends. reads.ts shows how
// bytes arrive. Each kind of connection decides what the bytes pass through.
//
//   open ──close('flushed'), or the other side ended──▶ ending ──written──▶ lingering ──▶ destroyed
//     └──close('now'), error──────────────────────────────────────────────────────────────▲
//
// Everything is written through the stream. A kind of connection whose bytes are those on the wire
// may write past it (plain-transport.ts); one that transforms them must not.

import type net from 'node:net'
import type { Client } from '../../engine/clients/client.ts'
import type { Transport } from '../../engine/clients/transport.ts'
import type { Engine } from '../../engine/engine.ts'
import type { Source } from '../../util/bytes/bytes.ts'
import { discarded } from '../../util/memory/discarded.ts'
import { setTimeout } from '../../util/time/real-time.ts'
import type { Endpoint } from '../listening/accepting-endpoint.ts'

/**
 * The time that the other side has to close after the last reply. Closing with unread input would
 * destroy the reply in flight.
 */
const LINGER_MS = 1000
/** A connection that is ending is cut if its peer takes no bytes for this long. */
const STALLED_MS = 10_000

const NOTHING = Buffer.alloc(0)

/**
 * When a delayed write of at least this size has left, the garbage collector should look for its
 * memory.
 */
const LARGE_WRITE_BYTES_MIN = 1024 * 1024

export interface SocketOptions {
  /** Where it was accepted. */
  readonly endpoint: Endpoint
  /** Called once when the socket is gone. */
  onClosed?(transport: SocketTransport): void
}

export abstract class SocketTransport implements Transport {
  readonly kind: 'tcp' | 'unix'
  readonly address: string
  readonly localAddress: string
  abstract readonly descriptor: number
  readonly client: Client
  protected readonly socket: net.Socket
  /** Bytes that the stream still counts although the system has them. */
  protected unconfirmedBytes = 0
  readonly #engine: Engine
  #ending = false
  #lingerMs = LINGER_MS

  /** Takes over a socket just accepted and not read from yet, and connects its client. */
  protected constructor(engine: Engine, socket: net.Socket, { endpoint, onClosed }: SocketOptions) {
    this.#engine = engine
    this.socket = socket
    this.kind = endpoint.kind === 'unix' ? 'unix' : 'tcp'
    if (endpoint.kind !== 'unix') {
      this.address = formatAddress(socket.remoteAddress, socket.remotePort)
      this.localAddress = formatAddress(socket.localAddress, socket.localPort)
      const keepAliveSeconds = engine.config.get('tcp-keepalive')
      if (keepAliveSeconds > 0) socket.setKeepAlive(true, keepAliveSeconds * 1000)
    } else {
      this.address = `${endpoint.path}:0`
      this.localAddress = `${endpoint.path}:0`
    }
    this.client = engine.connect(this)
    // The peer is gone (ECONNRESET, EPIPE, ETIMEDOUT). 'close' follows and does the rest.
    socket.on('error', (error) => engine.environment.log.debug({ client: this.address, error }, 'connection failed'))
    socket.on('close', () => {
      engine.disconnect(this.client)
      onClosed?.(this)
    })
    // The other side sends no more, but may still read its replies.
    socket.on('end', () => {
      if (this.#ending) socket.destroy()
      else engine.clients.connected.close(this.client, 'flushed')
    })
    socket.resume()
  }

  get backlogBytes(): number {
    return this.socket.writableLength - this.unconfirmedBytes
  }

  write(bytes: Buffer): boolean {
    const { socket } = this
    if (socket.destroyed || this.#ending) return true
    const taken = this.writeNow(bytes, 0, bytes.length)
    if (taken < bytes.length) {
      const isLarge = bytes.length - taken > LARGE_WRITE_BYTES_MIN
      const { buffer } = bytes
      discarded.hold(buffer)
      socket.write(taken === 0 ? bytes : bytes.subarray(taken), () => {
        discarded.release(buffer)
        if (isLarge) this.#engine.upkeep.timedWork.collectSoon()
      })
    }
    // A client that receives bytes is not idle.
    this.client.activity.lastActiveMs = this.#engine.environment.unitClock.now()
    return taken === bytes.length
  }

  writeNow(bytes: Buffer, start: number, end: number): number {
    const { socket } = this
    if (socket.destroyed || this.#ending || socket.writableLength > 0) return 0
    this.client.activity.lastActiveMs = this.#engine.environment.unitClock.now()
    return this.pass(bytes, start, end)
  }

  /**
   * Writes as much of [start, end) of a buffer as can leave at once, while the stream is empty.
   * Returns the number of bytes.
   */
  protected abstract pass(bytes: Buffer, start: number, end: number): number

  /** Reads past the event loop, which a script keeps from turning. Returns the number of bytes. */
  abstract readNow(into: Source): number

  whenDrained(tell: () => void): void {
    // An empty write is done when all writes before it are.
    this.socket.write(NOTHING, () => tell())
  }

  /** Nothing is read from it any more. */
  protected get isOver(): boolean {
    return this.#ending || this.socket.destroyed
  }

  gatherSmallWrites(): void {
    this.socket.setNoDelay(false)
  }

  close(when: 'flushed' | 'now'): void {
    const { socket } = this
    if (when === 'now') {
      socket.destroy()
      return
    }
    if (this.#ending || socket.destroyed) return
    this.#ending = true
    socket.setTimeout(STALLED_MS, () => socket.destroy())
    socket.end(() => this.#linger())
  }

  /**
   * Ends the connection as soon as the written bytes have left, without waiting for the other side.
   */
  closeForShutdown(): void {
    this.#lingerMs = 0
    if (this.#ending && this.socket.writableFinished) this.socket.destroy()
    else this.close('flushed')
  }

  #linger(): void {
    const { socket } = this
    if (socket.destroyed) return
    if (socket.readableEnded || this.#lingerMs === 0) socket.destroy()
    else setTimeout(() => socket.destroy(), this.#lingerMs).unref()
  }
}

function formatAddress(host: string | undefined, port: number | undefined): string {
  // A connection that was reset before it was accepted has no address any more; Redis shows it like
  // this.
  if (host === undefined) return '?:0'
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
