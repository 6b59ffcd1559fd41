import { describe, expect, test } from 'vitest'
import { createEngine, type TestClient } from '../../support/engine.ts'

/** The rows of INFO keysizes. */
function sizes(reply: string): Record<string, string> {
  expect(reply).toMatch(/^\$\d+\r\n# Keysizes\r\n/)
  return Object.fromEntries([...reply.matchAll(/^(db\S+):(.*)\r$/gm)].map(([, name, bins]) => [name!, bins!]))
}

function push(client: TestClient, key: string, count: number): void {
  client.ask('RPUSH', key, ...Array.from({ length: count }, (_, i) => i))
}

describe('INFO keysizes', () => {
  test('counts keys by type and by powers of two', () => {
    const client = createEngine().connect()
    client.ask('SET', 'empty', '')
    client.ask('SET', 'one', 'a')
    for (const [key, length] of Object.entries({ two: 2, three: 3, four: 4 }))
      client.ask('SETRANGE', key, length - 1, 'a')
    client.ask('SETRANGE', 'thousand', 1022, 'a')
    client.ask('SETRANGE', 'kilo', 1023, 'a')
    client.ask('SETRANGE', 'mega', 3 * 2 ** 20, 'a')
    client.ask('SET', 'integer', '123456')
    push(client, 'list', 20)
    client.ask('SADD', 'set', 'a', 'b')
    client.ask('ZADD', 'zset', 1, 'a')
    client.ask('HSET', 'hash', 'a', 1, 'b', 2, 'c', 3)
    client.ask('XADD', 'stream', '1-1', 'a', 'b')
    client.ask('SELECT', 3)
    push(client, 'list', 1)
    push(client, 'another', 1)
    expect(sizes(client.ask('INFO', 'keysizes'))).toEqual({
      db0_distrib_strings_sizes: '0=1,1=1,2=2,4=2,512=1,1K=1,2M=1',
      db0_distrib_lists_items: '16=1',
      db0_distrib_sets_items: '2=1',
      db0_distrib_zsets_items: '1=1',
      db0_distrib_hashes_items: '2=1',
      db3_distrib_lists_items: '1=2',
    })
  })

  test('has no rows where there are no keys, and is not in what `all` says', () => {
    const client = createEngine().connect()
    expect(sizes(client.ask('INFO', 'keysizes'))).toEqual({})
    expect(client.ask('INFO', 'everything')).not.toContain('Keysizes')
    expect(client.ask('INFO', 'keyspace', 'keysizes')).toContain('# Keyspace\r\n\r\n# Keysizes\r\n')
  })

  test('leaves out keys whose time is up', () => {
    const { clock, connect } = createEngine()
    const client = connect()
    client.ask('SET', 'short', 'a', 'PX', 10)
    client.ask('SET', 'long', 'a')
    clock.advance(20)
    expect(sizes(client.ask('INFO', 'keysizes'))).toEqual({ db0_distrib_strings_sizes: '1=1' })
  })

  test('is counted at once in a transaction', () => {
    const client = createEngine().connect()
    client.ask('MULTI')
    client.ask('SET', 'a', 'b')
    client.ask('INFO', 'keysizes')
    expect(client.ask('EXEC')).toContain('db0_distrib_strings_sizes:1=1\r\n')
  })

  test('others are served while it is counted; who asks meanwhile sees what it wrote', () => {
    const { engine, connect } = createEngine({ 'enable-debug-command': 'yes' })
    const [first, second, third] = [connect(), connect(), connect()]
    first.ask('DEBUG', 'POPULATE', 10_000, 'key', 8)
    const turns: (() => void)[] = []
    // The walk goes on when this test says so.
    Object.assign(engine.environment, { later: (run: () => void) => void turns.push(run) })
    first.sendUnended('INFO', 'keysizes')
    expect(first.ask('PING')).toBe('')
    turns.shift()!()
    expect(second.ask('SADD', 'new', 'a')).toBe(':1\r\n')
    expect(second.ask('INFO', 'keysizes')).toBe('')
    expect(third.ask('PING')).toBe('+PONG\r\n')
    let count = 1
    for (; turns.length > 0; count++) turns.shift()!()
    expect(count).toBe(2 * 6)
    const reply = first.received()
    expect(sizes(reply)).toMatchObject({ db0_distrib_strings_sizes: '8=10000' })
    expect(reply).toMatch(/\+PONG\r\n$/)
    expect(sizes(second.received())).toMatchObject({ db0_distrib_sets_items: '1=1' })
  })

  test('ends when no client waits for it any more', () => {
    const { engine, connect } = createEngine({ 'enable-debug-command': 'yes' })
    const [first, second] = [connect(), connect()]
    first.ask('DEBUG', 'POPULATE', 10_000, 'key', 8)
    const turns: (() => void)[] = []
    Object.assign(engine.environment, { later: (run: () => void) => void turns.push(run) })
    first.sendUnended('INFO', 'keysizes')
    second.ask('CLIENT', 'KILL', 'ID', first.client.id)
    turns.shift()!()
    expect(turns).toEqual([])
    second.sendUnended('INFO', 'keysizes')
    expect(turns.length).toBe(1)
  })
})
