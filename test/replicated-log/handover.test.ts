// The effects of a change of the leader on clients: on their writes, their messages, and their
// existing connections.

import { afterEach, describe, expect, test } from 'vitest'
import { MOVING_SECONDS } from '../../src/engine/clients/maintenance.ts'
import { decodeRecord } from '../../src/replicated-log/record.ts'
import { silenceOf, TIMING } from '../../src/replicated-log/timing.ts'
import { TestClient } from '../support/engine.ts'
import { Cluster, type ClusterNode, QUICK } from './cluster.ts'

const READONLY = "-READONLY You can't write against a read only replica.\r\n"
const KEPT = { channel: 'kept.* keep forever' }
const PUBLISH = "return redis.call('PUBLISH', KEYS[1], ARGV[1])"
const SPUBLISH = "return redis.call('SPUBLISH', KEYS[1], ARGV[1])"

let cluster: Cluster
afterEach(() => cluster.stop())

async function three(...options: ConstructorParameters<typeof Cluster>): Promise<ClusterNode> {
  cluster = new Cluster(...options)
  for (const name of ['a', 'b', 'c']) cluster.start(name)
  const leader = await cluster.leader()
  await cluster.pass(20)
  return leader
}

describe('a message that a rule keeps', () => {
  test.each([
    [['PUBLISH', 'kept.a', 'm'], READONLY],
    [['SPUBLISH', 'kept.a', 'm'], READONLY],
    [['PUBLISH', 'other', 'm'], ':0\r\n'],
    [['PUBLISH', 'other', 'm', 'IN', '1'], READONLY],
  ])('is refused by a follower: %j', async (words, reply) => {
    await three(KEPT)
    expect(await cluster.ask(cluster.followers()[0]!, ...words)).toBe(reply)
  })

  test.each([PUBLISH, SPUBLISH])('is refused by a follower in a script: %s', async (script) => {
    await three(KEPT)
    const [follower] = cluster.followers()
    expect(await cluster.ask(follower!, 'EVAL', script, '1', 'kept.a', 'm')).toMatch(/^-READONLY/)
    expect(await cluster.ask(follower!, 'EVAL', script, '1', 'other', 'm')).toBe(':0\r\n')
  })

  test('is refused by a follower in a transaction, also when the rule was set after it was queued', async () => {
    await three()
    const [follower] = cluster.followers()
    const client = new TestClient(follower!.engine, 2)
    client.ask('MULTI')
    expect(client.ask('PUBLISH', 'kept.a', 'm')).toBe('+QUEUED\r\n')
    follower!.engine.config.set('channel', 'kept.* keep forever')
    expect(client.ask('EXEC')).toBe(
      "-EXECABORT Transaction discarded because of: READONLY You can't write against a read only replica.\r\n",
    )
  })

  test('is kept once at every node when it is published at the leader', async () => {
    const leader = await three(KEPT)
    expect(await cluster.ask(leader, 'PUBLISH', 'kept.a', 'm')).toBe(':0\r\n')
    for (const { engine } of cluster.nodes)
      expect(new TestClient(engine, 2).ask('XLEN', 'channel:{kept.a}')).toBe(':1\r\n')
  })

  test.each([
    [['PUBLISH', 'kept.a', 'm']],
    [['SPUBLISH', 'kept.a', 'm']],
    [['EVAL', PUBLISH, '1', 'kept.a', 'm']],
    [['PUBLISH', 'other', 'm']],
  ])('is not run by a node that has handed over meanwhile: %j', async (words) => {
    const leader = await three(KEPT)
    cluster.isReachable = false
    const publisher = new TestClient(leader.engine, 2)
    void leader.node!.handOver()
    expect(publisher.ask(...words)).toBe('')
    await cluster.pass(20)
    expect(publisher.received()).toBe(READONLY)
    expect(publisher.closed).toBe('flushed')
  })

  test('is not published by EXEC at a node that has handed over meanwhile', async () => {
    const leader = await three(KEPT)
    const publisher = new TestClient(leader.engine, 2)
    publisher.ask('MULTI')
    publisher.ask('PUBLISH', 'kept.a', 'm')
    cluster.isReachable = false
    void leader.node!.handOver()
    expect(publisher.ask('EXEC')).toBe('')
    await cluster.pass(20)
    expect(publisher.received()).toMatch(/^-EXECABORT .*READONLY/)
    expect(publisher.closed).toBe('flushed')
  })
})

