// One socket and its client.
//
// Node allocates 64 KiB for every read of an accepted socket; reading into one
// buffer shared by all saves a third of the whole cost of a small request. That
// needs `onread`, which only a socket's constructor takes, so an accepted socket
// is opened anew over the same handle.

import net from 'node:net'
import type { Client, Transport } from '../engine/client.ts'
import type { Engine } from '../engine/engine.ts'
import { READ_BUFFER_BYTES } from '../protocol/limits.ts'
import { Source } from '../util/bytes.ts'

/** Where every socket's reads land; consumed before the next read. */
const readBuffer = Source.allocate(READ_BUFFER_BYTES)

export class SocketTransport implements Transport {
  readonly address: string
  readonly localAddress: string
  readonly descriptor = -1
  readonly #socket: net.Socket

  constructor(socket: net.Socket) {
    this.#socket = socket
    this.address = `${socket.remoteAddress}:${socket.remotePort}`
    this.localAddress = `${socket.localAddress}:${socket.localPort}`
  }

  static adopt(engine: Engine, accepted: net.Socket): void {
    let client: Client
    const handle = (accepted as unknown as { _handle: unknown })._handle
    ;(accepted as unknown as { _handle: unknown })._handle = null
    const socket = new net.Socket({
      handle,
      onread: {
        buffer: readBuffer.u8,
        callback: (length: number) => {
          engine.receive(client, readBuffer, 0, length)
          return true
        },
      },
    } as unknown as net.SocketConstructorOpts)
    socket.setNoDelay(true)
    const transport = new SocketTransport(socket)
    client = engine.connect(transport)
    socket.on('error', () => engine.disconnect(client))
    socket.on('close', () => engine.disconnect(client))
    socket.on('end', () => socket.end())
    socket.resume()
  }

  get backlogBytes(): number {
    return this.#socket.writableLength
  }

  write(bytes: Buffer): boolean {
    this.#socket.write(bytes)
    return this.#socket.writableLength === 0
  }

  close(when: 'flushed' | 'now'): void {
    if (when === 'flushed') this.#socket.end()
    else this.#socket.destroy()
  }
}
