// The ids of kept messages where leaders have clocks of the day that differ by hours.

import { expect, onTestFinished, test } from 'vitest'
import { TestClient } from '../support/engine.ts'
import { Cluster, type ClusterNode } from './cluster.ts'

const HOUR_MS = 3_600_000

/** Connects a named subscriber of both channels, and returns the texts that it hears. */
async function heardBy(cluster: Cluster, { engine }: ClusterNode): Promise<string[]> {
  const client = new TestClient(engine, 3)
  let received = client.ask('CLIENT', 'SETNAME', 'billing') + client.ask('PSUBSCRIBE', 'kept:*')
  await cluster.pass(50)
  received += client.received()
  client.disconnect()
  await cluster.pass(20)
  return [...received.matchAll(/text-\d/g)].map(([text]) => text)
}

async function publish(cluster: Cluster, node: ClusterNode, channel: string, text: string): Promise<void> {
  expect(await cluster.ask(node, 'PUBLISH', channel, text)).toMatch(/^:/)
}

async function handOver(cluster: Cluster): Promise<ClusterNode> {
  const from = await cluster.leader()
  void from.node!.handOver()
  await cluster.pass(300)
  const to = await cluster.leader()
  expect(to).not.toBe(from)
  return to
}

test.each([17, 40])(
  'a subscriber by a pattern misses nothing that a leader with a clock %d hours behind has kept',
  async (hours) => {
    const cluster = new Cluster({ channel: 'kept:* keep forever', redeliver: '0' })
    onTestFinished(() => cluster.stop())
    cluster.start('a')
    cluster.start('b')
    const first = await cluster.leader()
    await cluster.pass(100)
    first.clock.wallOffsetMs = hours * HOUR_MS
    expect(await heardBy(cluster, first)).toEqual([])
    await publish(cluster, first, 'kept:1', 'text-1')
    await publish(cluster, first, 'kept:2', 'text-2')
    expect(await heardBy(cluster, first)).toEqual(['text-1', 'text-2'])
    const second = await handOver(cluster)
    await publish(cluster, second, 'kept:1', 'text-3')
    await publish(cluster, second, 'kept:3', 'text-4')
    expect(await handOver(cluster)).toBe(first)
    await publish(cluster, first, 'kept:1', 'text-5')
    expect(await heardBy(cluster, first)).toEqual(['text-3', 'text-4', 'text-5'])
  },
)