describe('a node that is alone on its log', () => {
  const LONGEST = { timing: { ...QUICK, leaseMsMax: 10 * QUICK.leaseMs } }

  /** Passes the time until a condition holds; returns how many milliseconds that took. */
  async function passUntil(holds: () => boolean): Promise<number> {
    let ms = 0
    for (; !holds(); ms++) await cluster.pass(1)
    return ms
  }

  async function alone(): Promise<ClusterNode> {
    cluster = new Cluster({}, LONGEST)
    cluster.start('a')
    const leader = await cluster.leader()
    await cluster.ask(leader, 'SET', 'k', 'v')
    return leader
  }

  async function leadsAgain({ name, disk }: ClusterNode): Promise<number> {
    const again = cluster.start(name, disk)
    const ms = await passUntil(() => again.node?.state === 'leading')
    expect(new TestClient(again.engine, 2).ask('GET', 'k')).toBe('$1\r\nv\r\n')
    return ms
  }

  test('ends and leads again at once: it has handed over, and no client waits for a next leader', async () => {
    const leader = await alone()
    let isClosed = false
    void leader.node!.close().then(() => {
      isClosed = true
    })
    expect(await passUntil(() => isClosed)).toBeLessThan(QUICK.leaseMs)
    cluster.nodes.splice(0)
    expect(await leadsAgain(leader)).toBeLessThan(QUICK.leaseMs)
  })

  test('leads again after its own lease when it was killed, and never before', async () => {
    const leader = await alone()
    cluster.kill(leader)
    const ms = await leadsAgain(leader)
    expect(ms).toBeGreaterThanOrEqual(silenceOf(QUICK.leaseMs))
    expect(ms).toBeLessThan(2 * silenceOf(QUICK.leaseMs))
  })
})

describe('a connection that was opened while no leader was known', () => {
  async function restarted(settings = {}): Promise<{ former: ClusterNode; early: TestClient }> {
    const leader = await three(settings)
    cluster.kill(leader)
    const former = cluster.start(leader.name, leader.disk)
    while (former.node === undefined) await cluster.pass(1)
    expect(former.node.leader).toBeUndefined()
    const early = new TestClient(former.engine, 2)
    expect(await newLeader(former)).not.toBe(former)
    await cluster.pass(20)
    return { former, early }
  }

  test('ends when another node leads, at the former leader that was started again', async () => {
    const { early, former } = await restarted()
    expect(early.closed).toBe('flushed')
    expect(new TestClient(former.engine, 2).ask('SET', 'k', 'v')).toBe(READONLY)
  })

  test('stays when another node leads, in a cluster: MOVED tells', async () => {
    const { early } = await restarted({ 'cluster-enabled': 'yes' })
    expect(early.closed).toBeUndefined()
  })

  test('does not concern one that comes later', async () => {
    const { former } = await restarted()
    const late = new TestClient(former.engine, 2)
    const leader = await cluster.leader()
    const third = cluster.followers().find((node) => node !== former)!
    void leader.node!.handOver(third.name)
    expect(await newLeader(leader)).toBe(third)
    await cluster.pass(20)
    expect(former.node!.leader?.node).toBe(third.name)
    expect(late.closed).toBeUndefined()
  })
})

