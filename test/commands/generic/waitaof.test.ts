import { describe, expect, test } from 'vitest'
import { createEngine, type TestEngine, withoutJournal } from '../../support/engine.ts'
import { start } from '../../support/journal.ts'
import { MemoryDisk, settled } from '../../support/memory-disk.ts'
import { startSaving } from '../../support/saving.ts'

const SYNCED = '*2\r\n:1\r\n:0\r\n'
const NOT_SYNCED = '*2\r\n:0\r\n:0\r\n'

/** An engine whose journal is written at each turn's end, and synced when the test says so. */
function begin(): TestEngine {
  const test = createEngine()
  const { journal, engine } = test
  journal.write = () => {
    journal.written = journal.appended
    return false
  }
  engine.effects.durability.follow(journal)
  return test
}

describe('WAITAOF', () => {
  test.each(['always', 'everysec', 'no'])(
    'waits for the sync of what the client wrote, and asks for it (%s)',
    async (policy) => {
      const disk = new MemoryDisk()
      const { connect } = await start(disk, { appendfsync: policy })
      const client = connect()
      client.ask('SET', 'a', '1')
      await settled()
      client.received()
      disk.held = true
      client.ask('SET', 'b', '1')
      client.received()
      expect(client.ask('WAITAOF', '1', '0', '0')).toBe('')
      expect(client.ask('PING')).toBe('')
      await disk.release()
      expect(client.received()).toBe(policy === 'always' ? `+OK\r\n${SYNCED}+PONG\r\n` : `${SYNCED}+PONG\r\n`)
      expect(
        disk.powerCut().get('/data/appendonlydir/appendonly.aof.1.incr.aof').toString().match(/SET/g),
      ).toHaveLength(2)
    },
  )

  test('answers at once a client that wrote nothing, or nothing since the last sync', () => {
    const { connect, journal } = begin()
    const [client, other] = [connect(), connect()]
    client.ask('SET', 'a', '1')
    expect(other.ask('WAITAOF', '1', '0', '0')).toBe(SYNCED)
    expect(client.ask('WAITAOF', '0', '0', '0')).toBe(NOT_SYNCED)
    journal.progress()
    expect(client.ask('WAITAOF', '1', '0', '0')).toBe(SYNCED)
    expect(client.ask('WAITAOF', '0', '0', '0')).toBe(SYNCED)
  })

  test('waits for the client’s own writes only, whichever database it is in', () => {
    const { connect, journal } = begin()
    const [first, second] = [connect(), connect(3)]
    second.client.database = 5
    first.ask('SET', 'a', '1')
    second.ask('SET', 'a', '1')
    expect(first.ask('WAITAOF', '1', '0', '0') + second.ask('WAITAOF', '1', '0', '0')).toBe('')
    journal.progress(1)
    expect(first.received()).toBe(SYNCED)
    expect(second.received()).toBe('')
    journal.progress(2)
    expect(second.received()).toBe(SYNCED)
  })

  test('gives up after its timeout, and says what it has', () => {
    const { connect, journal, clock } = begin()
    const [local, replica] = [connect(), connect()]
    local.ask('SET', 'a', '1')
    replica.ask('SET', 'b', '1')
    expect(local.ask('WAITAOF', '1', '0', '50')).toBe('')
    expect(replica.ask('WAITAOF', '1', '1', '100')).toBe('')
    clock.advance(50)
    expect(local.received()).toBe(NOT_SYNCED)
    journal.progress()
    expect(replica.received()).toBe('')
    clock.advance(50)
    expect(replica.received()).toBe(SYNCED)
  })

  test('does not wait inside a transaction', () => {
    const { connect } = begin()
    const client = connect()
    client.ask('SET', 'a', '1')
    client.ask('MULTI')
    client.ask('WAITAOF', '1', '0', '0')
    expect(client.ask('EXEC')).toBe(`*1\r\n${NOT_SYNCED}`)
  })

  test('is served even if there is a key by the name it waits under', () => {
    const { connect, journal } = begin()
    const client = connect()
    client.ask('SET', '\x3d\xbe', '1')
    client.ask('SET', '\u{1F4BE}', '1')
    expect(client.ask('WAITAOF', '1', '0', '0')).toBe('')
    journal.progress()
    expect(client.received()).toBe(SYNCED)
  })

  test('is served when a setting changes meanwhile', async () => {
    const disk = new MemoryDisk()
    const { connect, engine } = await start(disk, { appendfsync: 'no' })
    const [client, admin] = [connect(), connect()]
    disk.held = true
    client.ask('SET', 'a', '1')
    expect(client.ask('WAITAOF', '1', '0', '0')).toBe('')
    expect(admin.ask('CONFIG', 'SET', 'appendfsync', 'everysec')).toBe('+OK\r\n')
    await disk.release()
    expect(client.received()).toBe(SYNCED)
    expect(engine.blocking.room.count).toBe(0)
  })

  test('without an append-only file refuses to wait for it', () => {
    const test = createEngine()
    withoutJournal(test)
    const client = test.connect()
    client.ask('SET', 'a', '1')
    expect(client.ask('WAITAOF', '1', '0', '0')).toBe(
      '-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.\r\n',
    )
    expect(client.ask('WAITAOF', '0', '0', '0')).toBe(NOT_SYNCED)
  })

  test('waits for an append-only file that has just been switched on, and hears when it is switched off', async () => {
    const { connect, finish } = await startSaving({ settings: { appendonly: 'no' } })
    const [client, other, admin] = [connect(), connect(), connect()]
    client.ask('SET', 'a', '1')
    admin.ask('CONFIG', 'SET', 'appendonly', 'yes')
    expect(client.ask('WAITAOF', '1', '0', '0')).toBe('')
    await finish()
    expect(client.received()).toBe(SYNCED)
    admin.ask('CONFIG', 'SET', 'appendonly', 'no')
    admin.ask('CONFIG', 'SET', 'appendonly', 'yes')
    expect(other.ask('WAITAOF', '1', '0', '0')).toBe('')
    admin.ask('CONFIG', 'SET', 'appendonly', 'no')
    expect(other.received()).toBe('-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.\r\n')
  })

  test.each([
    [['2', '0', '0'], 'value is out of range, value must between 0 and 1'],
    [['-1', '0', '0'], 'value is out of range, value must between 0 and 1'],
    [['x', '0', '0'], 'value is not an integer or out of range'],
    [['1', '-1', '0'], 'value is out of range, must be positive'],
    [['1', 'x', '0'], 'value is out of range, must be positive'],
    [['1', '0', 'x'], 'timeout is not an integer or out of range'],
    [['1', '0', '-1'], 'timeout is negative'],
    [['1', '0', '9223372036854775807'], 'timeout is out of range'],
  ])('refuses %j', (words, error) => {
    expect(
      createEngine()
        .connect()
        .ask('WAITAOF', ...words),
    ).toBe(`-ERR ${error}\r\n`)
  })
})
