// A server that works without a rest takes no more memory as time goes by. An hour, or SOAK_MINUTES, of a bit of everything; only with SOAK=1.

import { expect, test } from 'vitest'
import { Random } from '../../src/util/numbers/random.ts'
import { residentBytes, startBesieged } from '../hostile/besieged-server.ts'
import { encode } from '../support/engine.ts'
import { seedOf } from '../support/seed.ts'
import { eventually, RawConnection, temporaryDirectory } from '../support/server.ts'

const SEED = seedOf('REST_SEED')
const MINUTES = Number(process.env.SOAK_MINUTES ?? 60)
/** Memory is looked at so often in all: what the first third of the looks saw does not count, the server was warming up. */
const LOOKS = 60
/** The last third of the time may take so much more than the second. */
const RATIO_MAX = 1.05
const CLIENTS = 20
const BATCH_COMMANDS = 200
const KEYS = 5000
/** A client goes and another comes after so many batches. */
const BATCHES_PER_CLIENT = 50

type Words = (string | number)[]

/** Commands of every kind, on keys of which there are only so many. */
function someCommand(random: Random): Words {
  const key = (kind: string): string => `${kind}:${random.below(KEYS)}`
  const value = (): string => 'v'.repeat(random.below(500))
  const choices: (() => Words)[] = [
    () => ['SET', key('string'), value()],
    () => ['SET', key('short'), value(), 'PX', 1 + random.below(5000)],
    () => ['GET', key('string')],
    () => ['DEL', key('string'), key('hash')],
    () => ['HSET', key('hash'), `f${random.below(200)}`, value()],
    () => ['HPEXPIRE', key('hash'), 1 + random.below(5000), 'FIELDS', 1, `f${random.below(200)}`],
    () => ['RPUSH', key('list'), value(), value()],
    () => ['LTRIM', key('list'), -20, -1],
    () => ['SADD', key('set'), random.below(100), value().slice(0, 20)],
    () => ['SPOP', key('set'), 3],
    () => ['ZADD', key('zset'), random.below(1000), `m${random.below(300)}`],
    () => ['ZREMRANGEBYRANK', key('zset'), 0, -200],
    () => ['XADD', key('stream'), 'MAXLEN', '~', 100, '*', 'field', value()],
    // Scripts are kept until SCRIPT FLUSH, as in Redis: there are only so many.
    () => ['EVAL', `return ${random.below(1000)}`, 0],
    () => ['PUBLISH', `channel:${random.below(50)}`, value()],
    () => ['SUBSCRIBE', `channel:${random.below(50)}`],
    () => ['UNSUBSCRIBE'],
    () => ['ACL', 'SETUSER', `user:${random.below(50)}`, 'reset', `~${key('string')}`],
    () => ['AUTH', `user:${random.below(50)}`, 'wrong'],
    () => ['CLIENT', 'TRACKING', 'on'],
    () => ['CONFIG', 'SET', 'slowlog-log-slower-than', random.below(10_000)],
    () => ['INFO'],
  ]
  return choices[random.below(choices.length)]!()
}

/** One client's life: batches, each of which is answered before the next. */
async function live(random: Random, path: string, untilMs: number): Promise<void> {
  const client = await RawConnection.open(path)
  client.send(encode(['HELLO', 3]))
  for (let batch = 0; batch < BATCHES_PER_CLIENT && performance.now() < untilMs; batch++) {
    const end = `end:${batch}:${random.uint32()}`
    const commands = Array.from({ length: BATCH_COMMANDS }, () => encode(someCommand(random)))
    client.send(commands.join('') + encode(['ECHO', end]))
    await eventually(() => client.received.includes(end) || client.ended || client.closed, 'the end of a batch', 60_000)
    if (client.ended || client.closed) return
    client.received = ''
  }
  client.socket.destroy()
}

test.runIf(process.env.SOAK !== undefined)(
  'a server that works without a rest takes no more memory as time goes by',
  async () => {
    const random = new Random(SEED)
    const server = await startBesieged(temporaryDirectory(), [
      ...['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru', '--auto-aof-rewrite-min-size', '16mb'],
      ...['--client-output-buffer-limit', 'pubsub 1mb 512kb 5'],
    ])
    const owner = await RawConnection.open(server.socketPath)
    const beganMs = performance.now()
    const endMs = beganMs + MINUTES * 60_000
    const lives = Array.from({ length: CLIENTS }, async () => {
      while (performance.now() < endMs) await live(random, server.socketPath, endMs)
    })
    const seen: number[] = []
    while (performance.now() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, (MINUTES * 60_000) / LOOKS))
      owner.send(encode(['MEMORY', 'PURGE']))
      await owner.takeLine()
      seen.push(residentBytes(server.child.pid!))
    }
    await Promise.all(lives)
    const third = Math.floor(seen.length / 3)
    const [second, last] = [Math.max(...seen.slice(third, 2 * third)), Math.max(...seen.slice(2 * third))]
    const told = `REST_SEED=${SEED} ${seen.map((bytes) => (bytes / 1024 ** 2).toFixed(0)).join(' ')} MiB`
    console.log(told)
    expect(last, told).toBeLessThan(second * RATIO_MAX)
  },
  (MINUTES + 10) * 60_000,
)
