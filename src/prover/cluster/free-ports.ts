// Ports of loopback that nobody listens on, for servers that have to know each other's before they start.

import { createServer, type Server } from 'node:net'

/** Returns so many different ports. Nobody else gets them from here; the system may give one away all the same, and then a server does not start. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listen))
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

function listen(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve(server))
  })
}
