// The random programs use every command there is, but for those listed here with a reason.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { OWN_COMMANDS, SENTINEL_COMMANDS } from '../../scripts/redis-commands.ts'
import { commands } from '../../src/commands/index.ts'
import { type RedisServer, redisServerIsOlder, redisServerMissing, startRedisServer } from '../support/redis-server.ts'
import { Generator } from './generator.ts'
import { readGrammars } from './grammar.ts'
import { SocketPeer } from './peers.ts'

/** Commands whose replies tell of the server itself, of time or of the machine: tested on their own. */
const NOT_COMPARED: Record<string, string> = {
  'client|info': 'addresses, ages and memory',
  'client|list': 'addresses, ages and memory',
  'client|setinfo': 'new in 7.2',
  'client|no-touch': 'new in 7.2',
  'command|count': 'this server has other commands than redis-server',
  'command|docs': 'summaries in words of our own',
  'command|list': 'this server has other commands than redis-server',
  'config|resetstat': 'counters of the server',
  'config|rewrite': 'needs a config file',
  hexpire: 'new in 7.4',
  hpexpire: 'new in 7.4',
  hexpireat: 'new in 7.4',
  hpexpireat: 'new in 7.4',
  httl: 'new in 7.4',
  hpttl: 'new in 7.4',
  hexpiretime: 'new in 7.4',
  hpexpiretime: 'new in 7.4',
  hpersist: 'new in 7.4',
  hgetdel: 'new in 8.0',
  hgetex: 'new in 8.0',
  hsetex: 'new in 8.0',
  'client|tracking': 'pushes: see tracking.test.ts',
  'client|caching': 'pushes: see tracking.test.ts',
  'client|getredir': 'pushes: see tracking.test.ts',
  'client|trackinginfo': 'pushes: see tracking.test.ts',
  monitor: 'see tracking.test.ts',
  'acl|cat': 'users: see acl.test.ts',
  'acl|deluser': 'users: see acl.test.ts',
  'acl|dryrun': 'users: see acl.test.ts',
  'acl|genpass': 'users: see acl.test.ts',
  'acl|getuser': 'users: see acl.test.ts',
  'acl|list': 'users: see acl.test.ts',
  'acl|load': 'users: see acl.test.ts',
  'acl|log': 'users: see acl.test.ts',
  'acl|save': 'users: see acl.test.ts',
  'acl|setuser': 'users: see acl.test.ts',
  'acl|users': 'users: see acl.test.ts',
  'acl|whoami': 'users: see acl.test.ts',
  'latency|doctor': 'times: see slow-commands.test.ts',
  'latency|graph': 'times: see slow-commands.test.ts',
  'latency|histogram': 'times: see slow-commands.test.ts',
  'latency|history': 'times: see slow-commands.test.ts',
  'latency|latest': 'times: see slow-commands.test.ts',
  'latency|reset': 'times: see slow-commands.test.ts',
  'slowlog|get': 'times: see slow-commands.test.ts',
  'slowlog|len': 'times: see slow-commands.test.ts',
  'slowlog|reset': 'times: see slow-commands.test.ts',
  save: 'writes files: see saving-redis.test.ts',
  bgsave: 'writes files',
  bgrewriteaof: 'writes files',
  lastsave: 'the time of a start is its own',
  info: 'describes the server',
  lolwut: 'prints the version',
  sync: 'what follows is no reply: see test/replication',
  psync: 'what follows is no reply: see test/replication',
  replconf: 'makes a client a replica: see test/replication',
  role: 'tells offsets: see test/replication',
  migrate: 'asks another server: see test/replication',
  failover: 'makes a server a replica: see test/replication',
  replicaof: 'makes a server a replica: see test/replication',
  slaveof: 'makes a server a replica: see test/replication',
  zscan: 'tables have an order of their own: see sorted-sets.test.ts',
  'function|dump': 'compressed otherwise: see functions.test.ts',
  'script|debug': 'there is no debugger',
  pfselftest: 'takes redis-server seconds',
  waitaof: 'new in 7.2',
  asking: 'see cluster.test.ts, as for CLUSTER',
  readonly: 'see cluster.test.ts',
  readwrite: 'see cluster.test.ts',
  'restore-asking': 'see cluster.test.ts',
}

describe.skipIf(redisServerMissing())('the random programs', () => {
  let server: RedisServer
  let redis: SocketPeer

  beforeAll(async () => {
    server = await startRedisServer()
    redis = new SocketPeer('redis-server', server.socketPath)
  })

  afterAll(async () => {
    await redis?.stop()
    await server?.stop()
  })

  test('use every command of the table', async () => {
    const names = new Set(commands.map(({ name }) => name))
    const generator = new Generator(await readGrammars(redis), names)
    const containers = new Set([...names].filter((name) => name.includes('|')).map((name) => name.split('|')[0]!))
    const own = new Set([...OWN_COMMANDS, ...SENTINEL_COMMANDS].map((name) => name.toLowerCase().replace(' ', '|')))
    const unused = new Set(names)
    for (const name of names) {
      const isCompared =
        !containers.has(name) &&
        !name.endsWith('|help') &&
        !/^(memory|module|cluster)\|/.test(name) &&
        NOT_COMPARED[name] === undefined &&
        !own.has(name)
      if (!isCompared) unused.delete(name)
    }
    // Its payloads are those of 7.2, which an older server does not know: the generator leaves it out there.
    if (redisServerIsOlder()) unused.delete('function|restore')
    for (let seed = 1; seed <= 80 && unused.size > 0; seed++) {
      for (const step of generator.program(seed, 1000).steps) {
        for (const command of step.commands) {
          const [first, second] = command.map((word) => String(word).toLowerCase())
          unused.delete(first!)
          unused.delete(`${first}|${second}`)
        }
      }
    }
    expect([...unused]).toEqual([])
  })

  test('are the same whenever they are made from the same seed', async () => {
    const grammars = await readGrammars(redis)
    const names = new Set(commands.map(({ name }) => name))
    const make = () => new Generator(grammars, names).program(5, 300)
    expect(make()).toEqual(make())
  })
})
