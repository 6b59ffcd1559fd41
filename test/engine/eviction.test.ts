import { describe, expect, test } from 'vitest'
import { createEngine } from '../support/engine.ts'

describe('maxmemory', () => {
  test('above it, commands that may use memory are refused and others go on', () => {
    const { connect } = createEngine()
    const client = connect()
    client.ask('SET', 'a', 'x'.repeat(5000))
    expect(client.ask('CONFIG', 'SET', 'maxmemory', '1000')).toBe('+OK\r\n')
    expect(client.ask('SET', 'b', 'y')).toBe("-OOM command not allowed when used memory > 'maxmemory'.\r\n")
    expect(client.ask('EXISTS', 'a')).toBe(':1\r\n')
    expect(client.ask('DEL', 'a')).toBe(':1\r\n')
    expect(client.ask('CONFIG', 'SET', 'maxmemory', '0')).toBe('+OK\r\n')
    expect(client.ask('SET', 'b', 'y')).toBe('+OK\r\n')
  })

  test('a limit that is not reached refuses nothing', () => {
    const client = createEngine({ maxmemory: '1gb' }).connect()
    expect(client.ask('SET', 'b', 'y')).toBe('+OK\r\n')
  })

  test('is in force from the start when it is configured', () => {
    const client = createEngine({ maxmemory: '1' }).connect()
    client.ask('SET', 'a', 'x')
    expect(client.ask('SET', 'b', 'y')).toMatch(/^-OOM /)
  })
})

describe('an LFU policy', () => {
  function frequency(reply: string): number {
    return Number(/^:(\d+)\r\n$/.exec(reply)?.[1])
  }

  test('counts the use of a key, ever more slowly, and forgets with time', () => {
    const { clock, connect } = createEngine({ 'maxmemory-policy': 'allkeys-lfu' })
    const client = connect()
    client.ask('SET', 'a', 'b')
    const first = frequency(client.ask('OBJECT', 'FREQ', 'a'))
    for (let i = 0; i < 1000; i++) client.ask('GET', 'a')
    const used = frequency(client.ask('OBJECT', 'FREQ', 'a'))
    expect(first).toBe(5)
    // With the default factor a thousand uses make about 18.
    expect(used).toBeGreaterThan(10)
    expect(used).toBeLessThan(30)
    clock.advance(5 * 60_000)
    client.ask('GET', 'a')
    const rested = frequency(client.ask('OBJECT', 'FREQ', 'a'))
    expect([used - 5, used - 4]).toContain(rested)
  })

  test('that is taken back stops the counting', () => {
    const { engine, connect } = createEngine({ 'maxmemory-policy': 'volatile-lfu' })
    expect(engine.frequency).not.toBeNull()
    connect().ask('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    expect(engine.frequency).toBeNull()
  })
})
