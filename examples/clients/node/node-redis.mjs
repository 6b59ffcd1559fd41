// The eleven things with node-redis, Redis's own client for Node. THINGS names those to do.

import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { createClient, createCluster, createSentinel, WatchError } from 'redis'

const { env } = process
const url = `redis://${env.RESPITE_ADDRESS}`
const placeOf = (address) => ({ host: address.split(':')[0], port: Number(address.split(':')[1]) })

const redis = createClient({ url })
redis.on('error', (error) => console.error(error.message)) // It connects again by itself.
await redis.connect()

/** Waits until a condition holds. */
async function until(isTrue) {
  while (!(await isTrue())) await pause(5)
}

/** Subscribes to a channel and hands on its messages. */
async function listen(channel, hear) {
  const subscriber = await createClient({ url }).connect()
  await subscriber.subscribe(channel, hear)
  return subscriber
}

const things = {
  async channel() {
    const heard = []
    const subscriber = await listen('news', (message) => heard.push(message))
    await redis.publish('news', 'hello')
    await redis.publish('news', 'world')
    await until(() => heard.length === 2)
    subscriber.destroy()
    return heard.join(', ')
  },

  async name() {
    const seen = new Set()
    const billing = async () => {
      const subscriber = await createClient({ url, name: 'billing' }).connect()
      await subscriber.subscribe('orders.eu', (id) => seen.add(id)) // A message may come again: its id tells.
      return subscriber
    }
    const first = await billing()
    for (const id of ['1', '2']) await redis.publish('orders.eu', id)
    await until(() => seen.size === 2)
    first.destroy()
    const before = [...seen].join(' ')
    for (const id of ['3', '4']) await redis.publish('orders.eu', id)
    const second = await billing()
    await until(() => seen.size === 4)
    second.destroy()
    return `${before}, away, ${[...seen].slice(2).join(' ')}`
  },

  async group() {
    const heard = [[], []]
    const members = []
    for (const own of heard) members.push(await listen('$share/workers/jobs', (message) => own.push(message)))
    for (let i = 1; i <= 6; i++) await redis.publish('jobs', `${i}`)
    await until(() => heard.flat().length >= 6)
    for (const member of members) member.destroy()
    return `${heard.flat().sort().join(' ')}, by ${heard.every((own) => own.length > 0) ? 'both members' : 'one member'}`
  },

  async schedule() {
    const heard = []
    const subscriber = await listen('orders.later', (message) => heard.push(message))
    await redis.sendCommand(['PUBLISH', 'orders.later', 'later', 'IN', '500ms'])
    await redis.publish('orders.later', 'now')
    await redis.sendCommand(['PUBLISH', 'orders.later', 'once', 'ID', 'order-1'])
    await redis.sendCommand(['PUBLISH', 'orders.later', 'once', 'ID', 'order-1']) // Published already.
    await until(() => heard.includes('later'))
    subscriber.destroy()
    return heard.join(', ')
  },

  async queue() {
    await redis.rPush('queue', ['a', 'b', 'c'])
    const done = []
    while (true) {
      const job = await redis.blMove('queue', 'doing', 'LEFT', 'RIGHT', 0.1)
      if (job === null) break
      done.push(job)
      await redis.lRem('doing', 1, job)
    }
    return `${done.join(' ')}, then nothing, ${await redis.lLen('doing')} unfinished`
  },

  async stream() {
    await redis.xGroupCreate('log', 'readers', '0', { MKSTREAM: true })
    for (const text of ['one', 'two']) await redis.xAdd('log', '*', { text })
    const [{ messages }] = await redis.xReadGroup('readers', 'ada', { key: 'log', id: '>' }, { COUNT: 10 })
    await redis.xAck('log', 'readers', messages[0].id)
    const { pending } = await redis.xPending('log', 'readers')
    return `${messages.map(({ message }) => message.text).join(' ')}, ${pending} pending`
  },

  async transaction() {
    const other = await createClient({ url }).connect()
    await redis.set('balance', 10)
    let refused = 0
    while (true) {
      await redis.watch('balance')
      const balance = Number(await redis.get('balance'))
      if (refused === 0) await other.set('balance', 12)
      try {
        await redis
          .multi()
          .set('balance', balance + 3)
          .exec()
        break
      } catch (error) {
        if (!(error instanceof WatchError)) throw error
        refused++
      }
    }
    other.destroy()
    return `refused ${refused === 1 ? 'once' : `${refused} times`}, then ${await redis.get('balance')}`
  },

  async script() {
    const text = "return redis.call('INCRBY', KEYS[1], ARGV[1])"
    const first = await redis.eval(text, { keys: ['stock'], arguments: ['7'] })
    const second = await redis.evalSha(await redis.scriptLoad(text), { keys: ['stock'], arguments: ['5'] })
    return `${first}, then ${second} by its hash`
  },

  async tls() {
    const client = await createClient({
      socket: { ...placeOf(env.RESPITE_TLS_ADDRESS), tls: true, ca: readFileSync(env.RESPITE_TLS_CA) },
      username: env.RESPITE_USER,
      password: env.RESPITE_PASSWORD,
    }).connect()
    const own = await client.set('app:1', 'x')
    const others = await client.set('other', 'x').catch((error) => error.message.split(' ')[0])
    client.destroy()
    return `${own} in its keys, ${others} outside`
  },

  async failover() {
    const tag = `{${env.RESPITE_TAG}}`
    const channel = `orders.${env.RESPITE_TAG}`
    const client = createSentinel({
      name: env.RESPITE_SHARD,
      sentinelRootNodes: env.RESPITE_SENTINELS.split(',').map(placeOf),
    })
    client.on('error', () => {}) // Each attempt that fails.
    await client.connect()
    /** Tries until the broker has done it. An id makes it one message, however often it is sent. */
    const persist = async (...command) => {
      while (true) {
        try {
          return await client.sendCommand(false, command)
        } catch {
          await pause(20)
        }
      }
    }
    await persist('SET', `${tag}ready`, 'failover')
    let sent = 0
    for (let more = 10; more > 0; ) {
      await persist('PUBLISH', channel, 'order', 'ID', `${sent++}`)
      if ((await persist('GET', `${tag}go`)) === 'failover') more--
    }
    const kept = await persist('XLEN', `channel:{${channel}}`)
    client.destroy()
    return kept === sent ? 'every message is kept once' : `${kept} messages of ${sent} are kept`
  },

  async slots() {
    const tag = `{${env.RESPITE_TAG}}`
    const cluster = createCluster({
      rootNodes: env.RESPITE_NODES.split(',').map((place) => ({ url: `redis://${place}` })),
    })
    cluster.on('error', () => {})
    await cluster.connect()
    await cluster.set(`${tag}ready`, 'slots')
    let written = 0
    while ((await cluster.get(`${tag}go`)) !== 'slots') {
      await cluster.incr(`${tag}count`)
      written++
    }
    const count = (await cluster.incr(`${tag}count`)) - 1
    cluster.destroy()
    return count === written ? 'every write is there' : `${count} of ${written} writes are there`
  },
}

for (const thing of env.THINGS?.split(',') ?? Object.keys(things)) console.log(`${thing}: ${await things[thing]()}`)
redis.destroy()
