import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Config, type ConfigSettings } from '../../src/engine/config.ts'
import { ConfigFileError, parseCommandLine, parseConfigFile, rewriteConfigFile } from '../../src/engine/config-file.ts'
import { splitInline } from '../../src/protocol/request-parser.ts'
import { SocketPeer } from '../differential/peers.ts'
import { redisServerMissing, startRedisServer } from '../support/redis-server.ts'

const noFiles = (path: string): string => {
  throw new Error(`ENOENT: no such file or directory, open '${path}'`)
}

function parse(text: string, files: Record<string, string> = {}): ConfigSettings {
  return parseConfigFile(text, 'test.conf', (path) => files[path] ?? noFiles(path))
}

function refusal(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof ConfigFileError) return error.message
    throw error
  }
  return 'taken'
}

describe('words of a line', () => {
  test.each([
    ['port 7000', ['port', '7000']],
    ['  a\t b  ', ['a', 'b']],
    ['requirepass "a b \\"c\\" \\x41\\n"', ['requirepass', 'a b "c" A\n']],
    ["requirepass 'it\\'s \\n'", ['requirepass', "it's \\n"]],
    ['save ""', ['save', '']],
    ['', []],
  ])('%j', (line, words) => {
    expect(splitInline(line)).toEqual(words)
  })

  test.each([['a "b'], ["a 'b"], ['a "b"c'], ['a "b\\"']])('%j is unbalanced', (line) => {
    expect(splitInline(line)).toBeUndefined()
  })
})

describe('a config file', () => {
  test('has comments, blank lines, any case of names, and CRLF line ends', () => {
    expect(
      parse('# hello\r\n\r\n  PORT 7000\r\n\tmaxmemory 1gb # not a comment\n'.replace(' # not a comment', '')),
    ).toEqual({
      port: '7000',
      maxmemory: '1gb',
    })
  })

  test('adds lines of save and of client-output-buffer-limit up, and lets the last of the others win', () => {
    const config = new Config(
      parse(
        'save 60 100\nsave 10 5 1 2\nport 1\nport 2\nclient-output-buffer-limit pubsub 1mb 0 0\n' +
          'client-output-buffer-limit normal 5 0 0',
      ),
    )
    expect(config.text('save')).toBe('60 100 10 5 1 2')
    expect(config.text('port')).toBe('2')
    expect(config.text('client-output-buffer-limit')).toBe(
      'normal 5 0 0 slave 268435456 67108864 60 pubsub 1048576 0 0',
    )
  })

  test('turns saving off with an empty word, and on again below', () => {
    expect(new Config(parse('save 60 100\nsave ""')).text('save')).toBe('')
    expect(new Config(parse('save ""\nsave 5 6')).text('save')).toBe('5 6')
  })

  test('includes other files where the line stands', () => {
    const files = { 'more.conf': 'port 2\ntimeout 5' }
    expect(parse('port 1\ninclude more.conf', files)).toEqual({ port: '2', timeout: '5' })
    expect(parse('include more.conf\nport 1', files)).toEqual({ port: '1', timeout: '5' })
  })

  test('that includes itself ends with an error', () => {
    expect(refusal(() => parse('include a.conf', { 'a.conf': 'include a.conf' }))).toContain('too deeply')
  })

  test.each([
    ['port 1\nfoo bar', "test.conf, line 2: 'foo bar': unknown option"],
    ['port x', "test.conf, line 1: 'port x': argument couldn't be parsed into an integer"],
    ['port', "test.conf, line 1: 'port': a value is missing"],
    ['port 1 2', "test.conf, line 1: 'port 1 2': too many values"],
    ['requirepass "x', "test.conf, line 1: 'requirepass \"x': unbalanced quotes"],
    [
      'daemonize yes',
      "test.conf, line 1: 'daemonize yes': argument must be 'no': run it under a service manager instead",
    ],
    ['replicaof h 1', "test.conf, line 1: 'replicaof h 1': replication is not supported yet"],
  ])('%j is refused, saying where', (text, message) => {
    expect(refusal(() => parse(text))).toBe(message)
  })
})

