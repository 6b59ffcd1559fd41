import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createEngine } from '../../support/engine.ts'
import { callsOf } from '../../support/replace-method.ts'

describe('CONFIG GET', () => {
  test('answers a map of what its patterns match', () => {
    const { connect } = createEngine({ timeout: '7' })
    expect(connect(2).ask('CONFIG', 'GET', 'timeou?')).toBe('*2\r\n$7\r\ntimeout\r\n$1\r\n7\r\n')
    expect(connect(3).ask('CONFIG', 'GET', 'timeou?')).toBe('%1\r\n$7\r\ntimeout\r\n$1\r\n7\r\n')
  })

  test('takes several patterns, answers each setting once and leaves out what is unknown', () => {
    const client = createEngine().connect()
    expect(client.ask('CONFIG', 'GET', 'port', 'nosuch', 'po*', 'PORT')).toBe('*2\r\n$4\r\nport\r\n$4\r\n6379\r\n')
    expect(client.ask('CONFIG', 'GET', 'nosuch')).toBe('*0\r\n')
  })

  test('answers a plain name as it was written, a pattern match by its own name', () => {
    const client = createEngine().connect()
    expect(client.ask('CONFIG', 'GET', 'PORT')).toBe('*2\r\n$4\r\nPORT\r\n$4\r\n6379\r\n')
    expect(client.ask('CONFIG', 'GET', 'POR?')).toBe('*2\r\n$4\r\nport\r\n$4\r\n6379\r\n')
  })

  test('knows old names, beside the new ones', () => {
    const client = createEngine().connect()
    expect(client.ask('CONFIG', 'GET', 'hash-max-*-value')).toBe(
      '*4\r\n$23\r\nhash-max-listpack-value\r\n$2\r\n64\r\n$22\r\nhash-max-ziplist-value\r\n$2\r\n64\r\n',
    )
  })

  test('prints save as one line of numbers', () => {
    const client = createEngine().connect()
    expect(client.ask('CONFIG', 'GET', 'save')).toBe('*2\r\n$4\r\nsave\r\n$23\r\n3600 1 300 100 60 10000\r\n')
    expect(client.ask('CONFIG', 'SET', 'save', '')).toBe('+OK\r\n')
    expect(client.ask('CONFIG', 'GET', 'save')).toBe('*2\r\n$4\r\nsave\r\n$0\r\n\r\n')
  })
})

describe('CONFIG SET', () => {
  test('changes several settings in one go', () => {
    const { engine, connect } = createEngine()
    expect(connect().ask('CONFIG', 'SET', 'timeout', '5', 'MaxClients', '9')).toBe('+OK\r\n')
    expect([engine.config.get('timeout'), engine.config.get('maxclients')]).toEqual([5, 9])
  })

  test.each([
    [
      ['maxmemory', '1', 'timeout', 'abc'],
      "-ERR CONFIG SET failed (possibly related to argument 'timeout') - argument couldn't be parsed into an integer\r\n",
    ],
    [['maxmemory', '1', 'nosuch', '2'], "-ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'\r\n"],
    [
      ['maxmemory', '1', 'MAXMEMORY', '2'],
      "-ERR CONFIG SET failed (possibly related to argument 'MAXMEMORY') - duplicate parameter\r\n",
    ],
    [
      ['maxmemory', '1', 'databases', '3'],
      "-ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config\r\n",
    ],
    [
      ['maxmemory', '1', 'dir', '/tmp'],
      "-ERR CONFIG SET failed (possibly related to argument 'dir') - can't set protected config\r\n",
    ],
    [['maxmemory', '1', 'timeout'], '-ERR syntax error\r\n'],
    [['maxmemory'], "-ERR wrong number of arguments for 'config|set' command\r\n"],
  ])('%j is refused as a whole', (words, error) => {
    const { engine, connect } = createEngine()
    expect(connect().ask('CONFIG', 'SET', ...words)).toBe(error)
    expect(engine.config.get('maxmemory')).toBe(0)
  })

  test('takes what CONFIG GET tells of a fixed setting that no redis-server has', () => {
    const client = createEngine({ 'metrics-port': '9121' }).connect()
    expect(client.ask('CONFIG', 'SET', 'metrics-port', '9121', 'shard-name', '')).toBe('+OK\r\n')
    expect(client.ask('CONFIG', 'SET', 'metrics-port', '9122')).toBe(
      "-ERR CONFIG SET failed (possibly related to argument 'metrics-port') - can't set immutable config\r\n",
    )
    expect(client.ask('CONFIG', 'SET', 'databases', '16')).toContain("can't set immutable config")
  })

  test('names the setting as it was called, an old name included', () => {
    expect(createEngine().connect().ask('CONFIG', 'SET', 'HASH-max-ziplist-entries', 'x')).toBe(
      "-ERR CONFIG SET failed (possibly related to argument 'hash-max-ziplist-entries') - argument couldn't be parsed into an integer\r\n",
    )
  })

  test('changes protected settings for clients of this machine when that is allowed', () => {
    const { engine, connect } = createEngine({ 'enable-protected-configs': 'local' })
    expect(connect().ask('CONFIG', 'SET', 'dir', '/tmp')).toBe('+OK\r\n')
    expect(engine.config.get('dir')).toBe('/tmp')
  })

  test('waits with some settings until the data is loaded', () => {
    const { engine, connect } = createEngine({ 'enable-protected-configs': 'yes' })
    const client = connect()
    engine.conditions.loading.begin()
    const loading = '-LOADING Redis is loading the dataset in memory\r\n'
    expect(client.ask('CONFIG', 'SET', 'timeout', '5', 'dir', '/tmp')).toBe(loading)
    expect(client.ask('CONFIG', 'SET', 'timeout', '5')).toBe('+OK\r\n')
    engine.conditions.loading.end()
    expect(client.ask('CONFIG', 'SET', 'dir', '/tmp')).toBe('+OK\r\n')
  })

  test('notify-keyspace-events is in force at once', () => {
    const { engine, connect } = createEngine()
    expect(engine.data.changes.told).toBeNull()
    connect().ask('CONFIG', 'SET', 'notify-keyspace-events', 'KEA')
    expect(engine.data.changes.told).not.toBeNull()
    connect().ask('CONFIG', 'SET', 'notify-keyspace-events', '')
    expect(engine.data.changes.told).toBeNull()
  })
})

