import net from 'node:net'
import type { Engine } from '../engine/engine.ts'
import { SocketTransport } from './socket-transport.ts'

export function listen(engine: Engine, port: number): net.Server {
  const server = net.createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
    SocketTransport.adopt(engine, socket)
  })
  server.listen(port, '127.0.0.1')
  return server
}
