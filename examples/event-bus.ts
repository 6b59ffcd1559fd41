// Services that talk through channels: no service knows its listeners, and a new one joins without
// changing the others. Three services with two different client libraries share one server, by
// exact channels and by patterns.

import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { startServer } from 'respite'

const server = await startServer({ port: 0 })
const url = `redis://${server.address}`
console.log(`the bus is at ${url}`)

/** Resolves when the services have heard `count` lines. */
const heard: string[] = []
let enough: () => void = () => {}
function hear(line: string): void {
  heard.push(line)
  console.log(line)
  if (heard.length === 8) enough()
}
const everythingHeard = new Promise<void>((resolve) => {
  enough = resolve
})

// Billing wants new orders, and says when one is paid. A subscriber's connection only listens, so
// it has a second one.
const billingEars = new Redis(url)
const billing = new Redis(url)
billingEars.on('message', async (_channel, message) => {
  const order = JSON.parse(message)
  hear(`billing: order ${order.id} costs ${order.amount}`)
  await billing.publish('orders.paid', JSON.stringify({ id: order.id }))
})
await billingEars.subscribe('orders.created')

// Shipping, written with another library, waits for the payment.
const shipping = createClient({ url })
const shippingEars = shipping.duplicate()
await Promise.all([shipping.connect(), shippingEars.connect()])
await shippingEars.subscribe('orders.paid', async (message) => {
  const { id } = JSON.parse(message)
  hear(`shipping: order ${id} is on its way`)
  await shipping.publish('parcels.sent', JSON.stringify({ order: id }))
})

// The audit log hears of every event of an order, and need not know which events there are.
const audit = new Redis(url)
audit.on('pmessage', (_pattern, channel, message) => hear(`audit: ${channel} ${message}`))
await audit.psubscribe('orders.*')

const shop = new Redis(url)
for (const order of [
  { id: 1, amount: 25 },
  { id: 2, amount: 40 },
]) {
  const listeners = await shop.publish('orders.created', JSON.stringify(order))
  console.log(`shop: order ${order.id} announced to ${listeners} listeners`)
}

await everythingHeard
await Promise.all([shippingEars.close(), shipping.close()])
for (const client of [shop, audit, billing, billingEars]) client.disconnect()
await server.close()
console.log(`done: ${heard.length} messages heard`)
