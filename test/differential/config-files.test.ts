// Config files and command lines beside redis-server: what is refused and in which words, what is taken, what CONFIG REWRITE
// makes of a file.

import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { matchingFiles, readConfigFile } from '../../src/cli/config-files.ts'
import { commands } from '../../src/commands/index.ts'
import { Config, type ConfigName } from '../../src/config/config.ts'
import { ConfigFileError, parseCommandLine } from '../../src/config/config-file.ts'
import { rewriteConfigFile } from '../../src/config/config-rewrite.ts'
import { encode } from '../support/engine.ts'
import { redisServerIsOlder, redisServerMissing, startRedisServer } from '../support/redis-server.ts'
import { eventually, RawConnection, runProgram, temporaryDirectory } from '../support/server.ts'

const skipped = redisServerMissing() || redisServerIsOlder()
const commandNames = commands.map(({ name }) => name)

/** What redis-server says of a command line that it refuses, from the first line of the error on. */
function theirRefusal(args: readonly string[], input: string, cwd: string): string {
  const { stdout, stderr } = spawnSync('redis-server', args, { cwd, input, encoding: 'latin1', timeout: 5000 })
  return /(\*\*\* FATAL|Fatal error)[\s\S]*/.exec(`${stdout}\n${stderr}`)?.[0].trimEnd() ?? `taken: ${stdout}`
}

function ourRefusal(args: readonly string[], input: string, cwd: string): string {
  const read = (path: string): string => (path === '-' ? input : readConfigFile(join(cwd, path)))
  try {
    parseCommandLine(args, read, { matchingFiles: (pattern) => matchingFiles(join(cwd, pattern)), commandNames })
    return 'taken'
  } catch (error) {
    if (!(error instanceof ConfigFileError)) throw error
    return error.message
  }
}

/** Each is refused by both, wherever redis-server's own end could have made it start. */
const REFUSED: readonly string[] = [
  'foo bar',
  'port',
  'port 1 2',
  'port x',
  'port 99999',
  'requirepass "x',
  "requirepass 'x",
  'requirepass "x"y',
  'include',
  'include a b',
  '# comment\n\n  \t\n bad directive here',
  'rename-command nosuch x',
  'rename-command get set',
  'rename-command get',
  'sentinel monitor x',
  'rename-command config ""\nrename-command config x',
  'rename-command GET a\nrename-command SET A',
  'a.b',
  'save 1',
  'save x y',
  'client-output-buffer-limit pubsub 1',
  'client-output-buffer-limit x 1 1 1',
  'shutdown-on-sigterm foo',
  'shutdown-on-sigterm save nosave',
  'list-max-ziplist-entries 3\nfoo',
  'list-max-ziplist-entries',
  'lua-replicate-commands yes no',
  'oom-score-adj-values 1 2',
  'appendfilename ""',
  'appenddirname a/b',
  'dbfilename a/b',
  'proc-title-template "{x}"',
  'notify-keyspace-events Q',
  'maxclients 0',
  'unixsocketperm 999',
  'unixsocketperm 1000',
  'latency-tracking-info-percentiles 101',
  'loglevel x',
  'supervised x',
  'databases 0',
  'cluster-announce-hostname a_b',
  'maxmemory 1xb',
  'maxmemory-clients 101%',
  'appendonly maybe',
  'PORT 0\nNoSuch 1',
  'user',
  'loadmodule',
  'replicaof x',
  'repl-backlog-size 0',
  'hz -1',
  'timeout 010',
  'bind 127.0.0.1\ntcp-keepalive',
]

const REFUSED_LINES: readonly (readonly string[])[] = [
  ['--port', 'x'],
  ['--port', '--loglevel'],
  ['--nosuch', '1'],
  ['nofile.conf'],
  ['--port', '-5'],
  ['--port', '--bind'],
  ['--save', '--nosuch', '3'],
  ['--port 5 6'],
  ['--port', '5', '6'],
  ['--save', '1'],
  ['good.conf', '--timeout', '5', '--hz', 'x'],
  ['good.conf', 'other'],
  ['--requirepass', 'a"b\\\n\x01', '--x'],
  ['--timeout', '1', '-'],
  ['-', '--timeout', 'x'],
]

/** A file with a bit of everything; the socket is added. */
const FILE = `# my server


TIMEOUT 0
  maxmemory 1024mb   
hash-max-ziplist-entries 100
list-max-ziplist-size -3
slave-priority 90
save 60 100 5 6
requirepass "a \\x41\\"b"
include inc*.conf
rename-command get fetch
client-output-buffer-limit pubsub 32mb 8mb 60
client-output-buffer-limit normal 1mb 0 0
# a comment in the middle
notify-keyspace-events KEA
latency-tracking-info-percentiles 50 99.9
shutdown-on-sigterm nosave force
oom-score-adj-values 0 200 800
oom-score-adj no
list-max-ziplist-entries 5
unixsocketperm 700
masterauth ""
logfile ""
appendfsync EVERYSEC
maxmemory-clients 5%
proto-max-bulk-len 3000000
repl-backlog-size 5mb
timeout 7
lua-time-limit 4000
hz 900
`