describe('a connection that was opened to a leader', () => {
  test.each(['a planned handover', 'a standstill', 'a cut from the log'])(
    'gets no outdated reply after %s',
    async (why) => {
      const leader = await three()
      await cluster.ask(leader, 'SET', 'k', 'old')
      const resting = new TestClient(leader.engine, 2)
      if (why === 'a planned handover') void leader.node!.handOver()
      else if (why === 'a standstill') leader.clock.pause()
      else leader.weather = { ...leader.weather, losesRequest: () => true, losesReply: () => true, delayMs: () => 1000 }
      const next = await newLeader(leader)
      const writer = new TestClient(next.engine, 2)
      writer.ask('SET', 'k', 'new')
      await cluster.pass(4)
      expect(writer.received()).toBe('+OK\r\n')
      leader.clock.resume()
      leader.weather = { ...leader.weather, losesRequest: () => false, losesReply: () => false, delayMs: () => 1 }
      // It sends its first request when its node has noticed the loss of the lead.
      while (leader.node!.state === 'leading') await cluster.pass(1)
      expect(resting.ask('GET', 'k')).not.toContain('old')
      expect(resting.closed).toBe('flushed')
    },
  )

  test('runs nothing behind a write that waited for the handover, if the next leader cannot be reached', async () => {
    const leader = await three()
    cluster.isReachable = false
    await cluster.ask(leader, 'SET', 'k', 'old')
    const client = new TestClient(leader.engine, 2)
    void leader.node!.handOver()
    client.sendRaw('*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\nnew\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n')
    await cluster.pass(20)
    expect(client.received()).toBe(READONLY)
    expect(client.closed).toBe('flushed')
  })

  test('leaves no change in the data of a node that stops leading: only leaders write positions of subscribers', async () => {
    const leader = await three({ ...KEPT, redeliver: '0' })
    const subscriber = new TestClient(leader.engine, 3)
    subscriber.ask('CLIENT', 'SETNAME', 'billing')
    subscriber.ask('SUBSCRIBE', 'kept.a')
    for (let i = 0; i < 3; i++) await cluster.ask(leader, 'PUBLISH', 'kept.a', String(i))
    expect(subscriber.received()).toContain('$1\r\n2\r\n')
    leader.clock.pause()
    await newLeader(leader)
    // It has an unsent reply when the lead is lost.
    expect(subscriber.ask('GET', 'k')).toBe('')
    leader.clock.resume()
    await cluster.pass(50)
    expect(subscriber.closed).toBe('now')
    const places = cluster.nodes.map(({ engine }) =>
      new TestClient(engine, 2).ask('HGETALL', 'places:channel:{kept.a}'),
    )
    expect(places[0]).toContain('billing')
    expect(new Set(places).size).toBe(1)
  })

  test('is unblocked with an error', async () => {
    const leader = await three()
    const waiting = new TestClient(leader.engine, 2)
    expect(waiting.ask('BLPOP', 'list', '0')).toBe('')
    void leader.node!.handOver()
    await cluster.pass(20)
    expect(waiting.received()).toBe(
      '-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n',
    )
    expect(waiting.closed).toBe('flushed')
  })

  test('gets no outdated reply from a node whose machine was suspended with its monotonic clock', async () => {
    const leader = await three()
    await cluster.ask(leader, 'SET', 'k', 'old')
    const resting = new TestClient(leader.engine, 2)
    leader.clock.suspend()
    const next = await newLeader(leader)
    expect(await cluster.ask(next, 'SET', 'k', 'new')).toBe('+OK\r\n')
    leader.clock.resume()
    expect(resting.ask('GET', 'k')).toBe('')
    await cluster.pass(100)
    expect(resting.received()).toBe('')
    expect(resting.closed).toBe('now')
  })

  test.each([3_600_000, -3_600_000])(
    'gets its reply a little later when the wall clock was set by %d ms',
    async (ms) => {
      const leader = await three()
      await cluster.ask(leader, 'SET', 'k', 'v')
      const client = new TestClient(leader.engine, 2)
      leader.clock.wallOffsetMs += ms
      expect(client.ask('GET', 'k')).toBe('')
      await cluster.pass(5)
      expect(client.received()).toBe('$1\r\nv\r\n')
      expect(client.ask('GET', 'k')).toBe('$1\r\nv\r\n')
      expect(leader.node!.state).toBe('leading')
    },
  )
})

