// The way in of a connection: its reads land in one buffer that all connections share, and go to
// its client.
//
// The way out is `SocketTransport`. A kind of connection brings what differs: how its socket is
// made to read into the buffer, and what it does with a read that fills it.

import type net from 'node:net'
import type { Client } from '../../engine/clients/client.ts'
import type { Engine } from '../../engine/engine.ts'
import { READ_BUFFER_BYTES } from '../../protocol/limits.ts'
import { assert } from '../../util/assert.ts'
import { Source } from '../../util/bytes/bytes.ts'
import { EarlyFlush } from './early-flush.ts'

/**
 * The buffer for the reads of all connections; TLS decrypts into it. The engine has consumed one
 * read before the next comes.
 */
export const readBuffer = Source.allocate(READ_BUFFER_BYTES)

/**
 * One for the process, like its event loop: a turn's reads are counted together, whichever
 * connections they come from.
 */
const loneReads = new EarlyFlush()

export class Reads {
  /** The connection's client; the transport sets it before the first byte comes. */
  client: Client | undefined = undefined
  protected readonly engine: Engine

  constructor(engine: Engine) {
    this.engine = engine
  }

  /** Reads through 'data' events. */
  followStream(socket: net.Socket): void {
    socket.on('data', (chunk: Buffer) => this.receiveMore(new Source(chunk), 0, chunk.length))
  }

  /**
   * Hands bytes [start, end) to the client; no more is waiting. A read that is alone in its turn of
   * the loop ends the turn.
   */
  protected receiveAll(source: Source, start: number, end: number): void {
    const { client, engine } = this
    assert(client !== undefined, 'a connection has its client before its first byte')
    const isAlone = loneReads.next()
    engine.receive(client, source, start, end, isAlone)
    if (isAlone) loneReads.answered()
  }

  /** Hands bytes [start, end) to the client; more may be waiting. */
  protected receiveMore(source: Source, start: number, end: number): void {
    const { client, engine } = this
    assert(client !== undefined, 'a connection has its client before its first byte')
    engine.receive(client, source, start, end)
  }
}
