import { describe, expect, expectTypeOf, onTestFinished, test } from 'vitest'
import { catalog } from '../../src/commands/catalog.ts'
import { methodOf, type Part, parametersOf, partsOf, type SaidPart } from '../../src/embedded/commands/parameters.ts'
import { RequestWords } from '../../src/embedded/commands/request-words.ts'
import { CommandTable, hasArity } from '../../src/engine/spec/command-table.ts'
import { type Broker, CommandError, OptionError, openBroker } from '../../src/index.ts'
import { Arguments } from '../../src/protocol/arguments.ts'

async function open(): Promise<Broker> {
  const broker = await openBroker()
  onTestFinished(() => broker.close())
  return broker
}

describe('methods of broker.commands', () => {
  test('take keys and values, objects and options', async () => {
    const { commands } = await open()
    expect(await commands.set('k', 'v', { EX: 10, NX: true })).toBe('OK')
    expect(await commands.set('k', 'w', { NX: true })).toBeNull()
    expect(await commands.ttl('k')).toBe(10)
    expect(await commands.get('k')).toBe('v')
    expect(await commands.hset('h', { a: 1, b: 'two' })).toBe(2)
    expect(await commands.hset('h', new Map([['c', 3]]))).toBe(1)
    expect(await commands.hset('h', [['d', 4]])).toBe(1)
    expect(await commands.hgetall('h')).toEqual(
      new Map([
        ['a', '1'],
        ['b', 'two'],
        ['c', '3'],
        ['d', '4'],
      ]),
    )
    expect(await commands.hmget('h', ['a', 'none'])).toEqual(['1', null])
    expect(await commands.mset({ x: 1, y: 2 })).toBe('OK')
    expect(await commands.del(['x', 'y'])).toBe(2)
    expect(await commands.rpush('l', ['a', 'b', 'c'])).toBe(3)
    expect(await commands.lpop('l', { count: 2 })).toEqual(['a', 'b'])
    expect(await commands.lmove('l', 'm', 'LEFT', 'RIGHT')).toBe('c')
    expect(await commands.zadd('z', { alice: 1, bob: 2.5 })).toBe(2)
    expect(await commands.zadd('z', [[3, 'carol']], { NX: true })).toBe(1)
    expect(await commands.zrange('z', 0, -1, { REV: true })).toEqual(['carol', 'bob', 'alice'])
    expect(await commands.zrange('z', 0, 9, { BYSCORE: true, LIMIT: [1, 1] })).toEqual(['bob'])
    expect(await commands.zunionstore('u', ['z', 'z'], { WEIGHTS: [1, 2], AGGREGATE: 'MAX' })).toBe(3)
    expect(await commands.zscore('u', 'alice')).toBe(2)
    expect(await commands.xadd('s', '1-1', { field: 'value' }, { MAXLEN: true, '~': true, threshold: 100 })).toBe('1-1')
    expect(await commands.xread('s', 0, { COUNT: 1 })).toEqual(new Map([['s', [['1-1', ['field', 'value']]]]]))
    expect(await commands.eval('return {KEYS[1], ARGV[1]}', { key: 'a', arg: ['b'] })).toEqual(['a', 'b'])
    expect(await commands.hexpire('h', 100, ['a', 'b'], { NX: true })).toEqual([1, 1])
    expect(await commands.sort('l', { GET: ['#', 'w_*'], ALPHA: true })).toEqual([])
    expect(await commands.configGet('databases')).toEqual(new Map([['databases', '16']]))
    expect(await commands.objectEncoding('z')).toBe('listpack')
    expect(await commands.bitfield('bits', { operation: ['SET', 'u8', 0, 255, 'GET', 'u4', 0] })).toEqual([0, 15])
    expect(await commands.geoadd('g', [[13.361389, 38.115556, 'Palermo']])).toBe(1)
  })

  test('give bytes on request', async () => {
    const { commands } = await open()
    const bytes = Buffer.from([0, 255, 128])
    await commands.set('k', bytes)
    expect(await commands.buffers.get('k')).toEqual(bytes)
  })

  test('wait where a command waits', async () => {
    const { commands } = await open()
    const popped = commands.blpop('queue', 0)
    await commands.rpush('queue', 'job')
    expect(await popped).toEqual(['queue', 'job'])
  })

  test('have types', async () => {
    const { commands, sync } = await open()
    expectTypeOf(commands.get).returns.resolves.toEqualTypeOf<string | null>()
    expectTypeOf(commands.buffers.get).returns.resolves.toEqualTypeOf<Buffer | null>()
    expectTypeOf(sync.get).returns.toEqualTypeOf<string | null>()
    expectTypeOf(sync.hgetall).returns.toEqualTypeOf<Map<string, string>>()
    expectTypeOf(commands.hset).returns.resolves.toEqualTypeOf<number>()
  })

  test('name what is wrong, before anything happens', async () => {
    const broker = await open()
    const commands = broker.commands as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>
    await expect(commands.set!('k')).rejects.toThrow("set(): argument 'value' is missing")
    await expect(commands.set!('k', true)).rejects.toThrow("set(): argument 'value' is a string or bytes; it is true")
    await expect(commands.set!('k', 'v', { ex: 10 })).rejects.toThrow("set(): unknown option 'ex'")
    await expect(commands.set!('k', 'v', { ex: 10 })).rejects.toThrow(OptionError)
    await expect(commands.set!('k', 'v', 'EX', 10)).rejects.toThrow('set(): takes (key, value, options)')
    await expect(commands.set!('k', 'v', 'EX')).rejects.toThrow('argument 3 is a string')
    await expect(commands.get!('k', 'x')).rejects.toThrow('get(): takes (key)')
    await expect(commands.hset!('h', { a: new Date(0) })).rejects.toThrow(
      "hset(): argument 'data' is a string or bytes; it is a Date",
    )
    await expect(commands.lpush!('k', 'v')).resolves.toBe(1)
    await expect(commands.incr!('k')).rejects.toThrow(CommandError)
    expect(commands.nonsense).toBeUndefined()
    expect(await broker.call('DBSIZE')).toBe(1)
  })
})

describe('methods are made of the specs', () => {
  const table = new CommandTable(catalog)
  const commands = [...table.all()].filter(({ run }) => run !== undefined)

  /** A value for each parameter that makes a request as short as it can be. */
  function valueFor(part: SaidPart): unknown {
    if (part.kind === 'rows') return [part.names.map(() => '1')]
    if (part.kind === 'value' && part.choices.length > 0) return part.choices[0]
    return '1'
  }

  test('each has a name of its own', () => {
    const names = commands.map(({ name }) => methodOf(name))
    expect(new Set(names).size).toBe(names.length)
    for (const name of names) expect(name).toMatch(/^[a-z][A-Za-z0-9]*$/)
  })

  test.each(commands.map((command) => [command.name, command] as const))(
    '%s: what is required makes a request',
    (name, command) => {
      const parts: Part[] = partsOf(command.spec.args ?? [])
      const words = new RequestWords(name, parts).of(parametersOf(parts).map(valueFor))
      const request = Arguments.of([...name.toUpperCase().split('|'), ...words.map(String)])
      expect([name, words, hasArity(command, request)]).toEqual([name, words, !LOOSE.test(name)])
    },
  )
})

/** Their specs call optional what one of several must be. */
const LOOSE = /^(geosearch(store)?|channel\|trim|client\|(setinfo|kill)|cluster\|setslot|debug|replicaof|slaveof)$/
