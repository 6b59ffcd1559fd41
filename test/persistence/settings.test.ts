import { describe, expect, test } from 'vitest'
import { start } from '../support/journal.ts'
import { MemoryDisk } from '../support/memory-disk.ts'

describe('CONFIG SET appendfsync', () => {
  test('to always by a client: what it wrote before is synced before it hears more', async () => {
    const disk = new MemoryDisk()
    const { connect } = await start(disk, { appendfsync: 'everysec' })
    const [client, other] = [connect(), connect()]
    expect(client.ask('SET', 'a', '1')).toBe('+OK\r\n')
    disk.held = true
    expect(client.ask('CONFIG', 'SET', 'appendfsync', 'always')).toBe('')
    expect(other.ask('CONFIG', 'GET', 'appendfsync')).toBe('*2\r\n$11\r\nappendfsync\r\n$6\r\nalways\r\n')
    expect(other.ask('SET', 'a', '2')).toBe('')
    await disk.release()
    expect(client.received()).toBe('+OK\r\n')
    expect(other.received()).toBe('')
    await disk.release()
    expect(other.received()).toBe('+OK\r\n')
  })
})

describe('INFO persistence', () => {
  test('shows the journal', async () => {
    const disk = new MemoryDisk()
    const { connect } = await start(disk, { appendfsync: 'everysec' })
    const client = connect()
    client.ask('SET', 'a', '1')
    const info = client.ask('INFO', 'persistence')
    expect(info).toContain('aof_enabled:1\r\n')
    expect(info).toContain('aof_current_size:50\r\n')
    expect(info).toContain('aof_last_write_status:ok\r\n')
    disk.fail('write', 'ENOSPC')
    client.ask('SET', 'b', '1')
    const other = connect()
    expect(other.ask('INFO', 'persistence')).toContain('aof_last_write_status:err\r\n')
    expect(other.ask('INFO', 'persistence')).toContain('aof_buffer_length:27\r\n')
  })
})
