// Clients of Redis Sentinel as their users use them, on data nodes that answer in a Sentinel's place: a primary and its replica.

import { spawn, spawnSync } from 'node:child_process'
import { Redis } from 'ioredis'
import { createSentinel } from 'redis'
import { expect, onTestFinished, test } from 'vitest'
import type { RunningServer } from '../../src/index.ts'
import { eventually, startTestServer } from '../support/server.ts'

const HOST = '127.0.0.1'
const NAME = 'mymaster'

async function startShard(): Promise<{ primary: RunningServer; replica: RunningServer }> {
  const config = { 'shard-name': NAME, 'repl-diskless-sync-delay': 0 }
  const options = { appendonly: false, config }
  const primary = await startTestServer(options)
  const replica = await startTestServer({ ...options, config: { ...config, replicaof: `${HOST} ${primary.port}` } })
  const admin = new Redis(primary.port, HOST)
  await eventually(async () => (await admin.info('replication')).includes('state=online'))
  admin.disconnect()
  return { primary, replica }
}

test('ioredis finds the primary by any node, the replica for reads, and the new primary after a failover', async () => {
  const { primary, replica } = await startShard()
  const sentinels = [replica, primary].map(({ port }) => ({ host: HOST, port }))
  const options = { sentinels, name: NAME, maxRetriesPerRequest: null, failoverDetector: true } as const
  const redis = new Redis({ ...options, sentinelRetryStrategy: () => 10, reconnectOnError: () => 2 })
  const reader = new Redis({ ...options, failoverDetector: false, role: 'slave' })
  onTestFinished(() => {
    redis.disconnect()
    reader.disconnect()
  })
  expect(await redis.set('a', 1)).toBe('OK')
  await eventually(async () => (await reader.get('a')) === '1')
  expect(reader.stream.remotePort).toBe(replica.port)
  expect(redis.stream.remotePort).toBe(primary.port)
  const admin = new Redis(primary.port, HOST)
  await admin.call('FAILOVER')
  await eventually(async () => String(await admin.call('ROLE')).startsWith('slave'))
  admin.disconnect()
  expect(await redis.set('a', 2)).toBe('OK')
  expect(redis.stream.remotePort).toBe(replica.port)
})

test('node-redis writes to the primary and reads from the replica', async () => {
  const { primary, replica } = await startShard()
  const sentinel = createSentinel({
    name: NAME,
    sentinelRootNodes: [{ host: HOST, port: replica.port }],
    replicaPoolSize: 1,
  })
  sentinel.on('error', () => {})
  await sentinel.connect()
  onTestFinished(() => sentinel.close())
  expect(await sentinel.set('a', '1')).toBe('OK')
  expect(primary.port).not.toBe(replica.port)
  await eventually(async () => (await sentinel.get('a')) === '1')
})

test('redis-py discovers primary and replicas', async ({ skip }) => {
  const python = ['python3', '/usr/bin/python3'].find(
    (name) => spawnSync(name, ['-c', 'import redis.sentinel']).status === 0,
  )
  if (python === undefined) skip('there is no Python with redis-py (apt-get install python3-redis)')
  const { primary, replica } = await startShard()
  const code = `
from redis.sentinel import Sentinel
s = Sentinel([('${HOST}', ${primary.port})])
print(s.discover_master('${NAME}'), s.discover_slaves('${NAME}'), s.master_for('${NAME}').set('a', 1))
`
  const child = spawn(python!, ['-c', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  await new Promise((resolve) => child.once('close', resolve))
  expect(output).toBe(`('${HOST}', ${primary.port}) [('${HOST}', ${replica.port})] True\n`)
})