describe('a command line', () => {
  const files: Record<string, string> = { 'a.conf': 'port 1\nsave 60 100', '-': 'port 3' }
  const read = (path: string): string => files[path] ?? noFiles(path)

  test('is options with their words', () => {
    expect(parseCommandLine(['--port', '7000', '--save', '60', '100', '--appendonly', 'yes'], read)).toEqual({
      settings: { port: '7000', save: '60 100', appendonly: 'yes' },
      file: undefined,
    })
  })

  test('takes an empty word, and a bare --save, for no saving', () => {
    expect(parseCommandLine(['--save', ''], read).settings).toEqual({ save: '' })
    expect(parseCommandLine(['--save', '--port', '1'], read).settings).toEqual({ save: '', port: '1' })
    expect(parseCommandLine(['--save', '3600 1 300 100'], read).settings).toEqual({ save: '3600 1 300 100' })
  })

  test('wins over the file, replacing values of several lines', () => {
    expect(parseCommandLine(['a.conf', '--save', '1', '2', '--save', '3', '4'], read)).toEqual({
      settings: { port: '1', save: '60 100 1 2 3 4' },
      file: 'a.conf',
    })
    expect(parseCommandLine(['a.conf', '--save', '', '--save', '3', '4'], read).settings.save).toBe('3 4')
  })

  test.skipIf(redisServerMissing())(
    'makes the same save points as redis-server, and writes them the same',
    async () => {
      for (const [text, options, set] of [
        ['', []],
        ['save 10 1\nsave 20 2 30 3\n', []],
        ['save 10 1\nsave ""\nport 0\nsave 20 2\n', []],
        ['save 10 1\nport 0\nsave 30 3\n', ['--save', '5', '5', '--save', '6 6']],
        ['save 10 1\nsave 30 3\n', ['--save', '']],
        ['save 10 1\n', ['--save', '', '--save', '6 6'], '7 7 8 8'],
        ['save 10 1\nsave 20 2\nsave 30 3\n', [], '7 7 8 8'],
      ] as const) {
        const server = await startRedisServer(options, text)
        const peer = new SocketPeer('redis-server', server.socketPath)
        const file = join(server.directory, 'redis.conf')
        const config = new Config(parseCommandLine([file, ...options], () => text).settings)
        if (set !== undefined) await peer.ask('CONFIG', 'SET', 'save', set)
        if (set !== undefined) config.set('save', set)
        expect(config.text('save')).toBe(((await peer.ask('CONFIG', 'GET', 'save')) as string[])[1])
        await peer.ask('CONFIG', 'REWRITE')
        const lines = (content: string) =>
          content
            .split('\n')
            .filter((line) => /^(save|port 0$)/.test(line))
            .sort()
        const ours = rewriteConfigFile(text, config)
        expect(lines(ours)).toEqual(
          lines(readFileSync(file, 'latin1')).filter((line) => line !== 'port 0' || text.includes(line)),
        )
        await peer.stop()
        await server.stop()
      }
    },
  )

  test('reads standard input for a dash', () => {
    expect(parseCommandLine(['-'], read)).toEqual({ settings: { port: '3' }, file: undefined })
  })

  test('takes negative numbers for values', () => {
    expect(parseCommandLine(['--list-max-listpack-size', '-1'], read).settings).toEqual({
      'list-max-listpack-size': '-1',
    })
  })

  test.each([
    [['--nosuch', '1'], '--nosuch: unknown option'],
    [['--port', 'x'], "--port: argument couldn't be parsed into an integer"],
    [['--port'], '--port: a value is missing'],
    [['a.conf', 'b.conf'], "'b.conf': options begin with --"],
    [
      ['missing.conf'],
      "cannot read the config file 'missing.conf': ENOENT: no such file or directory, open 'missing.conf'",
    ],
  ])('%j is refused in one clear line', (args, message) => {
    expect(refusal(() => parseCommandLine(args, read))).toBe(message)
  })
})

