import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Config, type ConfigSettings } from '../../src/config/config.ts'
import { ConfigFileError, parseCommandLine, parseConfigFile } from '../../src/config/config-file.ts'
import { rewriteConfigFile } from '../../src/config/config-rewrite.ts'
import { splitInline } from '../../src/protocol/inline-words.ts'
import { SocketPeer } from '../differential/peers.ts'
import { redisServerMissing, startRedisServer } from '../support/redis-server.ts'

const noFiles = (path: string): string => {
  throw new Error(`No such file or directory: ${path}`)
}

function parse(text: string, files: Record<string, string> = {}): ConfigSettings {
  return parseConfigFile(text, (path) => files[path] ?? noFiles(path))
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

  test('includes the files a pattern means, in order, and none where there are none', () => {
    const files = { 'conf.d/a': 'port 2', 'conf.d/b': 'port 3' }
    const matchingFiles = (pattern: string): string[] => (pattern === 'conf.d/*' ? Object.keys(files) : [])
    const read = (path: string): string => files[path as keyof typeof files]
    expect(parseConfigFile('include conf.d/*\ninclude no[ne]', read, { matchingFiles })).toEqual({ port: '3' })
  })

  test('may hold directives of old versions, and the user who may do everything', () => {
    const text =
      'list-max-ziplist-entries 5\nlua-replicate-commands no\nuser default on nopass sanitize-payload ~* &* +@all\nreplicaof no one'
    expect(parse(text)).toEqual({ replicaof: 'no one' })
  })

  test('says where an included file is wrong', () => {
    expect(refusal(() => parse('\ninclude a.conf', { 'a.conf': '# a\nfoo' }))).toContain(
      "Reading the included file 'a.conf', at line 2\n>>> 'foo'",
    )
  })

  // What redis-server says to these is compared in test/differential/config-files.test.ts.
  test.each([
    ['port 1\nfoo bar', 2, 'foo bar', 'Bad directive or wrong number of arguments'],
    ['port x', 1, 'port x', "argument couldn't be parsed into an integer"],
    ['cluster-enabled maybe', 1, 'cluster-enabled maybe', "argument must be 'yes' or 'no'"],
    ['replicaof h x', 1, 'replicaof h x', 'Invalid master port'],
    [
      'user a on\nuser a off',
      2,
      'user a off',
      "Error in user declaration 'a': Duplicate user found. A user can only be defined once in config files",
    ],
    ['loadmodule x.so', 1, 'loadmodule x.so', 'modules are not supported'],
    ['search.x 1', 1, 'search.x 1', 'modules are not supported'],
  ])('%j is refused, saying where', (text, line, words, reason) => {
    expect(refusal(() => parse(text))).toBe(
      `*** FATAL CONFIG FILE ERROR (Redis 7.2.6) ***\nReading the configuration file, at line ${line}\n>>> '${words}'\n${reason}`,
    )
  })
})

