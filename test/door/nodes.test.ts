// Doors of the nodes of a cluster: on a log in etcd, and of several shards on JetStream.

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { freePorts } from '../../src/util/free-ports.ts'
import { DoorNode, leaderOf } from '../support/door-node.ts'
import {
  etcdMissing,
  type LogServers,
  natsLog,
  natsServerMissing,
  startEtcds,
  startNatsServers,
} from '../support/log-servers.ts'
import { eventually } from '../support/server.ts'

const RULES = '*kept.* keep 1h'

/** The data of the events of a stream, as they come. */
async function listen(door: string, query: string): Promise<string[]> {
  const texts: string[] = []
  const abort = new AbortController()
  onTestFinished(() => abort.abort())
  const { body, status } = await fetch(`${door}/v1/subscribe?${query}`, { signal: abort.signal })
  expect(status).toBe(200)
  void (async () => {
    for await (const chunk of body ?? [])
      for (const [, text = ''] of Buffer.from(chunk)
        .toString()
        .matchAll(/^data: (.*)$/gm))
        texts.push(text)
  })().catch(() => {})
  return texts
}

/** Asks a door, and follows no redirection. */
async function ask(door: string, path: string, init: RequestInit = {}): Promise<[number, string | null]> {
  const answer = await fetch(`${door}${path}`, { ...init, redirect: 'manual', signal: AbortSignal.timeout(20_000) })
  await answer.body?.cancel()
  return [answer.status, answer.headers.get('location')]
}

/** The same; a node may not know the others yet: it says so, or ends the connection when it hears of its leader. */
const askKnowing = (door: string, path: string, init?: RequestInit): Promise<[number, string | null]> =>
  eventually(async () => {
    const answered = await ask(door, path, init).catch(() => undefined)
    return answered?.[0] === 503 ? undefined : answered
  })

/** Opens doors at several addresses of this machine, all with one port. */
async function startNodes(configs: readonly Record<string, string>[]): Promise<DoorNode[]> {
  const [port = 0] = await freePorts(1)
  const nodes = configs.map((config, i) => new DoorNode(`127.0.0.${21 + i}`, port, { channel: RULES, ...config }))
  await Promise.all(nodes.map((node) => node.start()))
  return nodes
}

describe.skipIf(etcdMissing())('nodes on a log in etcd', () => {
  let etcd: LogServers

  beforeAll(async () => {
    etcd = await startEtcds()
  })
  afterAll(async () => {
    await etcd?.stop()
  })

  test('the door of each node hears what any other publishes; a follower sends publishers and resumed streams to the leader', async () => {
    const places = etcd.addresses.map((address) => address.replace('http://', '')).join(',')
    const config = { log: `etcd://${places}/door`, 'shard-name': 'door' }
    const nodes = await startNodes([config, config])
    const leader = await leaderOf(nodes)
    const follower = nodes.find((node) => node !== leader)?.door ?? ''
    for (const path of ['/v1/publish/free?a=b', '/v1/publish/kept.a'])
      expect(await askKnowing(follower, path, { method: 'POST', body: 'x' })).toEqual([307, `${leader.door}${path}`])
    // A node ends the streams that came before it knew its leader, so they begin now.
    const heard = [await listen(leader.door, 'channel=free'), await listen(follower, 'channel=free')]
    for (const [i, { door }] of nodes.entries())
      expect((await fetch(`${door}/v1/publish/free`, { method: 'POST', body: `from ${i}` })).status).toBe(200)
    await eventually(() => heard.every((texts) => texts.includes('from 0') && texts.includes('from 1')))
    // A stream that goes on somewhere is the leader's, too.
    const path = '/v1/subscribe?channel=kept.a&from=first&wait=0'
    expect(await ask(follower, path)).toEqual([307, `${leader.door}${path}`])
    expect((await fetch(`${follower}/v1/publish/kept.a`, { method: 'POST', body: 'kept' })).status).toBe(200)
    await leader.kill()
    const next = await leaderOf(nodes)
    expect(next.door).toBe(follower)
    const resumed = await listen(follower, 'channel=kept.a&from=first')
    await eventually(() => resumed.length === 1)
    expect(resumed).toEqual(['kept'])
  }, 120_000)
})