describe('a client that is told of maintenance', () => {
  const LISTEN = ['CLIENT', 'MAINT_NOTIFICATIONS', 'ON', 'moving-endpoint-type', 'internal-ip']
  const OVER = />3\r\n\$11\r\nFAILED_OVER\r\n:\d+\r\n\$5\r\n\["1"\]\r\n$/

  test.each([
    ['to a named node', true],
    ['to any node', false],
  ])('hears of a handover %s before it, then the address of the next leader, and is closed', async (_, isNamed) => {
    const leader = await three()
    const client = new TestClient(leader.engine, 3)
    expect(client.ask(...LISTEN)).toBe('+OK\r\n')
    void leader.node!.handOver(isNamed ? cluster.followers()[0]!.name : '')
    expect(client.received()).toMatch(/^>4\r\n\$12\r\nFAILING_OVER\r\n:\d+\r\n:5\r\n\$5\r\n\[.1.\]\r\n$/)
    const next = await newLeader(leader)
    await cluster.pass(50)
    expect(client.closed).toBeUndefined()
    const place = `${next.name}:6379`
    const heard = client.received()
    expect(heard).toMatch(
      new RegExp(`^>4\\r\\n\\$6\\r\\nMOVING\\r\\n:\\d+\\r\\n:1\\r\\n\\$${place.length}\\r\\n${place}\\r\\n`),
    )
    await cluster.pass(2000)
    expect(client.closed).toBe('flushed')
  })

  test('forgets the address of MOVING before a node can take over from that leader: it may be a follower then', () => {
    expect(MOVING_SECONDS * 1000).toBeLessThan(silenceOf(TIMING.leaseMs))
  })

  test('hears the address of the leader once when it writes at a follower, and not when it reads there', async () => {
    const leader = await three()
    const [follower] = cluster.followers()
    const client = new TestClient(follower!.engine, 3)
    client.ask(...LISTEN)
    expect(client.ask('GET', 'k')).toBe('_\r\n')
    const place = `${leader.name}:6379`
    const moving = new RegExp(
      `^>4\\r\\n\\$6\\r\\nMOVING\\r\\n:\\d+\\r\\n:1\\r\\n\\$${place.length}\\r\\n${place}\\r\\n-READONLY`,
    )
    expect(client.ask('SET', 'k', 'v')).toMatch(moving)
    expect(client.ask('SET', 'k', 'v')).toBe(READONLY)
    const resting = new TestClient(follower!.engine, 3)
    expect(resting.ask('SET', 'k', 'v')).toBe(READONLY)
  })

  test('gets null for an address when it asked for none', async () => {
    const leader = await three()
    const client = new TestClient(leader.engine, 3)
    client.ask('CLIENT', 'MAINT_NOTIFICATIONS', 'ON', 'moving-endpoint-type', 'none')
    void leader.node!.handOver()
    await newLeader(leader)
    await cluster.pass(50)
    expect(client.received()).toMatch(/MOVING\r\n:\d+\r\n:1\r\n_\r\n/)
  })

  test('gets no reply from the old leader before the next one is known', async () => {
    const leader = await three()
    await cluster.ask(leader, 'SET', 'k', 'old')
    const client = new TestClient(leader.engine, 3)
    client.ask(...LISTEN)
    void leader.node!.handOver()
    while (leader.node!.state === 'leading') await cluster.pass(1)
    expect(client.closed).toBeUndefined()
    expect(client.ask('GET', 'k')).toMatch(/^>4\r\n\$12\r\nFAILING_OVER\r\n:\d+\r\n:5\r\n\$5\r\n\[.1.\]\r\n$/)
    await newLeader(leader)
    await cluster.pass(50)
    const heard = client.received()
    expect(heard).toMatch(/^>4\r\n\$6\r\nMOVING[\s\S]*FAILED_OVER\r\n:\d+\r\n\$5\r\n\["1"\]\r\n\$3\r\nold\r\n$/)
    expect(client.closed).toBeUndefined()
  })

  test('is closed within a second or so when there is no next leader', async () => {
    const leader = await three()
    const client = new TestClient(leader.engine, 3)
    client.ask(...LISTEN)
    for (const follower of cluster.followers()) cluster.kill(follower)
    void leader.node!.handOver('gone')
    await cluster.pass(2000)
    const heard = client.received()
    if (client.closed === undefined) expect(heard).toMatch(OVER)
    else expect(client.closed).toBe('flushed')
    expect(leader.engine.conditions.pause.active).toBe(false)
  })
})

