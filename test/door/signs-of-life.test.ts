// Signs of life carry ids. A page goes on behind the last one, also at another node, whose clock may be
// behind and which has only what is in the log.

import { expect, onTestFinished, test } from 'vitest'
import { Door } from '../../src/door/door.ts'
import { FetchExchange } from '../../src/door/exchanges/fetch-exchange.ts'
import { Cluster, type ClusterNode } from '../replicated-log/cluster.ts'
import { TestClient } from '../support/engine.ts'

const SETTINGS = { channel: 'kept.* keep 1h other.* keep 1h', 'http-heartbeat': '1' } as const
const BEAT_MS = 1000
/** A message takes so long into the log and back, and the lease is longer. */
const SOON_MS = 20

/** A stream of the door of a node, as text. */
class Listener {
  text = ''
  readonly #abort = new AbortController()

  constructor(node: ClusterNode, query: string, lastId: string) {
    const request = new Request(`http://localhost/v1/subscribe?${query}`, {
      headers: lastId === '' ? {} : { 'Last-Event-ID': lastId },
      signal: this.#abort.signal,
    })
    const exchange = new FetchExchange(request, '/v1/subscribe', undefined)
    void new Door(node.engine).take(exchange)
    onTestFinished(() => this.#abort.abort())
    void exchange.response
      .then(async ({ body }) => {
        for await (const chunk of body ?? []) this.text += Buffer.from(chunk).toString()
      })
      .catch(() => {})
  }

  get lastId(): string {
    return [...this.text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? ''
  }

  get heard(): string[] {
    return [...this.text.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => data)
  }
}

async function open(settings: Record<string, string> = {}): Promise<{ cluster: Cluster; leader: ClusterNode }> {
  const cluster = new Cluster({ ...SETTINGS, appendfsync: 'everysec', ...settings })
  onTestFinished(() => cluster.stop())
  for (const name of ['a', 'b', 'c']) cluster.start(name)
  return { cluster, leader: await cluster.leader() }
}

test.each(['everysec', 'always'])(
  'with appendfsync %s they carry no id that the log may not have, so nothing is skipped after a failover to a clock that is behind',
  async (appendfsync) => {
    const { cluster, leader } = await open({ appendfsync })
    const clock = leader.clock
    clock.wallOffsetMs = 30_000
    const page = new Listener(leader, 'channel=kept.a', '')
    await cluster.pass(SOON_MS)
    await cluster.ask(leader, 'PUBLISH', 'kept.a', 'one')
    await cluster.pass(BEAT_MS - 3 * SOON_MS)
    expect(page.heard).toEqual(['one'])
    // From here on nothing that the leader sends reaches the log.
    leader.weather = { ...leader.weather, losesRequest: () => true }
    new TestClient(leader.engine, 2).ask('PUBLISH', 'other.b', 'lost')
    const before = page.text.length
    await cluster.pass(2 * SOON_MS)
    expect(page.text.length, 'a sign of life came meanwhile').toBeGreaterThan(before)
    cluster.kill(leader)
    const next = await cluster.leader()
    await cluster.ask(next, 'PUBLISH', 'kept.a', 'two')
    const back = new Listener(next, 'channel=kept.a', page.lastId)
    await cluster.pass(SOON_MS)
    expect(back.heard).toEqual(['two'])
  },
)

test('they carry the id of a message for others once the log has it', async () => {
  const { cluster, leader } = await open()
  const page = new Listener(leader, 'channel=kept.a', '')
  await cluster.pass(SOON_MS)
  await cluster.ask(leader, 'PUBLISH', 'other.b', 'not for this stream')
  await cluster.pass(2 * BEAT_MS)
  const history = await cluster.ask(leader, 'CHANNEL', 'HISTORY', 'other.b', '-', '+')
  expect(page.lastId).toMatch(/^\d+-\d+$/)
  expect(history).toContain(`\r\n${page.lastId}\r\n`)
})

test('a stream that begins while the log lacks the last message has an id a second later', async () => {
  const { cluster, leader } = await open({ 'http-heartbeat': '30' })
  new TestClient(leader.engine, 2).ask('PUBLISH', 'other.b', 'on its way')
  const page = new Listener(leader, 'channel=kept.a', '')
  const idle = new Listener(leader, 'channel=forgotten', '')
  await cluster.pass(0)
  expect(page.text).toContain('retry:')
  expect(page.lastId).toBe('')
  await cluster.pass(BEAT_MS + SOON_MS)
  const history = await cluster.ask(leader, 'CHANNEL', 'HISTORY', 'other.b', '-', '+')
  expect(history).toContain(`\r\n${page.lastId}\r\n`)
  const length = idle.text.length
  await cluster.pass(10 * BEAT_MS)
  expect(idle.text.length, 'a stream without ids beats as set').toBe(length)
  const { lastId } = page
  await cluster.ask(leader, 'PUBLISH', 'kept.a', 'one')
  const back = new Listener(leader, 'channel=kept.a', lastId)
  await cluster.pass(SOON_MS)
  expect(back.heard).toEqual(['one'])
})
