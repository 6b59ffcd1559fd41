// What the two tell of their commands: COMMAND INFO and COMMAND DOCS are equal, field by field, but for prose and what 7.2 changed; HELP is equal.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { OWN_COMMANDS } from '../../scripts/redis-commands.ts'
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
  'cluster|shards': { fields: ['flags'], reason: '7.2 answers while it loads' },
  'cluster|slots': { fields: ['flags'], reason: '7.2 answers while it loads' },
  'acl|deluser': { fields: ['tips'], reason: '7.2 says that all nodes are to be asked' },
  'acl|save': { fields: ['tips'], reason: '7.2 says that all nodes are to be asked' },
  'acl|setuser': { fields: ['tips'], reason: '7.2 says that all nodes are to be asked' },
  'latency|reset': { fields: ['tips'], reason: '7.2 says how replies of several nodes are joined' },
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

/** COMMAND DOCS: the fields that are prose, in words of our own; of a history the versions are compared. */
const PROSE: readonly string[] = ['summary', 'complexity']

/** Arguments that later versions of Redis brought. */
const LATER_ARGUMENTS: Record<string, string> = { hscan: 'novalues' }
const LATER_VERSION = '7.4.0'

/** Commands with options of our own, behind the words that Redis takes. */
const WITH_OWN_OPTIONS: Record<string, { arity: number; arguments: number }> = {
  publish: { arity: 3, arguments: 2 },
  spublish: { arity: 3, arguments: 2 },
}

describe.skipIf(redisServerMissing())('COMMAND INFO, COMMAND DOCS and HELP', () => {
  let server: RedisServer
  let redis: SocketPeer
  const client = createEngine({ 'enable-debug-command': 'yes' }).connect()

  beforeAll(async () => {
    server = await startRedisServer(['--enable-debug-command', 'yes'])
    redis = new SocketPeer('redis-server', server.socketPath)
    await redis.reset(1)
  })

  afterAll(async () => {
    await redis?.stop()
    await server?.stop()
  })

  /** The reply of each, parsed. */
  async function ask(...words: string[]): Promise<Record<'ours' | 'theirs', Frame>> {
    const request = encodeCommand(words, () => '')
    redis.send(0, request)
    // A long reply leaves in several pieces, of which a busy machine may read the last later.
    let bytes = ''
    let theirs: Frame | undefined
    while (theirs === undefined) {
      await redis.settle()
      bytes += redis.take(0).bytes
      theirs = scanFrames(bytes).frames[0]
    }
    return { ours: scanFrames(client.sendRaw(request)).frames[0]!, theirs }
  }

  test('COMMAND DOCS: everything that is not prose is told as redis-server tells it', async ({ skip }) => {
    if (redisServerIsOlder()) skip()
    const { ours, theirs } = await ask('COMMAND', 'DOCS')
    const [told, expected] = [new Map<string, object>(), new Map<string, object>()]
    collectDocs(ours, told)
    collectDocs(theirs, expected)
    for (const [name, docs] of told) if (expected.has(name)) expect(docs, name).toEqual(expected.get(name))
  })

  test('COMMAND DOCS is plain ASCII, which every client can decode', () => {
    expect(client.ask('COMMAND', 'DOCS')).toMatch(/^[\r\n -~]*$/)
  })

  test('HELP of every container', async ({ skip }) => {
    if (redisServerIsOlder()) skip()
    const containers = commands.filter(
      ({ spec, subcommands }) => subcommands !== undefined && !OWN_COMMANDS.includes(spec.name),
    )
    for (const name of [...containers.map(({ name }) => name), 'debug']) {
      const { ours, theirs } = await ask(name, 'HELP')
      expect(ours.children.map(frameText), name).toEqual(theirs.children.map(frameText))
    }
  })

  test.for(commands.map(({ name }) => name))('%s is described as redis-server describes it', async (name, { skip }) => {
    const info = await ask('COMMAND', 'INFO', name)
    const [ours, theirs] = [info.ours.children[0]!, info.theirs.children[0]!]
    // Newer than the server at hand.
    if (theirs.children.length === 0) skip()
    const known = redisServerIsOlder() ? (CHANGED[name]?.fields ?? []) : []
    for (const [i, field] of FIELDS.entries()) {
      if (field === 'subcommands' || known.includes(field)) continue
      const own = field === 'arity' ? WITH_OWN_OPTIONS[name] : undefined
      if (own !== undefined) expect(show(ours.children[i]!)).toBe(String(-own.arity))
      const told = own === undefined ? show(ours.children[i]!) : String(own.arity)
      expect(told, `${name}: ${field}`).toBe(show(theirs.children[i]!))
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

/** Puts the documentation of each command of a COMMAND DOCS reply, subcommands included, into `into`. */
function collectDocs(reply: Frame, into: Map<string, object>): void {
  for (const [name, frame] of pairs(reply)) {
    const fields = new Map(pairs(frame))
    const subcommands = fields.get('subcommands')
    if (subcommands !== undefined) collectDocs(subcommands, into)
    const history = (fields.get('history')?.children ?? []).map((change) => frameText(change.children[0]!))
    for (const field of [...PROSE, 'history', 'subcommands']) fields.delete(field)
    into.set(name, [
      history.filter((version) => version !== LATER_VERSION).sort(),
      ...[...fields].map(([field, value]) => {
        return [field, field === 'arguments' ? describeArguments(name, value) : plain(value)]
      }),
    ])
  }
}

function describeArguments(command: string, list: Frame): unknown[] {
  const plainArguments = list.children.slice(0, WITH_OWN_OPTIONS[command]?.arguments).map(plain)
  return plainArguments.filter((argument) => (argument as string[])[1] !== LATER_ARGUMENTS[command])
}

/** A reply as texts in arrays. */
function plain(frame: Frame): unknown {
  return /^[*~%]/.test(frame.type) ? frame.children.map(plain) : frameText(frame)
}

/** Keys and values of a map. */
function pairs({ children }: Frame): [string, Frame][] {
  return children.flatMap((child, i) => (i % 2 === 0 ? [[frameText(child), children[i + 1]!] as [string, Frame]] : []))
}
