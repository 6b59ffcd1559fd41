// CONFIG beside redis-server: every name, its default, and for every kind a row of good and bad values.

import { describe, expect, test } from 'vitest'
import { CONFIG_NAMES, configRow } from '../../src/config/config.ts'
import { createEngine, encode } from '../support/engine.ts'
import { type RedisServer, redisServerIsOlder, redisServerMissing, startRedisServer } from '../support/redis-server.ts'
import { RawConnection } from '../support/server.ts'

const skipped = redisServerMissing() || redisServerIsOlder()

/** Settings of ours alone, and why. */
const OURS: Readonly<Record<string, string>> = {
  durability: 'policies by key',
  log: 'the journal on a replicated log',
  'log-snapshots': 'the journal on a replicated log',
  'cluster-log': 'the journal on a replicated log',
  'shard-name': "answers Sentinel's clients",
  'metrics-port': 'metrics for Prometheus',
  'metrics-bind': 'metrics for Prometheus',
  'metrics-queues': 'metrics for Prometheus',
  'readyz-max-link-down': 'metrics for Prometheus',
  'tls-auth-clients-user': 'users by certificate, as Redis 8 has them',
  'log-format': 'text or JSON',
  'log-max-lag': 'a stated bound on loss',
  'maint-notifications': 'notices before planned maintenance',
  channel: 'channels that remember',
  redeliver: 'channels that remember',
  console: 'the console',
  'console-brokers': 'the console',
  'console-path': 'the console',
  'console-proxies': 'the console',
  'console-session-idle': 'the console',
  'console-session-max': 'the console',
  'console-user-header': 'the console',
  'http-bind': 'the door for browsers',
  'http-cookie': 'the door for browsers',
  'http-cors-origin': 'the door for browsers',
  'http-heartbeat': 'the door for browsers',
  'http-hosts': 'the door for browsers',
  'http-max-body': 'the door for browsers',
  'http-mercure-subscriptions': 'the door for browsers',
  'http-port': 'the door for browsers',
  'http-rate-per-address': 'the door for browsers',
  'http-rate-per-user': 'the door for browsers',
  'http-streams-per-address': 'the door for browsers',
  'http-streams-per-user': 'the door for browsers',
  'http-tls-port': 'the door for browsers',
  'http-token-audience': 'the door for browsers',
  'http-token-keys': 'the door for browsers',
  'http-token-secret': 'the door for browsers',
  'active-expire-enabled': "a DEBUG subcommand's switch, for tests",
}

/** Settings whose defaults differ, and why. */
const OTHER_DEFAULTS: Readonly<Record<string, string>> = {
  bind: 'only this machine is listened to',
  dir: 'where the server was started',
  port: 'given to redis-server here',
  save: 'given to redis-server here',
  unixsocket: 'given to redis-server here',
  'enable-protected-configs': 'given to redis-server here',
}

/** Settings that are not set to anything here, and why. */
const UNTOUCHED: Readonly<Record<string, string>> = {
  port: 'listens elsewhere',
  bind: 'listens elsewhere',
  appendonly: 'begins a file',
  activedefrag: 'depends on how redis-server was built',
  'tls-port': 'ends a redis-server that was built without TLS',
  'tls-replication': 'ends a redis-server that was built without TLS',
  'tls-cluster': 'ends a redis-server that was built without TLS',
  'locale-collate': 'depends on the locales there are',
  dir: 'a server looks whether it is there, an engine alone does not',
}