/** What is set before the file is written anew. */
const CHANGES: readonly (readonly [ConfigName, string])[] = [
  ['slowlog-max-len', '7'],
  ['save', '1 2 3 4 5 6'],
  ['proto-max-bulk-len', '3mb'],
  ['maxmemory-policy', 'allkeys-lru'],
  ['maxmemory', '123456'],
  ['client-output-buffer-limit', 'slave 1kb 2kb 3'],
  ['masteruser', 'somebody'],
  ['cluster-announce-human-nodename', 'one two'],
  ['latency-tracking-info-percentiles', ''],
  ['shutdown-on-sigint', 'now'],
  ['tracking-table-max-keys', '5'],
  ['notify-keyspace-events', ''],
]

describe.skipIf(skipped)('beside redis-server', () => {
  test('errors in a config file or a command line are refused in the same words', () => {
    const cwd = temporaryDirectory()
    writeFileSync(join(cwd, 'good.conf'), 'timeout 5\nhz 10\n')
    // A line that is no directive follows: whatever is taken, nothing starts.
    const cases: [args: readonly string[], input: string][] = [
      ...REFUSED.map((text): [string[], string] => [['-'], `${text}\nthe end\n`]),
      ...REFUSED_LINES.map((args): [readonly string[], string] => [args, 'the end\n']),
    ]
    const differences = cases.flatMap(([args, input]) => {
      const theirs = theirRefusal(args, input, cwd).replaceAll(`${cwd}/`, '')
      const ours = ourRefusal(args, input, cwd)
      return ours === theirs ? [] : [{ args, input, theirs, ours }]
    })
    expect(differences).toEqual([])
  })

  test('CONFIG REWRITE makes the same of a file; what is added may stand in another order', async () => {
    const options = ['--appendfsync', 'no', '--set-max-intset-entries', '5']
    const server = await startRedisServer(options, FILE)
    const { directory, socketPath } = server
    const file = join(directory, 'redis.conf')
    const connection = await RawConnection.open(socketPath)
    connection.send(encode(['AUTH', 'a A"b']))
    for (const [name, value] of CHANGES) connection.send(encode(['CONFIG', 'SET', name, value]))
    connection.send(encode(['CONFIG', 'REWRITE']) + encode(['QUIT']))
    expect(await connection.rest()).toBe('+OK\r\n'.repeat(CHANGES.length + 3))
    const theirs = parts(readFileSync(file, 'latin1'))
    await server.stop()

    const args = [file, '--port', '0', '--unixsocket', socketPath, '--dir', directory, ...options]
    const { settings } = parseCommandLine(args, () => FILE, { commandNames })
    const config = new Config(settings)
    config.setAll(CHANGES)
    expect(parts(rewriteConfigFile(FILE, config))).toEqual(theirs)
  })

  test('rules of users name a renamed command by its first name', async () => {
    const requests = [
      ['ACL', 'SETUSER', 'a', '+set', '-get', '+config|get'],
      ['ACL', 'SETUSER', 'a', '+put'],
      ['ACL', 'SETUSER', 'a', '+cfg|get'],
      ['ACL', 'SETUSER', 'a', '+keys'],
      ['ACL', 'GETUSER', 'a'],
    ]
    const text = requests.map(encode).join('') + encode(['QUIT'])
    const lines = 'rename-command set put\nrename-command config cfg\nrename-command keys ""\n'
    const server = await startRedisServer([], `save ""\n${lines}`)
    const theirs = await RawConnection.open(server.socketPath)
    theirs.send(text)
    const expected = await theirs.rest()
    await server.stop()
    const directory = temporaryDirectory()
    const file = join(directory, 'a.conf')
    const socket = join(directory, 'sock')
    writeFileSync(file, `port 0\nsave ""\nunixsocket ${socket}\n${lines}`)
    const program = runProgram([file], { cwd: directory })
    await eventually(() => /is ready/.test(program.output()))
    const ours = await RawConnection.open(socket)
    ours.send(text)
    expect(await ours.rest()).toBe(expected)
    program.child.kill()
  })
})

/** The part that was there, and what was added, sorted; the users that redis-server writes down are none of ours. */
function parts(text: string): { kept: string; added: string[] } {
  const [kept = '', added = ''] = text.split('# Generated by CONFIG REWRITE\n')
  return {
    kept,
    added: added
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('user '))
      .sort(),
  }
}
