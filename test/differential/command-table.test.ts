// What the two tell of their commands: COMMAND INFO is equal, field by field, but for what 7.2 changed.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { commands } from '../../src/commands/index.ts'
import { createEngine } from '../support/engine.ts'
import { type RedisServer, redisServerIsOlder, redisServerMissing, startRedisServer } from '../support/redis-server.ts'
import { type Frame, frameBytes, frameText, scanFrames } from './frames.ts'
import { SocketPeer } from './peers.ts'
import { encodeCommand } from './program.ts'

/** Fields in which 7.2 differs from 7.0, by command. */
const CHANGED: Record<string, { fields: string[]; reason: string }> = {
  blpop: { fields: ['flags'], reason: '7.2 lets scripts call it, where it does not wait' },
  brpop: { fields: ['flags'], reason: '7.2 lets scripts call it, where it does not wait' },
  blmove: { fields: ['flags'], reason: '7.2 lets scripts call it, where it does not wait' },
  brpoplpush: { fields: ['flags'], reason: '7.2 lets scripts call it, where it does not wait' },
  bzpopmin: { fields: ['flags'], reason: '7.2 lets scripts call it, where it does not wait' },
  bzpopmax: { fields: ['flags'], reason: '7.2 lets scripts call it, where it does not wait' },
  zrank: { fields: ['arity'], reason: '7.2 takes WITHSCORE' },
  zrevrank: { fields: ['arity'], reason: '7.2 takes WITHSCORE' },
  msetnx: { fields: ['tips'], reason: '7.2 has none: all keys must be of one shard' },
  randomkey: { fields: ['tips'], reason: '7.2 says how replies of several shards are joined' },
  scan: { fields: ['tips'], reason: '7.2 says how replies of several shards are joined' },
  'client|setname': { fields: ['tips'], reason: '7.2 says that all nodes are to be asked' },
  'config|resetstat': { fields: ['tips'], reason: '7.2 says that all nodes are to be asked' },
  'config|rewrite': { fields: ['tips'], reason: '7.2 says that all nodes are to be asked' },
  wait: { fields: ['flags', 'categories'], reason: '7.2 lets scripts call it, where it does not wait' },
  'command|getkeys': { fields: ['arity'], reason: '7.2 takes a command of a single word' },
  'command|getkeysandflags': { fields: ['arity'], reason: '7.2 takes a command of a single word' },
}

const FIELDS = [
  'name',
  'arity',
  'flags',
  'first key',
  'last key',
  'step',
  'categories',
  'tips',
  'key specs',
  'subcommands',
]

describe.skipIf(redisServerMissing())('COMMAND INFO', () => {
  let server: RedisServer
  let redis: SocketPeer
  const client = createEngine().connect()

  beforeAll(async () => {
    server = await startRedisServer()
    redis = new SocketPeer('redis-server', server.socketPath)
    await redis.reset(1)
  })

  afterAll(async () => {
    await redis?.stop()
    await server?.stop()
  })

  test.for(commands.map(({ name }) => name))('%s is described as redis-server describes it', async (name, { skip }) => {
    const request = encodeCommand(['COMMAND', 'INFO', name], () => '')
    redis.send(0, request)
    await redis.settle()
    const theirs = scanFrames(redis.take(0).bytes).frames[0]!.children[0]!
    // Newer than the server at hand.
    if (theirs.children.length === 0) skip()
    const ours = scanFrames(client.sendRaw(request)).frames[0]!.children[0]!
    const known = redisServerIsOlder() ? (CHANGED[name]?.fields ?? []) : []
    for (const [i, field] of FIELDS.entries()) {
      if (field === 'subcommands' || known.includes(field)) continue
      expect(show(ours.children[i]!), `${name}: ${field}`).toBe(show(theirs.children[i]!))
    }
  })
})

/** A field as text; sets in no particular order, and without the notes on key specs: they are prose. */
function show(frame: Frame): string {
  if (frame.children.length === 0) return frameText(frame)
  const noted = frame.children.findIndex((child) => child.head === '$5\r\nnotes\r\n')
  const children = noted === -1 ? frame.children : frame.children.filter((_, i) => i !== noted && i !== noted + 1)
  const parts = children.map((child) => (child.children.length > 0 ? show(child) : frameBytes(child)))
  return frame.children.every((child) => child.type === '+') ? parts.sort().join(' ') : parts.join(' ')
}
