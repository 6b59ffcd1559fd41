// Servers as processes: killed, started again, and taken over from by others on one log. Pages come back
// by themselves, by all three ways, and hear each message once and in order; with a name, at least once. A
// publisher sends a message again, under its Idempotency-Key, until it is acknowledged.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePorts } from '../../src/util/free-ports.ts'
import { sleep } from '../../src/util/time/real-time.ts'
import { DoorNode, leaderOf } from '../support/door-node.ts'
import { type LogServers, natsLog, natsServerMissing, startNatsServers } from '../support/log-servers.ts'
import { Page } from '../support/page.ts'
import { eventually } from '../support/server.ts'

const RULES = 'kept.* keep 1h dedupe 1h other.* keep 1h dedupe 1h'
const CHANNELS = ['kept.a', 'kept.b', 'other.c']
const QUERY = 'channel=kept.a&channel=kept.b&pattern=other.*'

/** How a leader ends. Each death takes seconds, until the others know. */
const ENDS = (['handover', 'death', 'handover', 'death'] as const).slice(0, process.env.SOAK === '1' ? 4 : 2)

class Publisher {
  readonly published: string[] = []
  readonly #doors: readonly string[]

  constructor(doors: readonly string[]) {
    this.#doors = doors
  }

  /** Publishes the next message until a node says that it is there; its id, if that is told. */
  async publish(): Promise<string | null> {
    const text = `m${this.published.length}`
    const channel = CHANNELS[this.published.length % CHANNELS.length] ?? ''
    this.published.push(text)
    for (let i = 0; ; i++) {
      const door = this.#doors[i % this.#doors.length] ?? ''
      // fetch follows a follower's 307 to the leader's door, with the body.
      const answer = await fetch(`${door}/v1/publish/${channel}`, {
        method: 'POST',
        body: text,
        headers: { 'Idempotency-Key': text },
        signal: AbortSignal.timeout(5000),
      }).catch(() => undefined)
      if (answer?.ok === true) return ((await answer.json()) as { id: string | null }).id
      await answer?.body?.cancel()
      await sleep(20)
    }
  }
}

/** Pages of all ways, which go on behind an id. */
function openPages(last: string, doors: readonly string[]): Page[] {
  const ways = ['events', 'poll', 'socket'] as const
  return ways.flatMap((way) => [
    new Page(way, QUERY, last, () => doors),
    new Page(way, `${QUERY}&name=${way}`, last, () => doors),
  ])
}

/** An unnamed page hears each message once, in order; a named page hears each at least once. */
async function heardAll(pages: readonly Page[], { published }: Publisher): Promise<void> {
  const all = published.slice(1)
  // A name whose connection before is not gone yet shares its messages with that one. A message that was
  // lent to the broken connection comes again later, also behind the last one.
  const isThere = ({ name, texts }: Page): boolean =>
    name.includes('name=') ? new Set(texts).size >= all.length : texts.at(-1) === all.at(-1)
  const far = (): string =>
    pages.map(({ name, texts }) => `${name}: ${new Set(texts).size}, ${texts.at(-1)}`).join('; ')
  await eventually(() => pages.every(isThere), `the end of ${all.length}`, 60_000).catch((error) => {
    throw new Error(`${error}: ${far()}`)
  })
  for (const { gaps, name, texts } of pages) {
    expect(name.includes('name=') ? new Set(texts) : texts, name).toEqual(name.includes('name=') ? new Set(all) : all)
    expect(gaps).toEqual([])
  }
}

test('a server that is killed and started again goes on where each stream was', async () => {
  const [port = 0] = await freePorts(1)
  const node = new DoorNode('127.0.0.1', port, { appendonly: 'yes', channel: RULES })
  await node.start()
  const publisher = new Publisher([node.door])
  const pages = openPages((await publisher.publish()) ?? '', [node.door])
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 30; i++) {
      if (i % 7 === 0) pages[(round + i) % pages.length]?.cut()
      await publisher.publish()
    }
    if (round % 2 === 0) await heardAll(pages, publisher)
    const killed = node.kill()
    const late = publisher.publish()
    await killed
    await node.start()
    await late
  }
  await heardAll(pages, publisher)
  for (const page of pages) expect(page.connections).toBeGreaterThan(3)
})

describe.skipIf(natsServerMissing())('nodes on one log', () => {
  let nats: LogServers

  beforeAll(async () => {
    nats = await startNatsServers()
  })

  afterAll(async () => {
    await nats?.stop()
  })

  /** Nodes of one shard: their doors have one port, as docs/browsers.md wants it. */
  async function startNodes(stream: string, count: number): Promise<DoorNode[]> {
    const [port = 0] = await freePorts(1)
    const config = { channel: RULES, log: natsLog(nats, stream), 'shard-name': stream }
    const nodes = Array.from({ length: count }, (_, i) => new DoorNode(`127.0.0.${11 + i}`, port, config))
    await Promise.all(nodes.map((node) => node.start()))
    return nodes
  }

  test('streams go on at another node after a failover and after the death of the leader', async () => {
    const nodes = await startNodes('door-failover', 3)
    const doors = nodes.map(({ door }) => door)
    await leaderOf(nodes)
    const publisher = new Publisher(doors)
    const pages = openPages((await publisher.publish()) ?? '', doors)
    for (const end of ENDS) {
      for (let i = 0; i < 20; i++) {
        if (i % 5 === 0) pages[i % pages.length]?.cut()
        await publisher.publish()
      }
      const leader = await leaderOf(nodes)
      if (end === 'handover') {
        await leader.call('FAILOVER').catch(() => undefined)
        await publisher.publish()
      } else {
        await leader.kill()
        await publisher.publish()
        await leader.start()
      }
    }
    await heardAll(pages, publisher)
  }, 180_000)
})