describe.skipIf(natsServerMissing())('nodes of two shards', () => {
  let nats: LogServers

  beforeAll(async () => {
    nats = await startNatsServers()
  })
  afterAll(async () => {
    await nats?.stop()
  })

  test('publishers and streams of a kept channel are sent to its shard; other channels are heard everywhere', async () => {
    const log = (stream: string): string => natsLog(nats, stream)
    const sharded = { 'cluster-enabled': 'yes' }
    const nodes = await startNodes([
      { ...sharded, 'shard-name': 'one', log: log('one') },
      { ...sharded, 'shard-name': 'two', log: log('two'), 'cluster-log': log('one') },
      { ...sharded, 'shard-name': 'one', log: log('one') },
    ])
    const [a, two, b] = nodes as [DoorNode, DoorNode, DoorNode]
    const one = await leaderOf([a, b])
    const follower = one === a ? b : a
    await leaderOf([two])
    await eventually(async () => ((await one.call('CLUSTER', 'SHARDS')) as unknown[] | null)?.length === 2, 'the map')
    const slot = (await one.call('CLUSTER', 'KEYSLOT', '{two}kept.b')) as number
    expect(await one.call('CLUSTER', 'MOVESLOTS', 'two', String(slot), String(slot))).toBe('OK')
    const publish = '/v1/publish/{two}kept.b'.replace('{', '%7B').replace('}', '%7D')
    const subscribe = '/v1/subscribe?channel=%7Btwo%7Dkept.b&from=first'
    const post = { method: 'POST', body: 'hello' }
    await eventually(async () => (await ask(one.door, `${subscribe}&wait=0`))[0] === 307, 'the slot has moved')
    for (const { door } of [one, follower]) {
      expect(await askKnowing(door, publish, post)).toEqual([307, `${two.door}${publish}`])
      expect(await ask(door, subscribe)).toEqual([307, `${two.door}${subscribe}`])
      expect(await ask(door, '/v1/subscribe?channel=%7Btwo%7Dkept.b')).toEqual([
        307,
        `${two.door}/v1/subscribe?channel=%7Btwo%7Dkept.b`,
      ])
      expect((await ask(door, `${subscribe}&channel=kept.a`))[0]).toBe(400)
      expect((await fetch(`${door}${publish}`, post)).status).toBe(200)
    }
    expect(await askKnowing(two.door, '/v1/publish/kept.a', post)).toEqual([307, `${one.door}/v1/publish/kept.a`])
    // A stream that follows a redirection hears what is kept, and what is published later.
    const kept = await listen(follower.door, 'channel=%7Btwo%7Dkept.b&from=first&channel=free')
    const free = await Promise.all(nodes.map(({ door }) => listen(door, 'channel=free&pattern=*kept.*')))
    await eventually(() => kept.length === 2)
    for (const [i, { door }] of nodes.entries())
      expect((await fetch(`${door}/v1/publish/free`, { method: 'POST', body: `from ${i}` })).status).toBe(200)
    expect((await fetch(`${one.door}${publish}`, { method: 'POST', body: 'late' })).status).toBe(200)
    const all = ['from 0', 'from 1', 'from 2', 'late']
    const messages = (texts: readonly string[]): string[] =>
      texts.map((text) => (JSON.parse(text) as { message: string }).message)
    await eventually(() => [kept, ...free].every((texts) => texts.length >= all.length), 'all is heard')
    expect(messages(kept).sort()).toEqual([...all, 'hello', 'hello'].sort())
    for (const texts of free) expect(messages(texts).sort()).toEqual(all)
  }, 120_000)
})