/** Values that a general row cannot have: some would close the connection that asks. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  maxclients: ['1', '0', '-1', '4294967296', '100', 'x'],
  'maxmemory-clients': ['5%', '0%', '100%', '101%', '-5', '-5%', '1gb', '5G', 'x', '%', '', '10000000000', '5 %', '0'],
  'watchdog-period': ['-1', 'x', '2147483648', '0'],
  timeout: ['100', '-1', '2147483647', 'x', '0'],
  dbfilename: ['a/b', 'a b.rdb', '', 'x.rdb'],
  save: [
    '',
    '1 2',
    '1 2 3',
    '0 1',
    '1 -1',
    '1 0',
    'x 1',
    ' 1 2',
    '1 2 ',
    '1  2',
    '3600 1 300 100 60 10000',
    '1 2 1 2',
    '99999999999 1',
  ],
  'notify-keyspace-events': ['', 'KEA', 'Kn', 'KEg$lshzxetd', 'm', 'Q', 'AKEn', 'd', 'K E'],
  'client-output-buffer-limit': [
    '',
    'normal 1gb 1gb 1',
    'slave 1kb 2mb 3',
    'replica 5 5 5',
    'PUBSUB 0 0 0',
    'pubsub 1 1',
    'x 1 1 1',
    'master 1 1 1',
    'pubsub x 1 1',
    'pubsub 1 1 -1',
    'pubsub 1 1 1x',
    'normal 0 0 0 slave 1 1 1 pubsub 2 2 2',
    'pubsub 1 1  1',
    'pubsub 1 1 +5',
    'normal 0 0 0 x 1 1 1',
    'normal 2gb 2gb 2 normal 3gb 3gb 3',
  ],
  'oom-score-adj-values': [
    '1 2 3',
    '1 2',
    '1 2 3 4',
    '',
    'a b c',
    '-2001 1 1',
    '2001 1 1',
    '-2000 0 2000',
    '3 2 1',
    '1  2 3',
    '1 2 3 ',
    '+1 2 3',
  ],
  'latency-tracking-info-percentiles': [
    '',
    '50',
    '50 99.9',
    '0 100',
    '101',
    '-1',
    'x',
    '50  99',
    '99.99999',
    '1e1',
    '50.0',
    '.5',
    'inf',
    'nan',
    '0.1234567891234',
    '50 50',
  ],
  'proc-title-template': [
    '',
    '{title}',
    'x',
    '{nosuch}',
    '{title',
    '{{',
    '}',
    '{title} {port} {tls-port} {unixsocket} {config-file} {server-mode} {listen-addr}',
  ],
  'cluster-announce-hostname': ['', 'a.b-c1', 'a_b', 'a b', 'x'.repeat(255), 'x'.repeat(256)],
  'cluster-announce-human-nodename': ['', 'a.b-c1_d', 'a!b', 'a b', 'a#b', 'é'],
  'replica-announce-ip': ['', '1.2.3.4', 'host'],
}

const SHUTDOWN_WAYS = [
  'default',
  'save',
  'NOSAVE force',
  'now force save',
  'save nosave',
  '',
  'x',
  'default now',
  'force force',
  'nosave  now',
  'now default',
]
const YES_NO = ['yes', 'NO', 'maybe', '', 'yes ', '1', 'yes']
const TEXTS = ['', 'a b', 'x"y\\z', 'tab\there', '']
const NUMBERS = [
  'x',
  '',
  '1.5',
  '010',
  '+5',
  ' 5',
  '5 ',
  '-0',
  '1k',
  '0x1',
  '9223372036854775808',
  '-9223372036854775809',
  '1e3',
  '--1',
]
const SIZES = [
  '1',
  '1k',
  '1kb',
  '5MB',
  '1gb',
  '2g',
  '0',
  '-1',
  '1.5mb',
  'x',
  '',
  'mb',
  '10 mb',
  '1kbb',
  '1tb',
  '512b',
  '9223372036854775807',
  '9223372036854775808',
  '18446744073709551615',
  '18446744073709551616',
  '99999999999999999999',
  '+1',
  ' 1',
  '9007199254740992',
]

/** Settings of 64 bits without a sign; numbers here are exact up to 2^53, and one just below 2^63 cannot be told from it. */
const UNSIGNED: readonly string[] = ['maxmemory', 'cluster-link-sendbuf-limit']

