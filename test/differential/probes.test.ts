// What a desktop client (RedisInsight) asks a server before it shows anything, to find out what is there: the answers are redis-server's, or of their shape.

import { describe, expect, test } from 'vitest'
import { redisServerDiffers, redisServerMissing } from '../support/redis-server.ts'
import { askBoth, type Words } from './batches.ts'
import { usePeers } from './use-peers.ts'

/** Answered to the byte as redis-server does: what there is not is refused in its words. */
const SAME: Words[] = [
  ['CLIENT', 'SETNAME', 'redisinsight-browser-1'],
  ['CLIENT', 'SETINFO', 'LIB-NAME', 'ioredis'],
  ['MODULE', 'LIST'],
  ['SENTINEL', 'MASTERS'],
  ['FT._LIST'],
  ['FT.INFO', 'idx'],
  ['JSON.GET', 'key'],
  ['TS.INFO', 'key'],
  ['GRAPH.LIST'],
  ['COMMAND', 'INFO', 'ft.search', 'json.get', 'graph.query', 'ts.add', 'bf.add'],
  ['CONFIG', 'GET', 'databases'],
  ['DBSIZE'],
  ['SCAN', 0, 'COUNT', 10_000, 'MATCH', '*', 'TYPE', 'string'],
  ['TYPE', 'key'],
  ['TTL', 'key'],
  ['MEMORY', 'USAGE', 'none', 'SAMPLES', 0],
  ['OBJECT', 'ENCODING', 'none'],
  ['PUBSUB', 'NUMSUB', 'news'],
  ['PUBSUB', 'SHARDCHANNELS'],
  ['ACL', 'WHOAMI'],
  ['SLOWLOG', 'RESET'],
  ['CONFIG', 'GET', 'slowlog-max-len'],
]

/** Of the same kind, but told of different servers; CLUSTER is no command here, and redis-server refuses it, too. */
const ALIKE: Words[] = [
  ['CLUSTER', 'INFO'],
  ['INFO'],
  ['INFO', 'server'],
  ['COMMAND'],
  ['CLIENT', 'LIST'],
  ['SLOWLOG', 'GET', 50],
]

describe.skipIf(redisServerMissing())('the first requests of a desktop client', () => {
  const peers = usePeers()

  test.skipIf(redisServerDiffers('has no CLIENT SETINFO'))('is answered as redis-server answers it', async () => {
    const { ours, theirs } = peers
    await Promise.all([ours.reset(1), theirs.reset(1)])
    const answered = await askBoth(ours, theirs, [['SET', 'key', 'value'], ...SAME])
    for (const { words, ours: here, theirs: there } of answered) expect([words, here]).toEqual([words, there])
    const alike = await askBoth(ours, theirs, ALIKE)
    for (const { words, ours: here, theirs: there } of alike) expect([words, here[0]]).toEqual([words, there[0]])
  })
})
