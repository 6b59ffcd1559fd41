// The broker of examples/durable-event-bus.ts: sends its port to the program that started it, then
// serves until it is killed.

import { startServer } from 'respite'

const [dir, port] = process.argv.slice(2)
// Messages that a service was sent in the second before it was killed are sent again.
const config = { channel: 'orders.* keep 1h', redeliver: 1000 }
const server = await startServer({ port: Number(port), dir, config })
process.send?.(server.port)
process.once('disconnect', () => process.exit())
