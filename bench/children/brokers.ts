// Publishes to a broker, in whatever protocol it speaks, and counts what is acknowledged or heard,
// for a while.

import { childInput, reportAndExit } from '../child.ts'
import { amqp } from '../protocols/amqp.ts'
import { leaveSession, mqtt } from '../protocols/mqtt.ts'
import { nats } from '../protocols/nats.ts'
import type { Connection, Protocol } from '../protocols/protocol.ts'
import { resp } from '../protocols/resp.ts'
import type { BrokerKind } from '../rival-servers.ts'

export interface BrokersInput {
  port: number
  broker: BrokerKind
  what: 'kept' | 'unheard' | 'fan-out' | 'patterns'
  seconds: number
  subscribers: number
}

export interface BrokersReport {
  perSecond: number
  /** All that were acknowledged or heard, while it was warming up too. */
  total: number
}

const { port, broker, what, seconds, subscribers } = childInput<BrokersInput>()

const PAYLOAD = 'x'.repeat(64)
/**
 * Publications on their way that are not acknowledged yet, or messages that are not heard yet by
 * every subscriber.
 */
const WINDOW = 256
const STEP = 16
/**
 * One after the other, a thousand subscribers of mosquitto take minutes: it waits for delayed
 * acknowledgements.
 */
const OPENED_AT_ONCE = 50

const PROTOCOLS: Readonly<Record<BrokerKind, Protocol>> = {
  respite: resp('PUBLISH', PAYLOAD),
  redis: resp('XADD', PAYLOAD),
  nats,
  mosquitto: mqtt(PAYLOAD),
  rabbitmq: amqp,
}

const protocol = PROTOCOLS[broker]
const channel = { kept: 'kept.bench', unheard: 'nobody', 'fan-out': 'news', patterns: 'orders.0.created' }[what]
let acknowledged = 0
let heard = 0
let sent = 0
let go: () => void = () => {}
const counted = {
  acknowledged(count: number) {
    acknowledged += count
    go()
  },
  heard(count: number) {
    heard += count
    go()
  },
}

const connections: Connection[] = []
if (what === 'fan-out') {
  const subscribe = async (): Promise<Connection> => {
    const connection = await protocol.open(port, counted)
    await connection.subscribe(channel)
    return connection
  }
  while (connections.length < subscribers) {
    const count = Math.min(OPENED_AT_ONCE, subscribers - connections.length)
    connections.push(...(await Promise.all(Array.from({ length: count }, subscribe))))
  }
} else if (what === 'patterns') {
  // One hears; the others listen to channels without messages.
  const hearing = await protocol.open(port, counted)
  await hearing.subscribeByPatterns(['orders.*.created'])
  const others = await protocol.open(port, { acknowledged() {}, heard() {} })
  await others.subscribeByPatterns(Array.from({ length: subscribers }, (_, i) => `other.${i}.*.created`))
} else if (what === 'kept' && broker === 'mosquitto') {
  await leaveSession(port)
}

const isHeard = what === 'fan-out' || what === 'patterns'
const publisher = await protocol.open(port, {
  acknowledged: isHeard ? () => {} : counted.acknowledged,
  heard() {},
})
const each = what === 'fan-out' ? subscribers : 1
const done = (): number => (isHeard ? heard / each : acknowledged)
go = () => {
  while (sent - done() <= WINDOW - STEP) {
    sent += STEP
    if (what === 'unheard') publisher.publishUnheard(PAYLOAD, STEP)
    else publisher.publish(channel, PAYLOAD, STEP)
  }
}
go()
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
// The first work of a server includes compiling, or reading the disk.
await wait(seconds * 1000)
const before = done()
const startedAt = performance.now()
await wait(seconds * 1000)
const perSecond = ((done() - before) * each * 1000) / (performance.now() - startedAt)
reportAndExit({ perSecond, total: done() * each } satisfies BrokersReport)