describe('a request that meets a planned handover', () => {
  const LISTEN = ['CLIENT', 'MAINT_NOTIFICATIONS', 'ON']

  /** Asks, and hands over at the same moment; returns the reply. */
  async function replyOf(client: TestClient, leader: ClusterNode, words: string[]): Promise<string> {
    void leader.node!.handOver()
    const atOnce = client.ask(...words)
    await newLeader(leader)
    await cluster.pass(60)
    return atOnce + client.received()
  }

  test.each([
    [['SET', 'k', 'v'], '+OK\r\n'],
    [['INCR', 'n'], ':8\r\n'],
    [['EVAL', "return redis.call('INCR', KEYS[1])", '1', 'n'], ':8\r\n'],
    [['LPUSH', 'list', 'x'.repeat(100_000)], ':1\r\n'],
  ])('is done once, by the next leader: %#', async (words, reply) => {
    const leader = await three()
    await cluster.ask(leader, 'SET', 'n', '7')
    const client = new TestClient(leader.engine, 2)
    expect(await replyOf(client, leader, words)).toBe(reply)
    expect(client.closed).toBe('flushed')
    await cluster.pass(20)
    for (const { engine } of cluster.nodes) {
      const reader = new TestClient(engine, 2)
      expect(reader.ask('GET', 'n')).toBe(words[0] === 'INCR' || words[0] === 'EVAL' ? '$1\r\n8\r\n' : '$1\r\n7\r\n')
      expect(reader.ask('LLEN', 'list')).toBe(words[0] === 'LPUSH' ? ':1\r\n' : ':0\r\n')
    }
  })

  test('keeps its order with those behind it, and reads what the next leader has', async () => {
    const leader = await three()
    await cluster.ask(leader, 'SET', 'k', 'old')
    const client = new TestClient(leader.engine, 2)
    void leader.node!.handOver()
    client.sendRaw('*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\nnew\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\nPING\r\nBAD\r\nGET k\r\n')
    await newLeader(leader)
    await cluster.pass(60)
    const unknown = "-ERR unknown command 'BAD', with args beginning with: \r\n"
    expect(client.received()).toBe(`+OK\r\n$3\r\nnew\r\n+PONG\r\n${unknown}$3\r\nnew\r\n`)
    expect(client.closed).toBe('flushed')
  })

  test('runs in the database, as the user and in the protocol of its connection', async () => {
    const leader = await three()
    for (const { engine } of cluster.nodes)
      new TestClient(engine, 2).ask('ACL', 'SETUSER', 'alice', 'on', '>p', '+@all', '-flushall', '~a:*')
    const client = new TestClient(leader.engine, 2)
    client.ask('HELLO', '3', 'AUTH', 'alice', 'p', 'SETNAME', 'till')
    client.ask('SELECT', '3')
    expect(await replyOf(client, leader, ['HSET', 'a:h', 'f', 'v'])).toBe(':1\r\n')
    const next = await cluster.leader()
    const reader = new TestClient(next.engine, 2)
    reader.ask('SELECT', '3')
    expect(reader.ask('HGET', 'a:h', 'f')).toBe('$1\r\nv\r\n')
  })

  test('is done as a whole when it ends a transaction that was queued before', async () => {
    const leader = await three()
    const client = new TestClient(leader.engine, 2)
    client.ask('MULTI')
    client.ask('SET', 'k', 'v')
    client.ask('INCR', 'n')
    expect(await replyOf(client, leader, ['EXEC'])).toBe('*2\r\n+OK\r\n:1\r\n')
    expect(client.closed).toBe('flushed')
  })

  test('is waited for by a stop that follows the handover', async () => {
    const leader = await three()
    const client = new TestClient(leader.engine, 3)
    client.ask(...LISTEN)
    expect(await replyOf(client, leader, ['INCR', 'n'])).toMatch(/:1\r\n$/)
    let mayEnd = false
    void leader.node!.handOver().then(() => {
      mayEnd = true
    })
    await cluster.pass(20)
    expect(mayEnd).toBe(false)
    client.ask('INCR', 'n')
    await cluster.pass(20)
    expect(client.received()).toBe(':2\r\n')
    await cluster.pass(2000)
    expect(client.closed).toBe('flushed')
    expect(mayEnd).toBe(true)
  })

  test('may come from a client that is told to move, until that closes its connection', async () => {
    const leader = await three()
    const client = new TestClient(leader.engine, 3)
    client.ask(...LISTEN)
    expect(await replyOf(client, leader, ['INCR', 'n'])).toMatch(/FAILING_OVER[\s\S]*MOVING[\s\S]*:1\r\n$/)
    expect(client.closed).toBeUndefined()
    client.ask('GET', 'n')
    await cluster.pass(20)
    expect(client.received()).toBe('$1\r\n1\r\n')
    await cluster.pass(2000)
    expect(client.closed).toBe('flushed')
  })

  test('is not run when it may wait for data: its connection is closed', async () => {
    const leader = await three()
    const client = new TestClient(leader.engine, 2)
    expect(await replyOf(client, leader, ['BLPOP', 'list', '0'])).toBe('')
    expect(client.closed).toBe('flushed')
    const later = new TestClient((await cluster.leader()).engine, 3)
    later.ask(...LISTEN)
    const second = await cluster.leader()
    void second.node!.handOver()
    await newLeader(second)
    await cluster.pass(60)
    later.received()
    later.ask('BLPOP', 'list', '0')
    await cluster.pass(20)
    expect(later.received()).toBe('')
    expect(later.closed).toBe('flushed')
  })

  test('is answered in doubt by no reply: the next leader is gone with it', async () => {
    const leader = await three()
    const client = new TestClient(leader.engine, 3)
    client.ask(...LISTEN)
    void leader.node!.handOver()
    const next = await newLeader(leader)
    await cluster.pass(60)
    client.received()
    client.ask('INCR', 'n')
    await cluster.pass(10)
    client.received()
    next.weather = { ...next.weather, losesRequest: () => true }
    client.ask('INCR', 'n')
    await cluster.pass(3500)
    expect(client.received()).toBe('')
    expect(client.closed).toBe('now')
  })

  test('waits for a next leader that does not know yet that it leads', async () => {
    const leader = await three()
    const [follower] = cluster.followers()
    const { relayKey } = follower!.node!
    const client = new TestClient(leader.engine, 2)
    Object.defineProperty(follower!.node!, 'relayKey', { value: '', configurable: true })
    void leader.node!.handOver(follower!.name)
    client.ask('INCR', 'n')
    await cluster.pass(60)
    expect(client.received()).toBe('')
    Object.defineProperty(follower!.node!, 'relayKey', { value: relayKey })
    await cluster.pass(60)
    expect(client.received()).toBe(':1\r\n')
  })

  test('is taken from no one who does not know the key of the leader', async () => {
    const leader = await three()
    const [follower] = cluster.followers()
    const stranger = new TestClient(leader.engine, 2)
    for (const key of ['', 'key of x', `key of ${follower!.name}`])
      expect(stranger.ask('CLIENT', 'RELAYED', key, 'default', '2', '0', '')).toMatch(/^-ERR this server takes no/)
    const key = `key of ${follower!.name}`
    expect(new TestClient(follower!.engine, 2).ask('CLIENT', 'RELAYED', key, 'default', '2', '0', '')).toMatch(/^-ERR/)
    expect(stranger.ask('CLIENT', 'RELAYED', `key of ${leader.name}`, 'gone', '2', '0', '')).toMatch(/^-ERR the user/)
    expect(stranger.ask('CLIENT', 'RELAYED', `key of ${leader.name}`, 'default', '2', '0', '')).toBe('+OK\r\n')
  })
})

