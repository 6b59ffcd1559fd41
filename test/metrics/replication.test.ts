// Metrics of replication and of a log, /readyz of a replica, and the page that lists all metrics.

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { meaninglessMetrics } from '../../scripts/metrics-page.ts'
import { whyNotReady } from '../../src/metrics/readiness.ts'
import { Scrape } from '../../src/metrics/scrape.ts'
import type { TestEngine } from '../support/engine.ts'
import { FOLLOWING, LEADER, type Pretended, replicatingEngine } from './replicating-engine.ts'

async function linesOf({ engine }: TestEngine, pattern: RegExp): Promise<string[]> {
  const scrape = new Scrape(engine)
  const text = await scrape.text()
  scrape.stop()
  return text.split('\n').filter((line) => pattern.test(line) && !line.startsWith('#'))
}

describe('metrics of replication', () => {
  test('tell a replica’s link to its primary', async () => {
    const pretended: Pretended = { following: FOLLOWING }
    const engine = replicatingEngine(pretended)
    const link = '{master_host="10.0.0.1",master_port="6379"}'
    expect(await linesOf(engine, /master_host/)).toEqual([
      `redis_master_link_up${link} 1`,
      `redis_master_sync_in_progress${link} 0`,
      `redis_master_last_io_seconds_ago${link} 3`,
      `redis_slave_repl_offset${link} 100`,
      `respite_slave_unapplied_bytes${link} 5`,
      `respite_master_link_down_seconds${link} 0`,
      'redis_slave_info{master_host="10.0.0.1",master_port="6379",read_only="1"} 1',
    ])
    const sync = { totalBytes: 4096, receivedBytes: 1024 }
    pretended.following = { ...FOLLOWING, state: 'sync', linkUp: false, unlinkedSeconds: 12, sync }
    expect(await linesOf(engine, /_master_(link|sync|last)/)).toEqual([
      `redis_master_link_up${link} 0`,
      `redis_master_sync_in_progress${link} 1`,
      `redis_master_last_io_seconds_ago${link} -1`,
      `respite_master_link_down_seconds${link} 12`,
      `respite_master_sync_read_bytes${link} 1024`,
    ])
  })

  test('tell how far each replica is, in bytes and in seconds', async () => {
    const replica = { name: 'a', address: '10.0.0.2', port: 6380, state: 'online', offset: 90, lagSeconds: 4 } as const
    const engine = replicatingEngine({ replicas: [replica] })
    engine.engine.effects.history.offset = 100
    const labels = '{slave_ip="10.0.0.2",slave_port="6380",slave_state="online"}'
    expect(await linesOf(engine, /slave_ip|^redis_(connected_slaves|master_repl_offset)/)).toEqual([
      'redis_connected_slaves 1',
      'redis_master_repl_offset 100',
      `redis_connected_slave_offset_bytes${labels} 90`,
      `redis_connected_slave_lag_seconds${labels} 4`,
      `respite_connected_slave_lag_bytes${labels} 10`,
    ])
  })

  test('tell a node’s part in a log, its lease and its snapshots', async () => {
    const pretended: Pretended = { node: LEADER }
    const engine = replicatingEngine(pretended, { 'shard-name': 'orders' })
    expect(await linesOf(engine, /^respite_log_/)).toEqual([
      'respite_log_state{shard="orders",state="following"} 0',
      'respite_log_state{shard="orders",state="standing"} 0',
      'respite_log_state{shard="orders",state="leading"} 1',
      'respite_log_state{shard="orders",state="stopped"} 0',
      'respite_log_leader_info{shard="orders",leader="10.0.0.1:6379"} 1',
      'respite_log_epoch{shard="orders"} 7',
      'respite_log_position{shard="orders"} 51205',
      'respite_log_lease_left_seconds{shard="orders"} 1.5',
      'respite_log_records_in_flight{shard="orders"} 2',
      'respite_log_lag_seconds{shard="orders"} 0.25',
      'respite_log_lag_bytes{shard="orders"} 4096',
      'respite_log_failing{shard="orders"} 0',
      'respite_log_snapshot_made_position{shard="orders"} 50000',
      'respite_log_snapshot_verified_position{shard="orders"} 40000',
      'respite_log_truncated_position{shard="orders"} 30000',
    ])
    pretended.node = { ...LEADER, state: 'stopped', failure: 'a gap', following: FOLLOWING }
    expect(await linesOf(engine, /^respite_log_(lease|failing)/)).toEqual(['respite_log_failing{shard="orders"} 1'])
  })

  test('are absent where there is neither', async () => {
    expect(
      await linesOf(replicatingEngine({}), /^(respite_log|redis_cluster_s|redis_master_link|redis_slave_i)/),
    ).toEqual([])
  })
})

describe('/readyz', () => {
  test('fails when a replica’s link has been down for longer than its bound', () => {
    const pretended: Pretended = { following: { ...FOLLOWING, linkUp: false, unlinkedSeconds: 30 } }
    const { engine } = replicatingEngine(pretended)
    expect(whyNotReady(engine)).toBeUndefined()
    pretended.following = { ...FOLLOWING, linkUp: false, unlinkedSeconds: 31 }
    expect(whyNotReady(engine)).toBe('the link to the primary 10.0.0.1:6379 has been down for 31 s')
    engine.config.set('readyz-max-link-down', '0')
    expect(whyNotReady(engine)).toBeUndefined()
    engine.config.set('readyz-max-link-down', '10')
    pretended.following = { ...FOLLOWING, host: '', linkUp: false, unlinkedSeconds: 11 }
    expect(whyNotReady(engine)).toBe('the link to the leader has been down for 11 s')
  })

  test('fails at once on a node that has left its log', () => {
    const { engine } = replicatingEngine({ node: { ...LEADER, state: 'stopped', failure: 'there is a gap' } })
    expect(whyNotReady(engine)).toBe('this node has stopped: there is a gap')
  })
})

describe('docs/metrics.md', () => {
  const page = readFileSync('docs/metrics.md', 'utf8')

  test('names no metric both as served and as meaningless', () => {
    const served = new Set([...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name))
    expect(served.size).toBeGreaterThan(180)
    expect(meaninglessMetrics().filter((name) => served.has(name))).toEqual([])
    expect(new Set(meaninglessMetrics()).size).toBe(meaninglessMetrics().length)
  })
})