describe('a command line', () => {
  const files: Record<string, string> = { 'a.conf': 'port 1\nsave 60 100', '-': 'port 3' }
  const read = (path: string): string => files[path] ?? noFiles(path)

  test('is options with their words', () => {
    expect(parseCommandLine(['--port', '7000', '--save', '60', '100', '--appendonly', 'yes'], read)).toEqual({
      settings: { port: '7000', save: '60 100', appendonly: 'yes' },
      file: undefined,
      renames: [],
      users: [],
      isCommandLineOnly: true,
    })
  })

  test('takes an empty word, and a bare --save, for no saving', () => {
    expect(parseCommandLine(['--save', ''], read).settings).toEqual({ save: '' })
    expect(parseCommandLine(['--save', '--port', '1'], read).settings).toEqual({ save: '', port: '1' })
    expect(parseCommandLine(['--save', '3600 1 300 100'], read).settings).toEqual({ save: '3600 1 300 100' })
  })

  test('stands below the file: it wins, and adds to values of several lines', () => {
    expect(parseCommandLine(['a.conf', '--save', '1', '2', '--port', '3'], read)).toEqual({
      settings: { port: '3', save: '60 100 1 2' },
      file: 'a.conf',
      renames: [],
      users: [],
      isCommandLineOnly: false,
    })
    expect(parseCommandLine(['a.conf', '--save', '', '--save', '3', '4'], read).settings.save).toBe('3 4')
  })

  test('takes -p for --port, an option and its value in one word, and an option that looks like a value', () => {
    expect(parseCommandLine(['-p', '5'], read).settings).toEqual({ port: '5' })
    expect(parseCommandLine(['--port 5', '--timeout', '6'], read).settings).toEqual({ port: '5', timeout: '6' })
    expect(parseCommandLine(['--requirepass', '--secret', '--port', '5'], read).settings).toEqual({
      requirepass: '--secret',
      port: '5',
    })
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

  test('renames commands, in order', () => {
    const rename = (...lines: string[]) =>
      parseCommandLine(['-'], () => lines.join('\n'), { commandNames: ['get', 'set'] }).renames
    expect(rename('rename-command GET fetch', 'rename-command SET get', 'rename-command fetch ""')).toEqual([
      ['get', 'fetch'],
      ['set', 'get'],
      ['fetch', ''],
    ])
    expect(refusal(() => rename('rename-command nosuch x'))).toContain('No such command in rename-command')
    expect(refusal(() => rename('rename-command get set'))).toContain('Target command name already exists')
  })

  test('reads standard input for a dash', () => {
    expect(parseCommandLine(['-'], read)).toMatchObject({ settings: { port: '3' }, file: undefined })
    expect(parseCommandLine(['a.conf', '--timeout', '4', '-'], read).settings).toEqual({
      port: '3',
      save: '60 100',
      timeout: '4',
    })
  })

  test('takes negative numbers for values', () => {
    expect(parseCommandLine(['--list-max-listpack-size', '-1'], read).settings).toEqual({
      'list-max-listpack-size': '-1',
    })
  })

  test('is refused as lines of a file would be, and so is a file that cannot be read', () => {
    expect(refusal(() => parseCommandLine(['--timeout', '1', '--nosuch', '1'], read))).toContain(
      `at line 3\n>>> 'nosuch "1"'\nBad directive`,
    )
    expect(refusal(() => parseCommandLine(['missing.conf'], read))).toBe(
      "Fatal error, can't open config file 'missing.conf': No such file or directory: missing.conf",
    )
  })
})

describe('rewriting a file', () => {
  function rewritten(text: string, ...changes: readonly (readonly [Parameters<Config['set']>[0], string])[]): string {
    const config = new Config(parse(text))
    config.setAll(changes)
    return rewriteConfigFile(text, config)
  }

  // The whole text beside redis-server's: test/differential/config-files.test.ts.
  const tail = `# Generated by CONFIG REWRITE\ndir "${process.cwd()}"\n`

  test('keeps comments and order, and writes each setting in its place under its present name, one blank line for many', () => {
    const text = '# a\n\n\n  PORT 1\n# b\nhash-max-ziplist-entries 2\nmaxmemory 1024mb\nsave 1 2'
    expect(rewritten(text, ['port', '9'])).toBe(
      `# a\n\nport 9\n# b\nhash-max-listpack-entries 2\nmaxmemory 1gb\nsave 1 2\n${tail}`,
    )
  })

  test('adds what is neither there nor the default at the end, once', () => {
    const once = rewritten('port 1\nsave 1 2', ['timeout', '5'], ['loglevel', 'debug'])
    expect(once).toBe(
      `port 1\nsave 1 2\n# Generated by CONFIG REWRITE\ntimeout 5\nloglevel debug\ndir "${process.cwd()}"\n`,
    )
    // What follows the last line's end is an empty line, which stays one.
    expect(rewritten(once, ['tcp-keepalive', '7'])).toBe(`${once}\ntcp-keepalive 7\n`)
  })

  test('writes users into the lines of users, further ones at the end, and quotes what would be read otherwise', () => {
    const text = 'user a on\nport 1\nsave ""\nuser b off\n'
    const config = new Config(parse('port 1\nsave ""'))
    expect(rewriteConfigFile(text, config, ['user c on #ff ~* (~k* +get)'])).toBe(
      `user c on #ff ~* (~k* +get)\nport 1\nsave ""\n\n${tail}`,
    )
    const quoted = rewriteConfigFile('', config, ['user a"b on ~k\\'])
    expect(quoted).toContain('\nuser "a\\"b" on "~k\\\\"\n')
    expect(parseCommandLine(['x'], () => quoted).users).toEqual([['a"b', 'on', '~k\\']])
    expect(rewriteConfigFile(text, config)).not.toContain('user')
  })

  test('writes save points, output limits and durability rules a line each, in the places of those there are', () => {
    const text = 'save 60 100 5 6\nport 1\nsave 7 8'
    expect(rewritten(text, ['save', '1 2 3 4'])).toBe(`save 1 2\nport 1\nsave 3 4\n${tail}`)
    expect(rewritten(text, ['save', ''])).toBe(`save ""\nport 1\n\n${tail}`)
    const rules = 'save ""\ndurability a* always\n# c\ndurability b none'
    expect(rewritten(rules, ['durability', 'c none d always'])).toBe(
      `save ""\ndurability c none\n# c\ndurability d always\n${tail}`,
    )
    expect(rewritten('save ""\nclient-output-buffer-limit pubsub 1mb 0 0', ['timeout', '1'])).toContain(
      'client-output-buffer-limit normal 0 0 0\n',
    )
  })

  test('writes addresses as words', () => {
    expect(rewritten('save ""\nbind 10.0.0.1 -::1')).toBe(`save ""\nbind 10.0.0.1 -::1\n${tail}`)
  })

  test('keeps lines that are no setting, makes comments of unknown ones, and removes settings that are not set any more', () => {
    const text = 'save ""\ninclude x*.conf\nrename-command get fetch\nlist-max-ziplist-entries 5\nrequirepass x'
    expect(rewritten(text, ['requirepass', ''])).toBe(
      `save ""\ninclude x*.conf\nrename-command get fetch\n# ??? list-max-ziplist-entries 5\n\n${tail}`,
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
