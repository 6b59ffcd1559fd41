// Nodes of a cluster beside redis-server's: the same map, the same requests, replies equal to the byte.
//
// Two redis-servers know each other from the same file as ours do, so that even addresses are equal. Which slots move is said to both
// nodes by the programs; that a slot changes its owner is not, since redis-servers tell each other of it when they like.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../src/util/free-ports.ts'
import { Random } from '../../src/util/numbers/random.ts'
import { createNode, FIRST, SECOND, twoShards } from '../cluster/node.ts'
import type { TestClient } from '../support/engine.ts'
import { type RedisServer, redisServerIsOlder, redisServerMissing, startRedisServer } from '../support/redis-server.ts'
import { eventually } from '../support/server.ts'
import { SocketPeer } from './peers.ts'
import { encodeCommand } from './program.ts'

const SEEDS = process.env.SOAK === undefined ? 3 : 20
const STEPS = process.env.SOAK === undefined ? 150 : 400
const CONNECTIONS = 2

/** A node of redis-server's, and the same of ours. */
interface Pair {
  readonly server: RedisServer
  readonly theirs: SocketPeer
  readonly text: string
  readonly port: number
  ours: TestClient[]
}

/** Redis 7.2.6 that is not told of which shard a node is does not survive SPUBLISH. */
function withShards(text: string): string {
  return text.replaceAll(/^((.).*@\d+) /gm, (_, place: string, digit: string) => {
    return `${place},,tls-port=0,shard-id=${digit.repeat(40)} `
  })
}

describe.skipIf(redisServerMissing() || redisServerIsOlder())('a node of a cluster', () => {
  const pairs: Pair[] = []
  let directory: string

  async function startPair(text: string, port: number): Promise<Pair> {
    const file = join(directory, `${port}.conf`)
    writeFileSync(file, text)
    const place = ['--port', String(port), '--bind', '127.0.0.1', '--cluster-enabled', 'yes']
    const server = await startRedisServer([...place, '--cluster-config-file', file, '--enable-debug-command', 'yes'])
    const pair = { server, theirs: new SocketPeer('redis-server', server.socketPath), text, port, ours: [] }
    pairs.push(pair)
    return pair
  }

  /** Begins anew, with no keys. */
  async function reset(pair: Pair): Promise<void> {
    await pair.theirs.reset(CONNECTIONS)
    const { connect } = createNode(pair.text, { port: String(pair.port) })
    pair.ours = Array.from({ length: CONNECTIONS }, () => connect())
  }

  /** The replies of both to one request. */
  async function ask(
    pair: Pair,
    connection: number,
    words: readonly string[],
  ): Promise<{ ours: string; theirs: string }> {
    const request = encodeCommand(words, () => '')
    pair.theirs.send(connection, request)
    const ours = pair.ours[connection]!.sendRaw(request)
    await pair.theirs.settle()
    return { ours, theirs: pair.theirs.take(connection).bytes }
  }

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'respite-nodes-'))
    const ports = [await freePort(), await freePort()]
    await Promise.all([FIRST, SECOND].map((id, i) => startPair(withShards(twoShards(id, ports)), ports[i]!)))
    const alone = await freePort()
    await startPair(
      `${FIRST} 127.0.0.1:${alone}@${alone + 10_000},,tls-port=0,shard-id=${'a'.repeat(40)} myself,master - 0 0 0 connected\nvars currentEpoch 0 lastVoteEpoch 0\n`,
      alone,
    )
    // Redis serves nothing for the first two seconds.
    for (const { theirs } of pairs.slice(0, 2)) {
      await eventually(async () => String(await theirs.ask('CLUSTER', 'INFO')).includes('cluster_state:ok'))
    }
  })

  afterAll(async () => {
    for (const { server, theirs } of pairs) {
      await theirs.stop()
      await server.stop()
    }
    rmSync(directory, { recursive: true, force: true })
  })

  test.each(Array.from({ length: SEEDS }, (_, i) => i + 1))(
    'answers as redis-server while slots move (seed %d)',
    async (seed) => {
      const nodes = pairs.slice(0, 2)
      for (const pair of nodes) {
        await reset(pair)
        for (const slot of Object.values(SLOTS)) await pair.theirs.ask('CLUSTER', 'SETSLOT', slot, 'STABLE')
      }
      const chance = new Random(seed)
      const story: string[] = []
      for (let step = 0; step < STEPS; step++) {
        const node = chance.below(2)
        const connection = chance.below(CONNECTIONS)
        const words = randomRequest(chance)
        story.push(`${node}.${connection} ${words.join(' ')}`)
        const { ours, theirs } = await ask(nodes[node]!, connection, words)
        expect(ours, story.slice(-30).join('\n')).toBe(theirs)
      }
      for (const { ours } of nodes) ours[0]!.disconnect()
    },
  )

  test('changes its map, and refuses to, as redis-server', async () => {
    const pair = pairs[2]!
    await reset(pair)
    for (const line of MAP_STORY) {
      const { ours, theirs } = await ask(pair, 0, line.split(' '))
      expect(ours, line).toBe(theirs)
    }
  })
})

