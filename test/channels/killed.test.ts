// A named subscriber is remembered from the reply to its SUBSCRIBE on: the position is written with
// the command, so a broker that is killed right after the reply knows the name when it starts again.

import { createConnection, type Socket } from 'node:net'
import { onTestFinished, test } from 'vitest'
import { temporaryDirectory } from '../support/server.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'

async function start(dir: string): Promise<ServerProcess> {
  const config = { channel: 'orders.* keep 1h', appendonly: 'yes', appendfsync: 'no' } as const
  const server = await startServerProcess({ dir, port: 0, config })
  onTestFinished(async () => {
    server.child.kill('SIGKILL')
    await server.exited
  })
  return server
}

/** A connection whose bytes are compared. */
class Raw {
  readonly #socket: Socket
  #received = ''

  constructor(port: number) {
    this.#socket = createConnection(port, '127.0.0.1')
    this.#socket.setEncoding('latin1').on('error', () => {})
    onTestFinished(() => void this.#socket.destroy())
  }

  send(...lines: string[]): this {
    this.#socket.write(lines.map((line) => `${line}\r\n`).join(''))
    return this
  }

  /** Resolves when a text has arrived. */
  receives(text: string): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.#received.includes(text)) resolve()
      }
      this.#socket.on('data', (chunk: string) => {
        this.#received += chunk
        look()
      })
      look()
    })
  }
}

test.each([
  ['SUBSCRIBE orders.eu', 'PUBLISH', 2],
  ['SUBSCRIBE orders.eu', 'PUBLISH', 3],
  ['PSUBSCRIBE orders.*', 'PUBLISH', 2],
  ['PSUBSCRIBE orders.*', 'PUBLISH', 3],
  ['SSUBSCRIBE orders.eu', 'SPUBLISH', 2],
  ['SSUBSCRIBE orders.eu', 'SPUBLISH', 3],
  ['SUBSCRIBE $share/workers/orders.eu', 'PUBLISH', 2],
  ['PSUBSCRIBE $share/workers/orders.*', 'PUBLISH', 3],
])(
  'a subscriber is remembered when the broker is killed right after the reply to %s (%s, RESP%i)',
  async (line, publish, protocol) => {
    const dir = temporaryDirectory()
    const first = await start(dir)
    const confirmation = line.split(' ')[1] ?? ''
    await new Raw(first.port).send(`HELLO ${protocol} SETNAME billing`, line).receives(`${confirmation}\r\n:1\r\n`)
    first.child.kill('SIGKILL')
    await first.exited
    const second = await start(dir)
    await new Raw(second.port).send(`${publish} orders.eu missed`).receives(':0\r\n')
    await new Raw(second.port).send(`HELLO ${protocol} SETNAME billing`, line).receives('missed\r\n')
  },
)
