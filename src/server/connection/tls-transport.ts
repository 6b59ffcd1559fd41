// A connection within TLS: node:tls encrypts and decrypts, so no byte passes its stream by.
//
// As for plain connections, all reads go into the shared buffer (reads.ts) where Node allows it.
// Node makes the TLS sockets of accepted ones itself, without `onread`, so the two fields that it
// would set are set here. If they differ from those since Node 12, 'data' events are used.
//
// Written bytes are encrypted before `write` returns. Usually the system has them then, but Node
// says so only one turn later. Unconfirmed bytes are not a backlog: they would count for the output
// limits.

import { readSync } from 'node:fs'
import net from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Engine } from '../../engine/engine.ts'
import { READ_BUFFER_BYTES } from '../../protocol/limits.ts'
import type { Source } from '../../util/bytes/bytes.ts'
import { Reads, readBuffer } from './reads.ts'
import { type SocketOptions, SocketTransport } from './socket-transport.ts'

/**
 * Keeps the content of the read buffer during a read past the loop. There is only one such read at
 * a time.
 */
const setAside = {
  /** undefined = it never happened. */
  bytes: undefined as Buffer | undefined,
}

/**
 * Node hands at most ten buffers of 16 KiB to the system at a time. The rest of a larger write may
 * wait within Node.
 */
const HANDED_OVER_BYTES_MAX = 128 * 1024

/**
 * What is read past the loop at a time, encrypted: the rest of a record that had begun, at most 16
 * KiB, may come on top when it is decrypted, and all of it must fit into READ_BUFFER_BYTES.
 */
const READ_NOW_BYTES = 16 * 1024

/** The parts of a TLS socket's handle that this file uses. */
interface Handle {
  readonly fd?: number
  useUserBuffer(buffer: Uint8Array): void
  /** Takes bytes as if they had been read from the wire. */
  receive(bytes: Uint8Array): void
}

/** The handle underneath, and the bytes that it could not give to the system yet. */
interface Wire {
  readonly writeQueueSize?: number
}

export class TlsTransport extends SocketTransport {
  readonly isEncrypted = true
  readonly descriptor: number
  readonly #reads: TlsReads
  readonly #handle: Handle | undefined
  readonly #wire: Wire | undefined
  /** Confirmations to come. */
  #confirmations = 0
  readonly #confirmed = (): void => {
    // The stream may be empty, and be given more, before it says so.
    if (--this.#confirmations === 0) this.unconfirmedBytes = 0
  }

  /** Takes over a socket that has just become secure, and connects its client. */
  constructor(engine: Engine, socket: TLSSocket, options: SocketOptions & { readonly sharedReads?: boolean }) {
    // Until it was secure, the end of the other side ended it at once.
    socket.allowHalfOpen = true
    super(engine, socket, options)
    this.#reads = new TlsReads(engine)
    this.#reads.client = this.client
    this.#handle = options.sharedReads === false ? undefined : this.#reads.ofHandle(socket)
    this.#wire = (socket as unknown as { _handle?: { _parent?: Wire } | null })._handle?._parent
    this.descriptor = this.#handle?.fd ?? -1
    if (socket.authorized && engine.config.get('tls-auth-clients-user') === 'CN') this.#identify(engine, socket)
    // With shared reads, these are bytes from before the switch to them.
    this.#reads.followStream(socket)
  }

