import { describe, expect, test } from 'vitest'
import { start } from '../support/journal.ts'
import { MemoryDisk, settled } from '../support/memory-disk.ts'

describe('the times of syncs', () => {
  test('begin with the first write, and with the first sync', async () => {
    const { clock, connect, journal } = await start(new MemoryDisk(), { appendfsync: 'everysec' })
    expect(journal.times.unsyncedForMs).toBeUndefined()
    const client = connect()
    client.ask('SET', 'k', '1')
    clock.advance(400)
    client.ask('SET', 'k', '2')
    clock.advance(300)
    expect(journal.times).toMatchObject({ sinceSyncMs: undefined, unsyncedForMs: 700 })
    clock.advance(300)
    await settled()
    expect(journal.times).toMatchObject({ sinceSyncMs: 0, unsyncedForMs: undefined })
    clock.advance(5000)
    expect(journal.times).toMatchObject({ sinceSyncMs: 5000, unsyncedForMs: undefined })
  })

  test('bytes that come during a sync are as old as that sync', async () => {
    const disk = new MemoryDisk()
    const { clock, connect, journal } = await start(disk, { appendfsync: 'everysec' })
    const client = connect()
    client.ask('SET', 'k', '1')
    disk.held = true
    clock.advance(1000)
    client.ask('SET', 'k', '2')
    clock.advance(250)
    expect(journal.times.unsyncedForMs).toBe(1250)
    disk.held = false
    await disk.release()
    await settled()
    expect(journal.times).toMatchObject({ sinceSyncMs: 0, unsyncedForMs: 250 })
  })

  test('a writer that waits for a sync is known, and for how long', async () => {
    const disk = new MemoryDisk()
    const { clock, connect, engine, journal } = await start(disk, { appendfsync: 'always' })
    const { durability } = engine.effects
    const [first, second] = [connect(), connect()]
    disk.held = true
    first.ask('SET', 'k', '1')
    const beganMs = clock.now()
    clock.advance(30)
    second.ask('SET', 'k', '2')
    clock.advance(20)
    expect(first.received()).toBe('')
    expect([durability.heldClients, durability.heldSinceMs]).toEqual([2, beganMs])
    expect(journal.times.unsyncedForMs).toBe(50)
    disk.held = false
    await disk.release()
    await settled()
    expect(first.received()).toBe('+OK\r\n')
    // The second waits for a sync that began after its write.
    expect([durability.heldClients, durability.heldSinceMs]).toEqual([1, beganMs + 30])
    expect(second.received()).toBe('')
    expect(journal.times.sinceSyncMs).toBe(0)
  })
})