/** A kind's row of values: those at its bounds, and what is no such value. */
function valuesFor(name: string, kind: string): readonly string[] {
  const own = VALUES[name]
  if (own !== undefined) return own
  if (kind === 'yes | no') return YES_NO
  if (kind.startsWith('default | save')) return SHUTDOWN_WAYS
  if (kind === 'bytes') return UNSIGNED.includes(name) ? SIZES.filter((size) => size !== '9223372036854775807') : SIZES
  if (kind === 'text') return TEXTS
  const range = /^integer, (-?\d+) to (-?\d+)$/.exec(kind)
  if (range !== null) {
    const [min, max] = [BigInt(range[1]!), BigInt(range[2]!)]
    return [...NUMBERS, ...[min, max, min - 1n, max + 1n, min + 1n, min + 5n].map(String)]
  }
  const words = kind.split(' | ')
  return [...words, ...words.map((word) => word.toUpperCase()), 'x', '', ` ${words[0]}`, `${words[0]} ${words[1]}`]
}

/** Asks one after the other; the replies are bytes. */
async function askRedis(server: RedisServer, commands: readonly (readonly string[])[]): Promise<string[]> {
  const connection = await RawConnection.open(server.socketPath)
  const mark = (i: number): string => `--${i}--`
  connection.send(commands.map((words, i) => encode(words) + encode(['ECHO', mark(i)])).join('') + encode(['QUIT']))
  let rest = await connection.rest()
  return commands.map((_, i) => {
    const end = `$${mark(i).length}\r\n${mark(i)}\r\n`
    const at = rest.indexOf(end)
    if (at === -1) return `redis-server hung up: ${rest.slice(0, 100)}`
    const reply = rest.slice(0, at)
    rest = rest.slice(at + end.length)
    return reply
  })
}

/** Asks both, and returns where they differ. */
async function differences(server: RedisServer, commands: readonly (readonly string[])[]): Promise<string[]> {
  const client = createEngine({ 'enable-protected-configs': 'yes' }).connect()
  const theirs = await askRedis(server, commands)
  return commands.flatMap((words, i) => {
    const ours = client.ask(...words)
    return ours === theirs[i]
      ? []
      : [`${words.slice(1).join(' ')}\n    redis ${JSON.stringify(theirs[i])}\n    ours  ${JSON.stringify(ours)}`]
  })
}

/** Several at once: what is refused, by which name, and that nothing of it stays. */
const TOGETHER: readonly (readonly string[])[] = [
  ['timeout', '5', 'hz', '20'],
  ['timeout', '6', 'hz', 'x'],
  ['hz', 'x', 'timeout', 'x'],
  ['timeout', '7', 'TIMEOUT', '8'],
  ['hash-max-ziplist-entries', '7', 'hash-max-listpack-entries', '8'],
  ['hash-max-listpack-entries', '9', 'HASH-MAX-ZIPLIST-ENTRIES', 'x'],
  ['timeout', '9', 'NoSuch', '1', 'databases', '3'],
  ['Databases', '3', 'nosuch', '1'],
  ['timeout', 'x', 'nosuch', '1'],
  ['timeout', 'x', 'databases', '1'],
  ['timeout'],
  ['timeout', '1', 'hz'],
  [],
  ['Maxmemory-Policy', 'allkeys-lfu', 'SLAVE-PRIORITY', '5'],
  ['save', '1 2', 'notify-keyspace-events', 'Q'],
  ['client-output-buffer-limit', 'pubsub 1gb 1gb 1', 'oom-score-adj-values', '1'],
  ['unixsocket', 'x'],
]

const TOLD: readonly (readonly string[])[] = [
  ['timeout', 'hz', '*-ziplist-*'],
  ['TIMEOUT', 'timeout', 'timeou?'],
  ['nosuch', 'no*such'],
  ['[st]l[ao]*'],
  ['*max-*-value', 'HASH-max-listpack-value'],
  ['rdb-key-*', 'Rdb-Key-Save-Delay'],
  ['\\*'],
]

/** Pairs of a reply in the order of names: redis-server shows them in the order of its hash table. */
function sorted(reply: string): string[] {
  return [...reply.matchAll(/\$\d+\r\n(.*)\r\n\$\d+\r\n(.*)\r\n/g)].map(([, name, value]) => `${name} ${value}`).sort()
}