  /** A certificate without a user is no reason to refuse the client: it may still AUTH. */
  #identify(engine: Engine, socket: TLSSocket): void {
    const name = socket.getPeerCertificate().subject.CN
    if (
      typeof name !== 'string' ||
      !engine.clients.users.identify(this.client, Buffer.from(name, 'utf8').toString('latin1'))
    ) {
      engine.environment.log.debug({ client: this.address, name }, 'no user is called as the certificate')
    }
  }

  /**
   * The stream is empty, so it encrypts at once. It keeps the bytes that do not leave at once, and
   * a second reply before the first is confirmed. While a script is slow, no turn of the loop
   * confirms a reply; that client gets its second reply when the script has ended.
   */
  protected pass(bytes: Buffer, start: number, end: number): number {
    const length = end - start
    if (length > HANDED_OVER_BYTES_MAX) return 0
    this.#confirmations++
    this.socket.write(bytes.subarray(start, end), this.#confirmed)
    this.unconfirmedBytes = this.#wire?.writeQueueSize === 0 ? length : 0
    return length
  }

  /** Reads and decrypts the arrived bytes, without a turn of the loop. */
  readNow(into: Source): number {
    const handle = this.#handle
    if (handle === undefined || this.descriptor < 0 || this.isOver) return 0
    const encrypted = into.u8.subarray(0, READ_NOW_BYTES)
    let length: number
    try {
      length = readSync(this.descriptor, encrypted)
    } catch {
      // Nothing has arrived (EAGAIN), or the peer is gone, which the stream will report.
      return 0
    }
    // The stream will find the end of the connection once more.
    if (length === 0) return 0
    // The decrypted bytes overwrite the encrypted ones, so those are copied first.
    const copy = Buffer.from(encrypted.subarray(0, length))
    return this.#reads.divert(into, () => handle.receive(copy))
  }
}

class TlsReads extends Reads {
  /** The target of reads while the loop does not turn, and the number of bytes there. */
  #into: Source | undefined = undefined
  #bytes = 0

  /** Directs all reads of a socket into the shared buffer; undefined if Node cannot do it. */
  ofHandle(socket: TLSSocket): Handle | undefined {
    return readIntoShared(socket, (length) => this.#receive(length))
  }

  /**
   * Returns how many bytes a call has read. They go to the beginning of `into` and not to the
   * client.
   */
  divert(into: Source, read: () => void): number {
    this.#into = into
    this.#bytes = 0
    // Node decrypts into the shared buffer. It holds the running script's request, and further
    // requests of the script's client.
    setAside.bytes ??= Buffer.allocUnsafeSlow(READ_BUFFER_BYTES)
    setAside.bytes.set(readBuffer.u8)
    read()
    readBuffer.u8.set(setAside.bytes)
    this.#into = undefined
    return this.#bytes
  }

  #receive(length: number): boolean {
    const into = this.#into
    if (into === undefined) {
      this.receiveAll(readBuffer, 0, length)
    } else {
      into.u8.set(readBuffer.u8.subarray(0, length), this.#bytes)
      this.#bytes += length
    }
    return true
  }
}

/** Directs all reads of a socket into the shared buffer; undefined if Node cannot do it. */
function readIntoShared(socket: TLSSocket, receive: (length: number) => boolean): Handle | undefined {
  const handle = (socket as unknown as { _handle?: Partial<Handle> | null })._handle
  if (
    READ_FIELDS === undefined ||
    typeof handle?.useUserBuffer !== 'function' ||
    typeof handle.receive !== 'function'
  ) {
    return undefined
  }
  const fields = socket as unknown as Record<symbol, unknown>
  fields[READ_FIELDS.buffer] = readBuffer.u8
  fields[READ_FIELDS.callback] = receive
  handle.useUserBuffer(readBuffer.u8)
  return handle as Handle
}

/** The fields in which a socket keeps its `onread`. */
const READ_FIELDS = ((): { buffer: symbol; callback: symbol } | undefined => {
  const sample = new net.Socket({
    onread: { buffer: new Uint8Array(1), callback: () => true },
  } as net.SocketConstructorOpts)
  const symbols = Object.getOwnPropertySymbols(sample)
  const buffer = symbols.find(({ description }) => description === 'kBuffer')
  const callback = symbols.find(({ description }) => description === 'kBufferCb')
  return buffer === undefined || callback === undefined ? undefined : { buffer, callback }
})()
