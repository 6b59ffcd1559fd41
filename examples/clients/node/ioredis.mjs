// The eleven things with ioredis, the client of most Node programs. THINGS names those to do.

import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { Cluster, Redis } from 'ioredis'

const { env } = process
const placeOf = (address) => ({ host: address.split(':')[0], port: Number(address.split(':')[1]) })
const place = placeOf(env.RESPITE_ADDRESS)

// docs: connect
const redis = new Redis({ ...place, lazyConnect: true })
redis.on('error', (error) => console.error(error.message)) // It connects again by itself.
await redis.connect()
// docs: end

/** Waits until a condition holds. */
async function until(isTrue) {
  while (!(await isTrue())) await pause(5)
}

/** Subscribes to a channel, by name if one is given, and hands on its messages. */
async function listen(channel, hear, name) {
  const subscriber = new Redis({ ...place, connectionName: name })
  subscriber.on('message', (_, message) => hear(message))
  await subscriber.subscribe(channel)
  return subscriber
}

const things = {
  async channel() {
    const heard = []
    const subscriber = await listen('news', (message) => heard.push(message))
    // docs: publish
    await redis.publish('news', 'hello')
    await redis.publish('news', 'world')
    // docs: end
    await until(() => heard.length === 2)
    subscriber.disconnect()
    return heard.join(', ')
  },

  async name() {
    // docs: name
    const seen = new Set()
    const billing = async () => {
      const subscriber = new Redis({ ...place, connectionName: 'billing' })
      subscriber.on('message', (_, id) => seen.add(id)) // A message may come again: its id tells.
      await subscriber.subscribe('orders.eu')
      return subscriber
    }
    // docs: end
    const first = await billing()
    for (const id of ['1', '2']) await redis.publish('orders.eu', id)
    await until(() => seen.size === 2)
    first.disconnect()
    const before = [...seen].join(' ')
    for (const id of ['3', '4']) await redis.publish('orders.eu', id)
    const second = await billing()
    await until(() => seen.size === 4)
    second.disconnect()
    return `${before}, away, ${[...seen].slice(2).join(' ')}`
  },

  async group() {
    const heard = [[], []]
    const members = []
    for (const own of heard) members.push(await listen('$share/workers/jobs', (message) => own.push(message)))
    for (let i = 1; i <= 6; i++) await redis.publish('jobs', i)
    await until(() => heard.flat().length >= 6)
    for (const member of members) member.disconnect()
    return `${heard.flat().sort().join(' ')}, by ${heard.every((own) => own.length > 0) ? 'both members' : 'one member'}`
  },

  async schedule() {
    const heard = []
    const subscriber = await listen('orders.later', (message) => heard.push(message))
    await redis.call('PUBLISH', 'orders.later', 'later', 'IN', '500ms')
    await redis.publish('orders.later', 'now')
    await redis.call('PUBLISH', 'orders.later', 'once', 'ID', 'order-1')
    await redis.call('PUBLISH', 'orders.later', 'once', 'ID', 'order-1') // Published already.
    await until(() => heard.includes('later'))
    subscriber.disconnect()
    return heard.join(', ')
  },

  async queue() {
    await redis.rpush('queue', 'a', 'b', 'c')
    const done = []
    while (true) {
      const job = await redis.blmove('queue', 'doing', 'LEFT', 'RIGHT', 0.1)
      if (job === null) break
      done.push(job)
      await redis.lrem('doing', 1, job)
    }
    return `${done.join(' ')}, then nothing, ${await redis.llen('doing')} unfinished`
  },

  async stream() {
    await redis.xgroup('CREATE', 'log', 'readers', '0', 'MKSTREAM')
    for (const text of ['one', 'two']) await redis.xadd('log', '*', 'text', text)
    const [[, entries]] = await redis.xreadgroup('GROUP', 'readers', 'ada', 'COUNT', 10, 'STREAMS', 'log', '>')
    await redis.xack('log', 'readers', entries[0][0])
    const [pending] = await redis.xpending('log', 'readers')
    return `${entries.map(([, fields]) => fields[1]).join(' ')}, ${pending} pending`
  },

  async transaction() {
    const other = new Redis(place)
    await redis.set('balance', 10)
    let refused = 0
    while (true) {
      await redis.watch('balance')
      const balance = Number(await redis.get('balance'))
      if (refused === 0) await other.set('balance', 12)
      const done = await redis
        .multi()
        .set('balance', balance + 3)
        .exec()
      if (done !== null) break
      refused++
    }
    other.disconnect()
    return `refused ${refused === 1 ? 'once' : `${refused} times`}, then ${await redis.get('balance')}`
  },

  async script() {
    const text = "return redis.call('INCRBY', KEYS[1], ARGV[1])"
    const first = await redis.eval(text, 1, 'stock', 7)
    const second = await redis.evalsha(await redis.script('LOAD', text), 1, 'stock', 5)
    return `${first}, then ${second} by its hash`
  },

  async tls() {
    const client = new Redis({
      ...placeOf(env.RESPITE_TLS_ADDRESS),
      username: env.RESPITE_USER,
      password: env.RESPITE_PASSWORD,
      tls: { ca: readFileSync(env.RESPITE_TLS_CA) },
    })
    const own = await client.set('app:1', 'x')
    const others = await client.set('other', 'x').catch((error) => error.message.split(' ')[0])
    client.disconnect()
    return `${own} in its keys, ${others} outside`
  },

  async failover() {
    const tag = `{${env.RESPITE_TAG}}`
    const channel = `orders.${env.RESPITE_TAG}`
    // docs: failover
    const sentinels = env.RESPITE_SENTINELS.split(',').map(placeOf)
    const client = new Redis({ sentinels, name: env.RESPITE_SHARD })
    client.on('error', () => {}) // Each attempt that fails.
    const persist = async (...command) => {
      while (true) {
        try {
          return await client.call(...command)
        } catch {
          await pause(20) // There is no leader yet.
        }
      }
    }
    const publish = (text, id) => persist('PUBLISH', channel, text, 'ID', id)
    // docs: end
    await persist('SET', `${tag}ready`, 'failover')
    let sent = 0
    for (let more = 10; more > 0; ) {
      await publish('order', `${sent++}`)
      if ((await persist('GET', `${tag}go`)) === 'failover') more--
    }
    const kept = await persist('XLEN', `channel:{${channel}}`)
    client.disconnect()
    return kept === sent ? 'every message is kept once' : `${kept} messages of ${sent} are kept`
  },

  async slots() {
    const tag = `{${env.RESPITE_TAG}}`
    const cluster = new Cluster(env.RESPITE_NODES.split(',').map(placeOf))
    cluster.on('error', () => {})
    await cluster.set(`${tag}ready`, 'slots')
    let written = 0
    while ((await cluster.get(`${tag}go`)) !== 'slots') {
      await cluster.incr(`${tag}count`)
      written++
    }
    const count = Number(await cluster.incr(`${tag}count`)) - 1
    cluster.disconnect()
    return count === written ? 'every write is there' : `${count} of ${written} writes are there`
  },
}

for (const thing of env.THINGS?.split(',') ?? Object.keys(things)) console.log(`${thing}: ${await things[thing]()}`)
redis.disconnect()
