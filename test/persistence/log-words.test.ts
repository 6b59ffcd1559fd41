// What is logged when data is loaded and saved: the words that redis-server 7.2 says in the same situation, since people and
// tools look for them.

import { expect, test } from 'vitest'
import { openJournal } from '../../src/persistence/log/open-journal.ts'
import { createEngine, withoutJournal } from '../support/engine.ts'
import { commands, DIRECTORY, MANIFEST, putLog } from '../support/journal.ts'
import { MemoryDisk } from '../support/memory-disk.ts'
import { startSaving } from '../support/saving.ts'

const PID = `by pid ${process.pid}`

test('snapshots', async () => {
  const { connect, disk, finish, messages } = await startSaving()
  const client = connect()
  client.ask('SET', 'a', '1')
  client.ask('SAVE')
  await finish()
  client.ask('BGSAVE')
  await finish()
  expect(messages).toEqual([
    'DB saved on disk',
    `Background saving started ${PID}`,
    'DB saved on disk',
    'Background saving terminated with success',
  ])
  expect((await startSaving({ disk: disk.copy() })).messages).toEqual(['DB loaded from disk: 0.000 seconds'])
  messages.length = 0
  disk.fail('write', 'ENOSPC')
  client.ask('BGSAVE')
  await finish()
  expect(messages.slice(-1)).toEqual(['Background saving error: No space left on device'])
  disk.heal()
  disk.put('/data/dump.rdb', disk.get('/data/dump.rdb').subarray(0, 60))
  await expect(startSaving({ disk })).rejects.toThrow('Short read or OOM loading DB')
})

test('rewriting the append-only file, and loading it', async () => {
  const { connect, disk, finish, messages } = await startSaving({ settings: { appendonly: 'yes' } })
  const client = connect()
  client.ask('SET', 'a', '1')
  client.ask('BGREWRITEAOF')
  await finish()
  expect(messages).toEqual([
    `Background append only file rewriting started ${PID}`,
    'Background AOF rewrite finished successfully',
  ])
  client.ask('SET', 'b', '2')
  const again = await startSaving({ disk, settings: { appendonly: 'yes' } })
  expect(again.messages).toEqual([
    'DB loaded from base file appendonly.aof.2.base.rdb: 0.000 seconds',
    'DB loaded from incr file appendonly.aof.2.incr.aof: 0.000 seconds',
    'DB loaded from append only file: 0.000 seconds',
  ])
})

test('files that are torn or damaged', async () => {
  const whole = commands('SELECT 0', 'SET a 1')
  const name = 'appendonly.aof.1.incr.aof'
  const disk = new MemoryDisk()
  putLog(disk, { [name]: `${whole}*3\r\n$3\r\nSE` })
  const refuses = async (said: string, settings = {}) => {
    const test = createEngine({ dir: '/data', appendonly: 'yes', ...settings })
    withoutJournal(test)
    await expect(openJournal(test.engine, disk)).rejects.toThrow(said)
  }
  await refuses('Unexpected end of file reading the append only file', { 'aof-load-truncated': 'no' })
  const { messages } = await startSaving({ disk, settings: { appendonly: 'yes' } })
  expect(messages.slice(0, 3)).toEqual([
    `!!! Warning: short read while loading the AOF file ${name}!!!`,
    `!!! Truncating the AOF ${name} at offset ${whole.length} !!!`,
    `AOF ${name} loaded anyway because aof-load-truncated is enabled`,
  ])
  disk.put(`${DIRECTORY}/${name}`, `${whole}XXXX\r\n${whole}`)
  await refuses('Bad file format reading the append only file')
  disk.put(MANIFEST, 'garbage\n')
  await refuses('Invalid AOF manifest file format')
})