describe('rewriting a file', () => {
  function rewritten(text: string, ...changes: readonly (readonly [Parameters<Config['set']>[0], string])[]): string {
    const config = new Config(parse(text))
    config.setAll(changes)
    return rewriteConfigFile(text, config)
  }

  test('without a change leaves every byte as it was', () => {
    const text = '# my server\nport 7000\n\n  maxmemory 1gb\nsave 60 100\nsave 5 6\nrequirepass "a b"\n'
    expect(rewritten(text)).toBe(text)
  })

  test('changes a line where it stands, and keeps comments and order', () => {
    expect(rewritten('# a\nport 1\n# b\nsave 1 2\n', ['port', '9'])).toBe('# a\nport 9\n# b\nsave 1 2\n')
  })

  test('adds what is neither there nor the default at the end, once', () => {
    const once = rewritten('port 1\nsave 5 6\n', ['timeout', '5'], ['loglevel', 'debug'])
    expect(once).toBe('port 1\nsave 5 6\n# Generated by CONFIG REWRITE\ntimeout 5\nloglevel debug\n')
    expect(rewritten(once, ['tcp-keepalive', '7'])).toBe(`${once}tcp-keepalive 7\n`)
  })

  test('writes each save point into a line of its own, in the place of those there are', () => {
    expect(rewritten('save 60 100\nport 1\nsave 5 6\n', ['save', '7 8 9 10'])).toBe('save 7 8\nport 1\nsave 9 10\n')
    expect(rewritten('save 60 100\nsave 5 6\n', ['save', ''])).toBe('save ""\n')
    expect(rewritten('save 60 100 5 6\nport 1\n')).toBe(
      'save 60 100\nport 1\n# Generated by CONFIG REWRITE\nsave 5 6\n',
    )
  })

  test('writes users into the lines of users, further ones at the end, and quotes what would be read otherwise', () => {
    const text = 'user a on\nport 1\nsave ""\nuser b off\n'
    const config = new Config(parse('port 1\nsave ""'))
    expect(rewriteConfigFile(text, config, ['user c on #ff ~* (~k* +get)'])).toBe(
      'user c on #ff ~* (~k* +get)\nport 1\nsave ""\n',
    )
    const quoted = rewriteConfigFile('', config, ['user a"b on ~k\\'])
    expect(quoted).toBe('# Generated by CONFIG REWRITE\nport 1\nsave ""\nuser "a\\"b" on "~k\\\\"\n')
    expect(parseCommandLine(['x'], () => quoted).users).toEqual([['a"b', 'on', '~k\\']])
    expect(rewriteConfigFile(text, config)).toBe('port 1\nsave ""\n')
  })

  test('gathers several lines of one setting in the first', () => {
    const text = "durability 'a*' always\nsave 1 2\ndurability b none\n"
    expect(rewritten(text, ['durability', 'c none d always'])).toBe('durability c none d always\nsave 1 2\n')
  })

  test('keeps the old name a line uses', () => {
    expect(rewritten('save 1 2\nhash-max-ziplist-entries 1\n', ['hash-max-listpack-entries', '2'])).toBe(
      'save 1 2\nhash-max-ziplist-entries 2\n',
    )
  })

  test('quotes what needs it, so that it reads back the same', () => {
    const password = 'a "b"\\c\n#\x01'
    const text = rewritten('', ['requirepass', password])
    expect(new Config(parse(text)).get('requirepass')).toBe(password)
  })

  test('reads back to the same settings whatever they are', () => {
    const config = new Config(
      parse('port 7\nsave 1 2\nclient-output-buffer-limit pubsub 1 2 3\nnotify-keyspace-events KEA'),
    )
    config.setAll([
      ['bind', '127.0.0.1 ::1'],
      ['client-output-buffer-limit', 'normal 9 8 7'],
      ['dir', '/tmp/a b'],
    ])
    const again = new Config(parse(rewriteConfigFile('', config)))
    for (const name of [
      'bind',
      'client-output-buffer-limit',
      'dir',
      'port',
      'save',
      'notify-keyspace-events',
    ] as const) {
      expect(again.text(name), name).toBe(config.text(name))
    }
  })
})