// ── requests ────────────────────────────────────────────────────────────────

/** Hash tags: two of each node. */
const SLOTS: Readonly<Record<string, string>> = { a: '15495', b: '3300', c: '7365', d: '11298' }

function randomRequest(chance: Random): string[] {
  const one = <T>(choices: readonly T[]): T => choices[chance.below(choices.length)]!
  const tag = one(Object.keys(SLOTS))
  const key = () => `{${chance.below(12) === 0 ? one(Object.keys(SLOTS)) : tag}}${chance.below(4)}`
  const list = () => `${key()}l`
  const slot = SLOTS[tag]!
  return one<() => string[]>([
    () => ['CLUSTER', 'SETSLOT', slot, one(['MIGRATING', 'IMPORTING']), one([FIRST, SECOND, SECOND, FIRST, 'nobody'])],
    () => ['CLUSTER', 'SETSLOT', slot, one(['MIGRATING', 'IMPORTING']), one([FIRST, SECOND])],
    () => ['CLUSTER', 'SETSLOT', slot, 'STABLE'],
    () => ['CLUSTER', 'COUNTKEYSINSLOT', slot],
    () => ['CLUSTER', 'GETKEYSINSLOT', slot, one(['10', '0', '2'])],
    () => ['CLUSTER', 'KEYSLOT', key()],
    () => ['ASKING'],
    () => ['ASKING'],
    () => [one(['READONLY', 'READWRITE'])],
    () => ['GET', key()],
    () => ['SET', key(), 'v'],
    () => ['SET', key(), 'v'],
    () => ['MGET', key(), key()],
    () => ['MGET', key(), key(), key()],
    () => ['MSET', key(), 'v', key(), 'w'],
    () => ['DEL', key()],
    () => ['DEL', key(), list()],
    () => ['EXISTS', key(), key()],
    () => ['RENAME', key(), key()],
    () => ['COPY', key(), key(), ...one([[], ['DB', '1'], ['REPLACE']])],
    () => ['MOVE', key(), '1'],
    () => ['SELECT', one(['0', '1', 'x'])],
    () => ['SWAPDB', '0', '1'],
    () => ['LPUSH', list(), '1'],
    () => ['LMOVE', list(), list(), 'LEFT', 'RIGHT'],
    () => ['SORT', list(), ...one([[], ['BY', 'nosort'], ['BY', 'w_*'], ['GET', '#'], ['STORE', list()]])],
    () => ['XREAD', 'STREAMS', key(), key(), '0', '0'],
    () => ['OBJECT', 'ENCODING', list()],
    () => ['WATCH', key()],
    () => ['MULTI'],
    () => ['EXEC'],
    () => ['DISCARD'],
    () => ['SPUBLISH', key(), 'x'],
    () => ['PUBLISH', key(), 'x'],
    () => ['EVAL', 'return 1', '1', key()],
    () => ['EVAL', 'return 1', '2', key(), key()],
    () => ['EVAL', "return redis.pcall('GET', ARGV[1])", '1', key(), key()],
    () => ['EVAL', "redis.call('GET', ARGV[1]) return redis.call('SET', ARGV[2], 1)", '0', key(), key()],
    () => ['EVAL', "#!lua\nredis.call('GET', ARGV[1]) return redis.pcall('GET', ARGV[2])", '0', key(), key()],
    () => ['EVAL', "#!lua flags=allow-cross-slot-keys\nreturn redis.pcall('GET', ARGV[1])", '1', key(), key()],
    () => ['EVAL', '#!lua flags=no-cluster\nreturn 1', '1', key()],
    () => ['EVAL_RO', "return redis.call('MGET', KEYS[1], ARGV[1])", '1', key(), key()],
    () => ['RESTORE-ASKING', key(), '0', 'garbage'],
    () => ['PING'],
    () => ['DBSIZE'],
    () => ['REPLICAOF', 'NO', 'ONE'],
    () => ['FAILOVER'],
  ])()
}

