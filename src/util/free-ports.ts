// Free ports of the loopback interface, for servers that must know each other's ports before they
// start.

import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/**
 * The ports to choose from: above those of well-known services, below those that Linux, macOS and
 * Windows give to outgoing connections. A connection therefore never takes a port between its
 * choice and its server's start. The ports 10,000 above, of cluster buses, lie below them, too.
 */
const FIRST = 15_000
const END = 22_700

/** The fate of a try to listen at a port. */
type Outcome = 'free' | 'taken'

/** Ports that this process has chosen, so that two calls never choose the same. */
const chosen = new Set<number>()

/**
 * Returns this many different ports. Another process may still choose the same one; then a server
 * does not start.
 */
export function freePorts(count: number): Promise<number[]> {
  return Promise.all(Array.from({ length: count }, freePort))
}

/** Returns a port that was free a moment ago. */
export async function freePort(): Promise<number> {
  if (chosen.size > (END - FIRST) / 2) chosen.clear()
  while (true) {
    const port = randomInt(FIRST, END)
    if (chosen.has(port)) continue
    chosen.add(port)
    if ((await tryPort(port)) === 'free') return port
  }
}

function tryPort(port: number): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve('taken')
      else reject(error)
    })
    server.listen(port, '127.0.0.1', () => server.close(() => resolve('free')))
  })
}