test('CONFIG RESETSTAT begins the counters again', () => {
  const { engine, connect } = createEngine()
  const client = connect()
  client.ask('GET', 'nosuch')
  client.ask('GET')
  client.ask('NOSUCH')
  expect(client.ask('CONFIG', 'RESETSTAT')).toBe('+OK\r\n')
  const stats = client.ask('INFO', 'stats', 'errorstats', 'commandstats')
  expect(stats).toContain('\r\nkeyspace_misses:0\r\n')
  expect(stats).toContain('\r\ntotal_error_replies:0\r\n')
  expect(stats).not.toContain('cmdstat_get')
  expect(stats).not.toContain('errorstat_')
  expect(engine.figures.stats.connectionsReceived).toBe(0)
})

describe('settings without effect', () => {
  test('are named in the log when they are set to something, each once', () => {
    const { engine, connect } = createEngine()
    const warned = callsOf(engine.environment.log, 'warn')
    const client = connect()
    client.ask('CONFIG', 'SET', 'hz', '10')
    client.ask('CONFIG', 'SET', 'hz', '20', 'timeout', '5', 'cluster-migration-barrier', '2')
    client.ask('CONFIG', 'SET', 'hz', '30')
    expect(warned).toEqual([[{ settings: 'hz, cluster-migration-barrier' }, 'set, but without effect here']])
  })
})

test('hidden settings answer to their whole names only', () => {
  const client = createEngine().connect()
  expect(client.ask('CONFIG', 'GET', 'key-load-*')).toBe('*0\r\n')
  expect(client.ask('CONFIG', 'GET', 'KEY-load-delay')).toBe('*2\r\n$14\r\nKEY-load-delay\r\n$1\r\n0\r\n')
})

describe('CONFIG REWRITE', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'respite-config-'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  test('is refused without a config file', () => {
    expect(createEngine().connect().ask('CONFIG', 'REWRITE')).toBe(
      '-ERR The server is running without a config file\r\n',
    )
  })

  test('brings the file up to date, keeping comments, order and permissions, and leaves nothing else behind', () => {
    const { engine, connect } = createEngine({ port: '7000' })
    const path = join(directory, 'test.conf')
    writeFileSync(path, '# mine\nport 7000\ntimeout 1\n# end\n')
    chmodSync(path, 0o640)
    engine.parts.host.configFile = path
    const client = connect()
    client.ask('CONFIG', 'SET', 'timeout', '5', 'maxmemory', '1mb')
    expect(client.ask('CONFIG', 'REWRITE')).toBe('+OK\r\n')
    expect(readFileSync(path, 'latin1')).toBe(
      `# mine\nport 7000\ntimeout 5\n# end\n\n# Generated by CONFIG REWRITE\ndir "${process.cwd()}"\nsave 3600 1\nsave 300 100\nsave 60 10000\nmaxmemory 1mb\n`,
    )
    expect(statSync(path).mode & 0o777).toBe(0o640)
    expect(readdirSync(directory)).toEqual(['test.conf'])
  })

  test('makes a file anew that was removed', () => {
    const { engine, connect } = createEngine({ timeout: '5', save: '', dir: directory })
    engine.parts.host.configFile = join(directory, 'gone.conf')
    expect(connect().ask('CONFIG', 'REWRITE')).toBe('+OK\r\n')
    expect(readFileSync(engine.parts.host.configFile, 'latin1')).toBe(
      `# Generated by CONFIG REWRITE\ntimeout 5\ndir "${directory}"\nsave ""\n`,
    )
  })

  test('says why it could not, and leaves the old file alone', () => {
    const { engine, connect } = createEngine({ timeout: '5' })
    engine.parts.host.configFile = join(directory, 'no', 'such', 'directory.conf')
    expect(connect().ask('CONFIG', 'REWRITE')).toBe('-ERR Rewriting config file: No such file or directory\r\n')
  })
})

test('CONFIG HELP lists the subcommands', () => {
  const help = createEngine().connect().ask('CONFIG', 'HELP')
  for (const word of ['GET', 'SET', 'RESETSTAT', 'REWRITE', 'HELP'])
    expect(help).toMatch(new RegExp(`\\+${word}[ \\r]`))
})

test('CONFIG wants a subcommand it knows', () => {
  const client = createEngine().connect()
  expect(client.ask('CONFIG')).toBe("-ERR wrong number of arguments for 'config' command\r\n")
  expect(client.ask('CONFIG', 'foo')).toBe("-ERR unknown subcommand 'foo'. Try CONFIG HELP.\r\n")
})
