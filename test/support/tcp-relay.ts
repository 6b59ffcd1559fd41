// A relay between a client and a server over TCP that can fail as a network does: it goes on to
// hold its connections but forwards nothing, or it resets those of the client. It ends no
// connection of the server's before the test does, so the server never sees a FIN.

import net, { type AddressInfo, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export class TcpRelay {
  readonly #target: number
  readonly #listener: net.Server
  readonly #pairs: { readonly client: Socket; readonly server: Socket }[] = []

  private constructor(target: number) {
    this.#target = target
    this.#listener = net.createServer((client) => this.#forward(client))
  }

  /** Opens a relay to a port of this machine that is gone when the test ends. */
  static async open(target: number): Promise<TcpRelay> {
    const relay = new TcpRelay(target)
    await new Promise<void>((resolve) => relay.#listener.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => relay.#close())
    return relay
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port
  }

  /** Forwards nothing more of the connections that are open. New ones are forwarded. */
  freeze(): void {
    for (const { client, server } of this.#pairs) {
      client.unpipe(server).pause()
      server.unpipe(client).pause()
    }
  }

  /** Resets the clients' connections. */
  resetClients(): void {
    for (const { client } of this.#pairs) client.resetAndDestroy()
  }

  #forward(client: Socket): void {
    const server = net.connect(this.#target, '127.0.0.1')
    this.#pairs.push({ client, server })
    client.on('error', () => {})
    server.on('error', () => {})
    client.pipe(server, { end: false })
    server.pipe(client)
  }

  #close(): void {
    this.#listener.close()
    for (const { client, server } of this.#pairs) {
      client.destroy()
      server.destroy()
    }
  }
}