/** What a node alone is asked, in this order. */
const MAP_STORY = [
  'CLUSTER MYID',
  'CLUSTER MYSHARDID',
  'CLUSTER NODES',
  'CLUSTER SLOTS',
  'CLUSTER SHARDS',
  'CLUSTER LINKS',
  'CLUSTER INFO',
  'CLUSTER HELP',
  'CLUSTER',
  'CLUSTER NOSUCH',
  'GET x',
  'CLUSTER ADDSLOTS',
  'CLUSTER ADDSLOTS 1 1',
  'CLUSTER ADDSLOTS 16384',
  'CLUSTER ADDSLOTS -1',
  'CLUSTER ADDSLOTS abc',
  'CLUSTER ADDSLOTS 1 2 abc',
  'CLUSTER ADDSLOTSRANGE 1 2 3',
  'CLUSTER ADDSLOTSRANGE 5 4',
  'CLUSTER ADDSLOTSRANGE 1 5 3 8',
  'CLUSTER ADDSLOTSRANGE 0 5000 5002 16383',
  'CLUSTER ADDSLOTS 5001 5000',
  'CLUSTER NODES',
  'CLUSTER SLOTS',
  'CLUSTER SHARDS',
  'CLUSTER DELSLOTS 5001',
  'CLUSTER DELSLOTS 7 7',
  'CLUSTER DELSLOTSRANGE 10 20 30 40',
  'CLUSTER DELSLOTSRANGE 15 25',
  'CLUSTER SLOTS',
  `CLUSTER SETSLOT 1 NODE abc`,
  `CLUSTER SETSLOT 1 MIGRATING abc`,
  `CLUSTER SETSLOT 15 IMPORTING abc`,
  `CLUSTER SETSLOT 15 MIGRATING ${FIRST}`,
  `CLUSTER SETSLOT 1 IMPORTING ${FIRST}`,
  `CLUSTER SETSLOT 1 MIGRATING ${FIRST}`,
  `CLUSTER SETSLOT 15 IMPORTING ${FIRST}`,
  'CLUSTER NODES',
  `CLUSTER SETSLOT 15 NODE ${FIRST}`,
  `CLUSTER SETSLOT 1 NODE ${FIRST}`,
  'CLUSTER NODES',
  'CLUSTER SETSLOT 1 STABLE x',
  'CLUSTER SETSLOT 1 STABLE',
  'CLUSTER SETSLOT 1 FOO',
  'CLUSTER SETSLOT 1 MIGRATING',
  'CLUSTER SETSLOT 99999 STABLE',
  'CLUSTER SETSLOT abc STABLE',
  'CLUSTER COUNTKEYSINSLOT 16384',
  'CLUSTER COUNTKEYSINSLOT -1',
  'CLUSTER COUNTKEYSINSLOT abc',
  'CLUSTER GETKEYSINSLOT 1 -1',
  'CLUSTER GETKEYSINSLOT 16384 1',
  'CLUSTER GETKEYSINSLOT abc 1',
  'CLUSTER GETKEYSINSLOT 1 abc',
  'CLUSTER GETKEYSINSLOT 1',
  'CLUSTER REPLICAS abc',
  'CLUSTER SLAVES abc',
  `CLUSTER REPLICAS ${FIRST}`,
  'CLUSTER COUNT-FAILURE-REPORTS abc',
  `CLUSTER COUNT-FAILURE-REPORTS ${FIRST}`,
  'CLUSTER FORGET abc',
  `CLUSTER FORGET ${FIRST}`,
  'CLUSTER REPLICATE abc',
  `CLUSTER REPLICATE ${FIRST}`,
  'CLUSTER FAILOVER',
  'CLUSTER FAILOVER FORCE',
  'CLUSTER FAILOVER X',
  'CLUSTER MEET a b',
  'CLUSTER SET-CONFIG-EPOCH -3',
  'CLUSTER SET-CONFIG-EPOCH abc',
  'CLUSTER SET-CONFIG-EPOCH 3',
  'CLUSTER BUMPEPOCH',
  'CLUSTER INFO',
  'CLUSTER SAVECONFIG',
  'CLUSTER SAVECONFIG x',
  'CLUSTER RESET X',
  'CLUSTER RESET SOFT',
  'CLUSTER NODES',
  'CLUSTER BUMPEPOCH',
  'CLUSTER BUMPEPOCH',
  'CLUSTER FLUSHSLOTS',
  'CLUSTER ADDSLOTSRANGE 0 16383',
  'CLUSTER FLUSHSLOTS',
  'CLUSTER NODES',
  'SPUBLISH x y',
  'SSUBSCRIBE x',
  'ASKING 1',
  'READONLY 1',
]
