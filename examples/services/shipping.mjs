// A service of examples/durable-event-bus.ts with node-redis: its name is `name`. It prints what it
// hears.

import { createClient } from 'redis'

// It ends with the program that started it.
process.stdin.resume().once('end', () => process.exit())

const url = `redis://127.0.0.1:${process.argv[2]}`
const client = createClient({ url, name: 'shipping', socket: { reconnectStrategy: () => 20 } })
client.on('error', () => {})
await client.connect()
await client.pSubscribe('orders.*', (order) => console.log(order))
console.log('ready')