describe('a planned handover', () => {
  test('over a slow log takes a few round trips, without waiting for the silence to pass', async () => {
    const leader = await three()
    // Longer than the time between two leases.
    for (const member of cluster.nodes) member.weather = { ...member.weather, delayMs: () => 35 }
    for (let i = 0; i < 6; i++) {
      await cluster.pass(737)
      const from = cluster.nodes.find(({ node }) => node!.state === 'leading') ?? leader
      const begunMs = cluster.world.nowMs
      void from.node!.handOver()
      await newLeader(from)
      expect(cluster.world.nowMs - begunMs).toBeLessThan(350)
    }
  })

  test('continues when the log was away at that moment', async () => {
    const leader = await three()
    void leader.node!.handOver()
    await cluster.pass(2)
    cluster.log.isAway = true
    await cluster.pass(60)
    cluster.log.isAway = false
    const againMs = cluster.world.nowMs
    await newLeader(leader)
    expect(cluster.world.nowMs - againMs).toBeLessThan(200)
  })

  test('is the last record of its leader: spontaneous changes meanwhile are undone', async () => {
    const leader = await three()
    for (const member of cluster.nodes) member.weather = { ...member.weather, delayMs: () => 20 }
    await cluster.pass(100)
    await cluster.ask(leader, 'SET', 'k', 'v', 'PX', '90')
    void leader.node!.handOver()
    await newLeader(leader)
    await cluster.pass(300)
    for (const { engine, node } of cluster.nodes) {
      expect(node!.failure).toBeUndefined()
      expect(new TestClient(engine, 2).ask('DBSIZE')).toBe(':0\r\n')
    }
  })

  test('is one record when it is asked for twice', async () => {
    const leader = await three()
    for (const member of cluster.nodes) member.weather = { ...member.weather, delayMs: () => 20 }
    // Several of its records may be in flight from here on.
    await cluster.pass(500)
    const before = cluster.log.bounds.last
    void leader.node!.handOver()
    void leader.node!.handOver('b')
    await newLeader(leader)
    const kinds: string[] = []
    for (let at = before + 1; at <= cluster.log.bounds.last; at++) kinds.push(decodeRecord(cluster.log.at(at)!).kind)
    expect(kinds.filter((kind) => kind === 'handover')).toHaveLength(1)
    expect(leader.node!.failure).toBeUndefined()
  })

  test.each(['b\n', 'b\r\n*1\r\n$8\r\nFLUSHALL', 'b b', '\t'])('to the host %j is refused', async (host) => {
    const leader = await three()
    const before = cluster.log.bounds.last
    expect(await cluster.ask(leader, 'FAILOVER', 'TO', host, '6379')).toBe(
      '-ERR FAILOVER target HOST and PORT is not a replica.\r\n',
    )
    expect(await cluster.ask(leader, 'SET', 'k', 'v')).toBe('+OK\r\n')
    const kinds: string[] = []
    for (let at = before + 1; at <= cluster.log.bounds.last; at++) kinds.push(decodeRecord(cluster.log.at(at)!).kind)
    expect(kinds).toContain('effects')
    expect(kinds).not.toContain('handover')
  })

  test('leaves keys that expire at that moment to the next leader, so that nothing must be undone', async () => {
    const leader = await three()
    for (const member of cluster.nodes) member.weather = { ...member.weather, delayMs: () => 20 }
    await cluster.pass(200)
    const client = new TestClient(leader.engine, 2)
    client.ask('SET', 'k', 'v', 'PX', '80')
    await cluster.pass(60)
    expect(client.received()).toBe('+OK\r\n')
    let loads = 0
    leader.engine.conditions.loading.changed.add(() => loads++)
    void leader.node!.handOver()
    await cluster.pass(300)
    expect(loads).toBe(0)
    expect((await cluster.leader()).name).not.toBe(leader.name)
    for (const { engine } of cluster.nodes) expect(new TestClient(engine, 2).ask('DBSIZE')).toBe(':0\r\n')
  })
})

/** Lets time pass until another node leads. */
async function newLeader(before: ClusterNode): Promise<ClusterNode> {
  for (let waitedMs = 0; waitedMs < 5000; waitedMs++) {
    const next = cluster.nodes.find((member) => member !== before && member.node?.state === 'leading')
    if (next !== undefined) return next
    await cluster.pass(1)
  }
  throw new Error('nobody else leads')
}
