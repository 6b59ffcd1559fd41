// A way to a server on which a test loses what is said, in one direction or both, and cuts connections.

import { createServer, connect as openSocket, type Socket } from 'node:net'

export interface BadWire {
  readonly port: number
  /** What is lost from now on; what was lost does not come later. */
  loses: 'nothing' | 'requests' | 'replies'
  /** Ends all connections. */
  cut(): void
  stop(): Promise<void>
}

export async function startBadWire(serverPort: number): Promise<BadWire> {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = openSocket(serverPort, '127.0.0.1')
    for (const [socket, other, what] of [
      [client, upstream, 'requests'],
      [upstream, client, 'replies'],
    ] as const) {
      sockets.add(socket)
      socket.on('data', (bytes) => {
        if (wire.loses !== what) other.write(bytes)
      })
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const wire: BadWire = {
    port: (server.address() as { port: number }).port,
    loses: 'nothing',
    cut() {
      for (const socket of sockets) socket.destroy()
    },
    stop() {
      wire.cut()
      return new Promise((resolve) => void server.close(() => resolve()))
    },
  }
  return wire
}
