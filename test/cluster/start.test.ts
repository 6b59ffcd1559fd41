// Nodes as servers: reading their file at the start, and a replica of one of them.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { PersistenceError } from '../../src/index.ts'
import { eventually, startTestServer, temporaryDirectory } from '../support/server.ts'
import { FIRST, SECOND } from './node.ts'

const options = { appendonly: false, config: { 'cluster-enabled': 'yes', 'repl-diskless-sync-delay': 0 } }

function connect(port: number): Redis {
  const redis = new Redis(port, '127.0.0.1')
  onTestFinished(() => redis.disconnect())
  return redis
}

test('a damaged file stops the start, and the error says what to do', async () => {
  const dir = temporaryDirectory()
  writeFileSync(join(dir, 'nodes.conf'), 'what is this\n')
  const started = startTestServer({ ...options, dir })
  await expect(started).rejects.toThrow(PersistenceError)
  await expect(started).rejects.toThrow(/nodes\.conf: this is not a node: 'what is this'\. Mend it, or move it away/)
})

test('a file that cannot be read stops the start; replicaof is refused in cluster mode', async () => {
  const dir = temporaryDirectory()
  mkdirSync(join(dir, 'nodes.conf'))
  await expect(startTestServer({ ...options, dir })).rejects.toThrow(PersistenceError)
  const config = { ...options.config, replicaof: '127.0.0.1 1' }
  await expect(startTestServer({ ...options, dir: temporaryDirectory(), config })).rejects.toThrow(
    'replicaof directive not allowed in cluster mode',
  )
})

test('an empty node becomes a replica, answers READONLY, is one again after a restart, and empty after RESET', async () => {
  const dir = temporaryDirectory()
  const primary = await startTestServer({ ...options, dir: temporaryDirectory() })
  const admin = connect(primary.port)
  await admin.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16383)
  await admin.set('foo', 'bar')
  const id = String(await admin.call('CLUSTER', 'MYID'))
  expect([FIRST, SECOND]).not.toContain(id)
  writeFileSync(
    join(dir, 'nodes.conf'),
    `${FIRST} :0@0 myself,master - 0 0 0 connected\n${id} 127.0.0.1:${primary.port}@0 master - 0 0 1 connected 0-16383\n`,
  )
  const first = await startTestServer({ ...options, dir })
  const replica = connect(first.port)
  await expect(replica.call('CLUSTER', 'REPLICATE', FIRST)).rejects.toThrow("Can't replicate myself")
  await expect(replica.get('foo')).rejects.toThrow(`MOVED 12182 127.0.0.1:${primary.port}`)
  expect(await replica.call('CLUSTER', 'REPLICATE', id)).toBe('OK')
  await replica.call('READONLY')
  await eventually(async () => (await replica.get('foo').catch(() => '')) === 'bar')
  await expect(replica.set('foo', 1)).rejects.toThrow('MOVED')
  expect(readFileSync(join(dir, 'nodes.conf'), 'latin1')).toContain(`myself,slave ${id} `)
  replica.disconnect()
  await first.close()

  const second = await startTestServer({ ...options, dir })
  const again = connect(second.port)
  await again.call('READONLY')
  await eventually(async () => (await again.get('foo').catch(() => '')) === 'bar')
  expect(await again.call('CLUSTER', 'RESET')).toBe('OK')
  expect([await again.dbsize(), String(await again.call('ROLE')).split(',')[0]]).toEqual([0, 'master'])
})
