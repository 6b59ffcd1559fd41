// Clients of clusters as their users use them: two nodes that share the slots, and one that has them all. Nobody sets up anything but the nodes' files.

import { spawn, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { Queue, Worker } from 'bullmq'
import { Cluster } from 'ioredis'
import { createCluster } from 'redis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../src/util/free-ports.ts'
import { FIRST, SECOND, twoShards } from '../cluster/node.ts'
import { redisServerMissing } from '../support/redis-server.ts'
import { eventually, startTestServer, temporaryDirectory } from '../support/server.ts'

const HOST = '127.0.0.1'
/** Starts two nodes that know each other; returns their ports. */
async function startNodes(): Promise<number[]> {
  const ports = [await freePort(), await freePort()]
  for (const [i, id] of [FIRST, SECOND].entries()) {
    const dir = temporaryDirectory()
    writeFileSync(join(dir, 'nodes.conf'), twoShards(id, ports))
    await startTestServer({ port: ports[i]!, dir, appendonly: false, config: { 'cluster-enabled': 'yes' } })
  }
  return ports
}

const KEYS = Array.from({ length: 40 }, (_, i) => `key:${i}`)

async function ioredisCluster(ports: readonly number[]): Promise<Cluster> {
  const cluster = new Cluster([{ host: HOST, port: ports[0]! }], { redisOptions: { maxRetriesPerRequest: null } })
  onTestFinished(() => cluster.disconnect())
  await new Promise((resolve) => cluster.once('ready', resolve))
  return cluster
}

describe('two nodes', () => {
  test('ioredis: keys of both, pipelines and transactions in a slot, shard channels, scripts', async () => {
    const cluster = await ioredisCluster(await startNodes())
    for (const key of KEYS) expect(await cluster.set(key, key)).toBe('OK')
    expect(await Promise.all(KEYS.map((key) => cluster.get(key)))).toEqual(KEYS)
    const sizes = await Promise.all(cluster.nodes('master').map((node) => node.dbsize()))
    expect(sizes.length).toBe(2)
    expect(sizes.every((size) => size > 0) && sizes[0]! + sizes[1]! === KEYS.length).toBe(true)
    expect(await cluster.multi().set('{t}a', 1).incr('{t}a').exec()).toEqual([
      [null, 'OK'],
      [null, 2],
    ])
    await expect(cluster.mget('a', 'b')).rejects.toThrow('CROSSSLOT')
    expect(await cluster.eval("return redis.call('GET', KEYS[1])", 1, '{t}a')).toBe('2')
  })

  test('node-redis: keys of both, transactions', async () => {
    const ports = await startNodes()
    const cluster = createCluster({ rootNodes: [{ url: `redis://${HOST}:${ports[1]}` }] })
    await cluster.connect()
    onTestFinished(() => cluster.disconnect())
    for (const key of KEYS) expect(await cluster.set(key, key)).toBe('OK')
    expect(await Promise.all(KEYS.map((key) => cluster.get(key)))).toEqual(KEYS)
    expect(await cluster.multi().set('{t}a', '1').incr('{t}a').exec()).toEqual(['OK', 2])
  })

  test('BullMQ with a hash tag: jobs of queues on both nodes are done once', async () => {
    const ports = await startNodes()
    const connection = await ioredisCluster(ports)
    const done: string[] = []
    // Slots 5061 and 12182.
    for (const prefix of ['{bar}', '{foo}']) {
      const queue = new Queue<number>('jobs', { connection, prefix })
      const worker = new Worker<number>('jobs', async (job) => void done.push(`${prefix}${job.data}`), {
        connection,
        prefix,
        concurrency: 5,
      })
      onTestFinished(async () => {
        await worker.close(true)
        await queue.close()
      })
      await queue.addBulk(Array.from({ length: 20 }, (_, i) => ({ name: 'n', data: i })))
    }
    await eventually(() => done.length >= 40)
    expect(new Set(done).size).toBe(40)
  })

  test('redis-py: keys of both', async ({ skip }) => {
    const python = ['python3', '/usr/bin/python3'].find(
      (name) => spawnSync(name, ['-c', 'from redis.cluster import RedisCluster']).status === 0,
    )
    if (python === undefined) skip('there is no Python with redis-py (apt-get install python3-redis)')
    const ports = await startNodes()
    const code = `
from redis.cluster import RedisCluster
r = RedisCluster(host='${HOST}', port=${ports[0]})
for i in range(40): r.set('key:%d' % i, i)
print([int(r.get('key:%d' % i)) for i in range(40)] == list(range(40)), len(r.get_primaries()), r.cluster_info()['cluster_state'])
`
    expect(await run(python!, ['-c', code])).toBe('True 2 ok\n')
  })

  test.skipIf(redisServerMissing())(
    'redis-cli: -c follows, --cluster checks and moves slots with their keys',
    async () => {
      const ports = await startNodes()
      const typed = KEYS.map((key) => `SET ${key} ${key}\n`).join('')
      const [first, second] = ports as [number, number]
      expect(await run('redis-cli', ['-c', '-p', String(first)], typed)).toContain('OK')
      const moved = await run('redis-cli', [
        ...['--cluster', 'reshard', `${HOST}:${first}`, '--cluster-from', FIRST, '--cluster-to', SECOND],
        ...['--cluster-slots', '20', '--cluster-yes'],
      ])
      expect(moved).toContain('Moving slot 19 from')
      for (const port of [first, second]) {
        const checked = await run('redis-cli', ['--cluster', 'check', `${HOST}:${port}`])
        expect(checked).toContain('[OK] 40 keys in 2 masters.')
        expect(checked).toContain('[OK] All nodes agree about slots configuration.')
        expect(checked).toContain('[OK] All 16384 slots covered.')
      }
      // A slot that has keys: foo's.
      await run('redis-cli', ['-c', '-p', String(first)], 'SET foo here\nLPUSH {foo}l 1 2 3\n')
      const ask = (port: number, ...words: string[]) => run('redis-cli', ['-p', String(port), ...words])
      await ask(first, 'CLUSTER', 'SETSLOT', '12182', 'IMPORTING', SECOND)
      await ask(second, 'CLUSTER', 'SETSLOT', '12182', 'MIGRATING', FIRST)
      const fixed = await run('redis-cli', ['--cluster', 'fix', `${HOST}:${first}`])
      expect(fixed).toContain('[OK] All 16384 slots covered.')
      expect(await ask(first, 'CLUSTER', 'COUNTKEYSINSLOT', '12182')).toBe('2\n')
      expect(await ask(second, 'GET', 'foo')).toContain(`MOVED 12182 ${HOST}:${first}`)
      expect(await run('redis-cli', ['-c', '-p', String(second), 'LRANGE', '{foo}l', '0', '-1'])).toBe('3\n2\n1\n')
    },
  )
})

test('one node: what it owns is there after a restart, and clients need no file', async () => {
  const dir = temporaryDirectory()
  const options = { port: await freePort(), dir, appendonly: false, config: { 'cluster-enabled': 'yes' } } as const
  const server = await startTestServer(options)
  const setUp = await connect(options.port)
  expect(await setUp('CLUSTER ADDSLOTSRANGE 0 16383')).toBe('+OK')
  const id = await setUp('CLUSTER MYID')
  const cluster = await ioredisCluster([options.port])
  expect(await cluster.set('foo', 'bar')).toBe('OK')
  cluster.disconnect()
  await server.close()
  await startTestServer(options)
  const again = await connect(options.port)
  expect(await again('CLUSTER MYID')).toBe(id)
  expect(await again('CLUSTER SLOTS')).toBe('*1')
  expect(await again('GET foo')).toBe('$-1')
})

/** Asks for the first line of replies, over one connection. */
async function connect(port: number): Promise<(line: string) => Promise<string>> {
  const socket = net.connect(port, HOST)
  onTestFinished(() => void socket.destroy())
  await new Promise((resolve) => socket.once('connect', resolve))
  return async (line) => {
    socket.write(`${line}\r\n`)
    const reply = await new Promise<Buffer>((resolve) => socket.once('data', resolve))
    const [first, second] = reply.toString('latin1').split('\r\n')
    return first === '$40' ? second! : first!
  }
}

async function run(program: string, words: readonly string[], input = ''): Promise<string> {
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  child.stdout.setEncoding('latin1').on('data', (text: string) => {
    output += text
  })
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  await new Promise((resolve) => child.once('close', resolve))
  return output
}
