// `log-max-lag`: a leader refuses writes while its log lacks a write that is older.

import { afterEach, describe, expect, test } from 'vitest'
import { TestClient } from '../support/engine.ts'
import { Cluster, type ClusterNode } from './cluster.ts'

const REFUSAL =
  '-NOREPLICAS The log lacks a write that is older than log-max-lag. Writes are refused until it has that write.\r\n'
/** Longer than the tests' leases, so that replies leave although no answer comes. */
const LONG = { leaseMs: 10_000, leaseMsMax: 10_000, heartbeatMs: 50, retryMs: 20 }

let cluster: Cluster
afterEach(() => cluster.stop())

/** A leader whose log answers, unless a test lets it be silent, and is asked for an outcome after a minute. */
async function leading(settings: ConstructorParameters<typeof Cluster>[0] = {}): Promise<ClusterNode> {
  cluster = new Cluster(
    { appendfsync: 'everysec', 'log-max-lag': '500ms', channel: 'kept:* keep forever', ...settings },
    { timing: LONG },
    { answerTimeoutMs: 60_000 },
  )
  cluster.start('a')
  for (let waited = 0; waited < 40; waited++) {
    await cluster.pass(1000)
    const [leader] = cluster.nodes
    if (leader?.node?.state === 'leading') return leader
  }
  throw new Error('no node leads')
}

/** The log accepts records, and its answers take this long. */
function slowLog(leader: ClusterNode, milliseconds: number): void {
  leader.weather = { ...leader.weather, delayMs: (what) => (what === 'reply' ? milliseconds : 1) }
}

const figure = (client: TestClient, name: string): number =>
  Number(new RegExp(`${name}:(\\d+)`).exec(client.ask('INFO', 'replication'))?.[1])

describe('while the log lacks a write that is older than log-max-lag', () => {
  test('writes are refused before anything changes, reads go on, and writes go on when the log has it', async () => {
    const leader = await leading()
    slowLog(leader, 2000)
    const client = new TestClient(leader.engine, 2)
    expect(client.ask('SET', 'k', 'v')).toBe('+OK\r\n')
    await cluster.pass(499)
    expect(client.ask('SET', 'k', 'w')).toBe('+OK\r\n')
    await cluster.pass(2)
    expect(client.ask('SET', 'k', 'x')).toBe(REFUSAL)
    expect(client.ask('RPUSH', 'list', 'x')).toBe(REFUSAL)
    expect(client.ask('GET', 'k')).toBe('$1\r\nw\r\n')
    expect(client.ask('EXISTS', 'list')).toBe(':0\r\n')
    expect(client.ask('INFO', 'replication')).toMatch(/log_lag_milliseconds:50\d\r\nlog_lag_bytes:[1-9]/)
    await cluster.pass(1510)
    // The first write is in the log. The second was younger than half a second when it was sent.
    slowLog(leader, 1)
    await cluster.pass(2010)
    expect(client.ask('SET', 'k', 'y')).toBe('+OK\r\n')
    await cluster.pass(100)
    expect(figure(client, 'log_lag_milliseconds')).toBe(0)
    expect(figure(client, 'log_lag_bytes')).toBe(0)
  })

  test('transactions, scripts and kept messages are refused, others are not', async () => {
    const leader = await leading()
    slowLog(leader, 5000)
    const client = new TestClient(leader.engine, 2)
    const queuing = new TestClient(leader.engine, 2)
    const reading = new TestClient(leader.engine, 2)
    client.ask('SET', 'k', 'v')
    queuing.ask('MULTI')
    queuing.ask('SET', 'k', 'w')
    reading.ask('MULTI')
    reading.ask('GET', 'k')
    await cluster.pass(510)
    const told = REFUSAL.slice(1)
    expect(queuing.ask('EXEC')).toBe(`-EXECABORT Transaction discarded because of: ${told}`)
    expect(reading.ask('EXEC')).toBe('*1\r\n$1\r\nv\r\n')
    client.ask('MULTI')
    expect(client.ask('SET', 'k', 'w')).toBe(REFUSAL)
    expect(client.ask('EXEC')).toBe('-EXECABORT Transaction discarded because of previous errors.\r\n')
    expect(client.ask('EVAL', "return redis.call('SET', KEYS[1], 'w')", '1', 'k')).toMatch(/^-NOREPLICAS The log lacks/)
    expect(client.ask('EVAL', "return redis.call('GET', KEYS[1])", '1', 'k')).toBe('$1\r\nv\r\n')
    expect(client.ask('EVAL', '#!lua\nreturn 1', '0')).toBe(REFUSAL)
    expect(client.ask('PUBLISH', 'kept:orders', 'm')).toBe(REFUSAL)
    expect(client.ask('PUBLISH', 'other', 'm')).toBe(':0\r\n')
    expect(client.ask('GET', 'k')).toBe('$1\r\nv\r\n')
  })

  test('a bound that is set, raised or removed counts at once', async () => {
    const leader = await leading({ 'log-max-lag': '0' })
    slowLog(leader, 5000)
    const client = new TestClient(leader.engine, 2)
    client.ask('SET', 'k', 'v')
    await cluster.pass(1000)
    expect(client.ask('SET', 'k', 'w')).toBe('+OK\r\n')
    client.ask('CONFIG', 'SET', 'log-max-lag', '1s')
    expect(client.ask('SET', 'k', 'x')).toBe(REFUSAL)
    expect(client.ask('CONFIG', 'SET', 'log-max-lag', '2s')).toBe('+OK\r\n')
    expect(client.ask('SET', 'k', 'y')).toBe('+OK\r\n')
    await cluster.pass(1001)
    expect(client.ask('SET', 'k', 'z')).toBe(REFUSAL)
    expect(client.ask('CONFIG', 'GET', 'log-max-lag')).toBe('*2\r\n$11\r\nlog-max-lag\r\n$2\r\n2s\r\n')
    client.ask('CONFIG', 'SET', 'log-max-lag', '0')
    expect(client.ask('SET', 'k', 'z')).toBe('+OK\r\n')
    expect(client.ask('CONFIG', 'SET', 'log-max-lag', 'soon')).toMatch(/argument must be a duration/)
  })
})

test('where every write waits for the log nothing is refused; a weaker rule is enough for a bound', async () => {
  const leader = await leading({ appendfsync: 'always' })
  slowLog(leader, 5000)
  const client = new TestClient(leader.engine, 2)
  client.ask('SET', 'k', 'v')
  await cluster.pass(1000)
  const other = new TestClient(leader.engine, 2)
  other.ask('SET', 'other', 'v')
  await cluster.pass(10_000)
  expect(other.received()).toBe('+OK\r\n')
  client.ask('CONFIG', 'SET', 'durability', 'cache:* everysec')
  client.ask('SET', 'cache:a', 'v')
  await cluster.pass(600)
  expect(other.ask('SET', 'other', 'w')).toBe(REFUSAL)
})