describe.skipIf(skipped)('CONFIG', () => {
  test('SET of the value that GET tells is answered as redis-server answers it, and OK for settings of ours', async () => {
    const server = await startRedisServer(['--enable-protected-configs', 'yes'])
    try {
      const names = [...CONFIG_NAMES].filter(([, name]) => !configRow(name).hidden).map(([called]) => called)
      const valuesOf = (told: readonly string[]) =>
        told.map((reply) => /^\*2\r\n\$\d+\r\n.*\r\n\$\d+\r\n([\s\S]*)\r\n$/.exec(reply)?.[1] ?? '')
      const question = (name: string) => ['CONFIG', 'GET', name]
      const request = (values: readonly string[]) => (name: string, i: number) => ['CONFIG', 'SET', name, values[i]!]

      const client = createEngine({ 'enable-protected-configs': 'yes', 'metrics-port': '9121' }).connect()
      const values = valuesOf(names.map((name) => client.ask(...question(name))))
      const replies = new Map(names.map((name, i) => [name, client.ask(...request(values)(name, i))]))
      for (const name of names.filter((name) => name in OURS))
        expect([name, replies.get(name)]).toEqual([name, '+OK\r\n'])

      const both = names.filter((name) => !(name in OURS) && !(name in UNTOUCHED))
      const told = await askRedis(server, both.map(question))
      const theirs = await askRedis(server, both.map(request(valuesOf(told))))
      expect(both.map((name) => [name, replies.get(name)])).toEqual(both.map((name, i) => [name, theirs[i]]))
    } finally {
      await server.stop()
    }
  })

  test('SET takes all of several settings or none, and names the one that it refuses; GET takes several patterns', async () => {
    const server = await startRedisServer([])
    try {
      const questions = TOLD.map((words) => ['CONFIG', 'GET', ...words])
      const client = createEngine().connect()
      const told = await askRedis(server, questions)
      expect(questions.map((words) => sorted(client.ask(...words)))).toEqual(told.map(sorted))

      const names = [...new Set(TOGETHER.flatMap((words) => words.filter((_, i) => i % 2 === 0)))]
      const values = names
        .filter((name) => name !== 'unixsocket' && name !== 'save')
        .map((name) => ['CONFIG', 'GET', name])
      const commands = TOGETHER.flatMap((words) => [['CONFIG', 'SET', ...words], ...values])
      expect(await differences(server, commands)).toEqual([])
    } finally {
      await server.stop()
    }
  })

  test('has every name of redis-server, the hidden ones too, with the same default and the same reply to every value', async () => {
    const server = await startRedisServer(['--enable-protected-configs', 'yes'])
    try {
      const theirNames = [
        ...(await askRedis(server, [['CONFIG', 'GET', '*']]))[0]!.matchAll(/\$\d+\r\n(.*)\r\n\$\d+\r\n(.*)\r\n/g),
      ].map((m) => m[1]!)
      const shown = [...CONFIG_NAMES].filter(([, name]) => !configRow(name).hidden).map(([called]) => called)
      expect(shown.filter((name) => !(name in OURS)).sort()).toEqual(theirNames.sort())

      const names = [...CONFIG_NAMES.keys()].filter((name) => !(name in OURS))
      const defaults = names.filter((name) => !(name in OTHER_DEFAULTS)).map((name) => ['CONFIG', 'GET', name])
      expect(await differences(server, defaults)).toEqual([])

      const commands: string[][] = []
      for (const [called, name] of CONFIG_NAMES) {
        if (called in OURS || called in UNTOUCHED || (called in OTHER_DEFAULTS && !configRow(name).mutable)) continue
        const row = configRow(name)
        for (const value of valuesFor(name, row.kind)) {
          commands.push(['CONFIG', 'SET', called, value], ['CONFIG', 'GET', called])
          if (!row.mutable) break
        }
        if (row.mutable) commands.push(['CONFIG', 'SET', called, called === 'dir' ? '/tmp' : row.format(row.default)])
      }
      expect(await differences(server, commands)).toEqual([])
    } finally {
      await server.stop()
    }
  })
})
