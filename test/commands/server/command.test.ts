import { describe, expect, test } from 'vitest'
import { commands } from '../../../src/commands/index.ts'
import { aclCategories } from '../../../src/engine/spec/acl-categories.ts'
import { defineCommand, type KeySpec } from '../../../src/engine/spec/command.ts'
import { findKeys, legacyRange } from '../../../src/engine/spec/key-extraction.ts'
import { Arguments } from '../../../src/protocol/arguments.ts'
import { createEngine } from '../../support/engine.ts'

const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`

describe('COMMAND INFO', () => {
  test('tells ten things, with sets and maps in RESP3', () => {
    const told = (set: string, pairs: (n: number) => string) =>
      `*1\r\n*10\r\n${bulk('get')}:2\r\n${set}2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n` +
      `${set}3\r\n+@read\r\n+@string\r\n+@fast\r\n${set}0\r\n${set}1\r\n` +
      `${pairs(3)}${bulk('flags')}${set}2\r\n+RO\r\n+access\r\n` +
      `${bulk('begin_search')}${pairs(2)}${bulk('type')}${bulk('index')}${bulk('spec')}${pairs(1)}${bulk('index')}:1\r\n` +
      `${bulk('find_keys')}${pairs(2)}${bulk('type')}${bulk('range')}${bulk('spec')}${pairs(3)}` +
      `${bulk('lastkey')}:0\r\n${bulk('keystep')}:1\r\n${bulk('limit')}:0\r\n${set}0\r\n`
    const { connect } = createEngine()
    expect(connect(2).ask('COMMAND', 'INFO', 'GET')).toBe(told('*', (n) => `*${2 * n}\r\n`))
    expect(connect(3).ask('COMMAND', 'INFO', 'GET')).toBe(told('~', (n) => `%${n}\r\n`))
  })

  test('answers nil for what does not exist, and subcommands by their full name', () => {
    const client = createEngine().connect()
    const reply = client.ask('COMMAND', 'INFO', 'nosuch', 'config|get', 'config|nosuch')
    expect(reply.startsWith(`*3\r\n$-1\r\n*10\r\n${bulk('config|get')}:-3\r\n`)).toBe(true)
    expect(reply.endsWith('$-1\r\n')).toBe(true)
  })

  test('holds subcommands inside their container', () => {
    const reply = createEngine().connect().ask('COMMAND', 'INFO', 'memory')
    expect(reply).toContain(
      `*10\r\n${bulk('memory')}:-2\r\n*0\r\n:0\r\n:0\r\n:0\r\n*1\r\n+@slow\r\n*0\r\n*0\r\n*6\r\n*10\r\n`,
    )
  })

  test('without names, and COMMAND alone, tell of every command', () => {
    const client = createEngine().connect()
    // SENTINEL is there where a shard has a name.
    const count = commands.filter(({ name, spec }) => !name.includes('|') && spec.isOffered === undefined).length
    expect(client.ask('COMMAND', 'COUNT')).toBe(`:${count}\r\n`)
    expect(client.ask('COMMAND').startsWith(`*${count}\r\n`)).toBe(true)
    expect(client.ask('COMMAND', 'INFO')).toBe(client.ask('COMMAND'))
  })
})

describe('COMMAND DOCS', () => {
  test('tells of arguments with their key specs', () => {
    const reply = createEngine().connect(3).ask('COMMAND', 'DOCS', 'get', 'nosuch')
    expect(reply.startsWith(`%1\r\n${bulk('get')}%5\r\n${bulk('summary')}`)).toBe(true)
    expect(
      reply.endsWith(
        `${bulk('complexity')}${bulk('O(1)')}${bulk('arguments')}*1\r\n%4\r\n${bulk('name')}${bulk('key')}${bulk('type')}` +
          `${bulk('key')}${bulk('display_text')}${bulk('key')}${bulk('key_spec_index')}:0\r\n`,
      ),
    ).toBe(true)
  })

  test('tells of subcommands and history', () => {
    const reply = createEngine().connect(3).ask('COMMAND', 'DOCS', 'config')
    expect(reply).toContain(`${bulk('subcommands')}%5\r\n`)
    expect(reply).toContain(`${bulk('history')}~1\r\n*2\r\n${bulk('7.0.0')}`)
  })

  test('answers an empty map when nothing is found', () => {
    const { connect } = createEngine()
    expect(connect(2).ask('COMMAND', 'DOCS', 'nosuch')).toBe('*0\r\n')
    expect(connect(3).ask('COMMAND', 'DOCS', 'nosuch')).toBe('%0\r\n')
  })

  test('of everything is a well-formed reply', () => {
    const reply = createEngine().connect(2).ask('COMMAND', 'DOCS')
    expect(end(reply, 0)).toBe(reply.length)
  })
})

/** Returns where a RESP2 reply ends. */
function end(reply: string, at: number): number {
  const line = reply.indexOf('\r\n', at)
  const next = line + 2
  const count = Number(reply.slice(at + 1, line))
  if (reply[at] === '$') return count < 0 ? next : next + count + 2
  if (reply[at] !== '*') return next
  let to = next
  for (let i = 0; i < count; i++) to = end(reply, to)
  return to
}

describe('COMMAND LIST', () => {
  test('without a filter names all, subcommands included', () => {
    const { engine, connect } = createEngine()
    const reply = connect().ask('COMMAND', 'LIST')
    expect(reply).toContain(bulk('config|set'))
    expect(reply.startsWith(`*${[...engine.commands.all()].length}\r\n`)).toBe(true)
  })

  test('names commands by pattern, subcommands included, in any case', () => {
    const client = createEngine().connect()
    expect(client.ask('COMMAND', 'LIST', 'FILTERBY', 'PATTERN', 'CONFIG|R*')).toBe(
      `*2\r\n${bulk('config|resetstat')}${bulk('config|rewrite')}`,
    )
    expect(client.ask('COMMAND', 'LIST', 'filterby', 'pattern', 'swapdb')).toBe(`*1\r\n${bulk('swapdb')}`)
  })

  test('names commands by category, and none for a category or module that is none', () => {
    const client = createEngine().connect()
    expect(client.ask('COMMAND', 'LIST', 'FILTERBY', 'ACLCAT', 'admin')).toContain(bulk('config|set'))
    expect(client.ask('COMMAND', 'LIST', 'FILTERBY', 'ACLCAT', 'admin')).not.toContain(bulk('get'))
    expect(client.ask('COMMAND', 'LIST', 'FILTERBY', 'ACLCAT', 'foo')).toBe('*0\r\n')
    expect(client.ask('COMMAND', 'LIST', 'FILTERBY', 'MODULE', 'x')).toBe('*0\r\n')
  })

  test.each([[['a']], [['FILTERBY', 'ACLCAT']], [['FILTERBY', 'FOO', 'x']], [['BY', 'PATTERN', 'x']]])(
    '%j is a syntax error',
    (words) => {
      expect(
        createEngine()
          .connect()
          .ask('COMMAND', 'LIST', ...words),
      ).toBe('-ERR syntax error\r\n')
    },
  )
})

describe('COMMAND GETKEYS', () => {
  test('finds keys, in a subcommand too', () => {
    const client = createEngine().connect()
    expect(client.ask('COMMAND', 'GETKEYS', 'get', 'a')).toBe('*1\r\n$1\r\na\r\n')
    expect(client.ask('COMMAND', 'GETKEYS', 'memory', 'usage', 'a')).toBe('*1\r\n$1\r\na\r\n')
  })

  test('tells what would happen to them', () => {
    const { connect } = createEngine()
    expect(connect(2).ask('COMMAND', 'GETKEYSANDFLAGS', 'get', 'a')).toBe(
      '*1\r\n*2\r\n$1\r\na\r\n*2\r\n+RO\r\n+access\r\n',
    )
    expect(connect(3).ask('COMMAND', 'GETKEYSANDFLAGS', 'get', 'a')).toBe(
      '*1\r\n*2\r\n$1\r\na\r\n~2\r\n+RO\r\n+access\r\n',
    )
  })

  test.each([
    [['nosuch', 'a'], '-ERR Invalid command specified\r\n'],
    [['config', 'foo', 'a'], '-ERR Invalid command specified\r\n'],
    [['config', 'get', 'a'], '-ERR The command has no key arguments\r\n'],
    [['ping'], '-ERR The command has no key arguments\r\n'],
    [['get', 'a', 'b'], '-ERR Invalid number of arguments specified for command\r\n'],
  ])('%j: %s', (words, error) => {
    const client = createEngine().connect()
    expect(client.ask('COMMAND', 'GETKEYS', ...words)).toBe(error)
    expect(client.ask('COMMAND', 'GETKEYSANDFLAGS', ...words)).toBe(error)
  })
})

describe('keys of a request', () => {
  function keys(specs: readonly KeySpec[], ...words: string[]): string[] | undefined {
    const command = defineCommand({
      name: 'TEST',
      summary: '',
      group: 'generic',
      since: '1.0.0',
      arity: -1,
      flags: [],
      keys: specs,
    })
    return findKeys(command, Arguments.of(words))?.map(({ index }) => words[index]!)
  }
  const RANGE: KeySpec = { access: 'RO', first: 1, last: -1, step: 2 }
  const COUNTED: KeySpec = { access: 'RO', count: 2, first: 3 }
  const STREAMS: KeySpec = { access: 'RO', keyword: { word: 'STREAMS', from: 1, last: -1, step: 1, limit: 2 } }
  const KEYS: KeySpec = { access: 'RO', keyword: { word: 'KEYS', from: -2, last: -1, step: 1 } }

  test.each([
    ['every second argument (MSET)', [RANGE], ['x', 'a', '1', 'b', '2'], ['a', 'b']],
    ['all but the last (BLPOP)', [{ access: 'RW', first: 1, last: -2 }], ['x', 'a', 'b', '0'], ['a', 'b']],
    ['as many as a count says (EVAL)', [COUNTED], ['x', 's', '2', 'a', 'b', 'c'], ['a', 'b']],
    ['more than there are', [COUNTED], ['x', 's', '3', 'a', 'b'], undefined],
    ['a count that is none', [COUNTED], ['x', 's', 'y', 'a', 'b'], undefined],
    ['a negative count', [COUNTED], ['x', 's', '-1', 'a', 'b'], undefined],
    ['half of what follows a word (XREAD)', [STREAMS], ['x', 'COUNT', '1', 'streams', 'a', 'b', '0', '0'], ['a', 'b']],
    ['all that follows a word, searched from the end (MIGRATE)', [KEYS], ['x', 'keys', 'b', 'KEYS', 'a'], ['a']],
    ['a word that is not there', [KEYS], ['x', 'a', 'b', 'c'], []],
    ['what is found like a key but is none', [{ ...RANGE, flags: ['not_key'] }], ['x', 'a', 'b'], []],
  ] as [string, KeySpec[], string[], string[] | undefined][])('%s', (_, specs, words, found) => {
    expect(keys(specs, ...words)).toEqual(found)
  })
})

test('keys that follow one another are told as one range, others are movable', () => {
  const range = (...keys: KeySpec[]) =>
    legacyRange(defineCommand({ name: 'T', summary: '', group: 'list', since: '1', arity: -1, flags: [], keys }))
  expect(range({ access: 'RW', first: 1 }, { access: 'RW', first: 2 })).toEqual({
    first: 1,
    last: 2,
    step: 1,
    movable: false,
  })
  expect(range({ access: 'OW', first: 1 }, { access: 'RO', count: 2 })).toEqual({
    first: 1,
    last: 1,
    step: 1,
    movable: true,
  })
  expect(range({ access: 'OW', count: 1 })).toEqual({ first: 0, last: 0, step: 0, movable: true })
  expect(range({ access: 'OW', first: 1, last: -1, step: 2 })).toEqual({ first: 1, last: -1, step: 2, movable: false })
  expect(range()).toEqual({ first: 0, last: 0, step: 0, movable: false })
})

test('categories follow from flags and group, in Redis order; a container is only slow', () => {
  const { engine } = createEngine()
  const categories = (name: string) => aclCategories(engine.commands.get(name)!)
  expect(categories('config|set')).toEqual(['admin', 'slow', 'dangerous'])
  expect(categories('config')).toEqual(['slow'])
  expect(categories('flushall')).toEqual(['keyspace', 'write', 'slow', 'dangerous'])
  expect(categories('command')).toEqual(['slow', 'connection'])
  expect(categories('get')).toEqual(['read', 'string', 'fast'])
})
