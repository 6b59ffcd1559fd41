// SAVE, BGSAVE and BGREWRITEAOF at a node of a log: backups, and rewrites of the copy.

import { afterEach, expect, test } from 'vitest'
import { checkRdb } from '../../src/persistence/snapshot/check-rdb.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { TestClient } from '../support/engine.ts'
import type { MemoryDisk } from '../support/memory-disk.ts'
import { Cluster, type ClusterNode } from './cluster.ts'

let cluster: Cluster
afterEach(() => cluster.stop())

async function three(...options: ConstructorParameters<typeof Cluster>): Promise<ClusterNode> {
  cluster = new Cluster(...options)
  for (const name of ['a', 'b', 'c']) cluster.start(name)
  return cluster.leader()
}

async function info(member: ClusterNode): Promise<string> {
  return cluster.ask(member, 'INFO', 'persistence')
}

function bytesOfIncrements(disk: MemoryDisk): number {
  return disk.files.filter((name) => name.endsWith('incr.aof')).reduce((sum, name) => sum + disk.get(name).length, 0)
}

test.each(['SAVE', 'BGSAVE'])(
  '%s writes a snapshot that any server reads, at the leader and at a follower',
  async (command) => {
    const leader = await three()
    for (let i = 0; i < 20; i++) await cluster.ask(leader, 'SET', `key ${i}`, 'v')
    await cluster.pass(100)
    for (const member of cluster.nodes) {
      const said = command === 'SAVE' ? '+OK\r\n' : '+Background saving started\r\n'
      expect(await cluster.ask(member, command)).toBe(said)
      await cluster.pass(100)
      const { content, damage } = await checkRdb(member.disk, '/data/dump.rdb')
      expect(damage).toBeUndefined()
      expect(content.keys).toBe(20)
      const shown = await info(member)
      expect(shown).toContain('rdb_last_bgsave_status:ok')
      expect(shown).toContain('rdb_saves:1')
      expect(shown).toContain('rdb_bgsave_in_progress:0')
    }
  },
)

test('a snapshot beside the copy is not read at a start', async () => {
  const leader = await three()
  await cluster.ask(leader, 'SET', 'k', 'old')
  expect(await cluster.ask(leader, 'SAVE')).toBe('+OK\r\n')
  await cluster.ask(leader, 'SET', 'k', 'new')
  await cluster.pass(1500)
  cluster.kill(leader)
  await cluster.leader()
  const again = cluster.start(leader.name, leader.disk.copy())
  await cluster.pass(100)
  expect(again.refusal).toBeUndefined()
  expect(await cluster.ask(again, 'GET', 'k')).toBe('$3\r\nnew\r\n')
})

test('nothing is saved automatically, whatever the save points, and the data is not loaded again', async () => {
  const leader = await three({ save: '1 1' })
  await cluster.ask(leader, 'SET', 'k', 'v')
  await cluster.pass(5000)
  expect(await cluster.ask(leader, 'FLUSHALL')).toBe('+OK\r\n')
  for (const { disk } of cluster.nodes) expect(await disk.exists('/data/dump.rdb')).toBe(false)
  expect(await cluster.ask(leader, 'DEBUG', 'RELOAD')).toMatch(/^-ERR/)
})

test('BGREWRITEAOF rewrites the copy, of the leader and of a follower, which continue from it', async () => {
  const leader = await three()
  for (let i = 0; i < 100; i++) await cluster.ask(leader, 'SET', 'k', `${i} ${'x'.repeat(100)}`)
  await cluster.pass(100)
  const members = [...cluster.nodes]
  for (const member of members) {
    expect(bytesOfIncrements(member.disk)).toBeGreaterThan(20_000)
    // The second rewrite removes the files that the first has replaced.
    for (let i = 1; i <= 2; i++) {
      expect(await cluster.ask(member, 'BGREWRITEAOF')).toBe('+Background append only file rewriting started\r\n')
      await cluster.pass(1500)
      const shown = await info(member)
      expect(shown).toContain('aof_last_bgrewrite_status:ok')
      expect(shown).toContain(`aof_rewrites:${i}\r\n`)
      expect(shown).toContain('aof_rewrite_in_progress:0')
    }
    expect(bytesOfIncrements(member.disk)).toBeLessThan(10_000)
    if (member === leader) expect(await info(member)).toMatch(/aof_current_size:[1-9]/)
  }
  expect(await cluster.ask(leader, 'SET', 'k', 'last')).toBe('+OK\r\n')
  await cluster.pass(1500)
  for (const member of members) cluster.kill(member)
  for (const { disk, name } of members) cluster.start(name, disk.copy())
  expect(await cluster.ask(await cluster.leader(), 'GET', 'k')).toBe('$4\r\nlast\r\n')
})

test('aof-disable-auto-gc keeps the files of a copy that its rewrites have replaced', async () => {
  const leader = await three()
  const increments = () => leader.disk.files.filter((name) => name.endsWith('incr.aof')).length
  const rewriteThree = async () => {
    for (const value of ['1', '2', '3']) {
      await cluster.ask(leader, 'SET', 'k', value)
      await cluster.ask(leader, 'BGREWRITEAOF')
      await cluster.pass(100)
    }
  }
  await rewriteThree()
  const usual = increments()
  await cluster.ask(leader, 'CONFIG', 'SET', 'aof-disable-auto-gc', 'yes')
  await rewriteThree()
  expect(increments()).toBe(usual + 3)
  await cluster.ask(leader, 'CONFIG', 'SET', 'aof-disable-auto-gc', 'no')
  await rewriteThree()
  expect(increments()).toBe(usual)
})

test('one image is made at a time: other requests are refused or come next', async () => {
  const leader = await three()
  await cluster.ask(leader, 'SET', 'k', 'v')
  const replies = await cluster.ask(leader, 'MULTI')
  expect(replies).toBe('+OK\r\n')
  const { saving } = leader.engine.parts
  saving!.saveInBackground()
  expect(await Promise.resolve(saving!.busyWith)).toBe('save')
  saving!.scheduleRewrite()
  await cluster.pass(2000)
  expect(await info(leader)).toContain('aof_rewrites:1\r\n')
})

test('DEBUG AUDIT compares the memory of each node with its own copy, while the leader writes', async () => {
  const leader = await three()
  for (let i = 0; i < 30; i++) await cluster.ask(leader, 'SET', `key ${i}`, 'value')
  await cluster.pass(100)
  for (const member of [...cluster.nodes]) {
    const found: string[] = []
    for (const damages of [false, true]) {
      if (damages) {
        const db = member.engine.databases[0]!
        const value = db.strings.read(db.keys.find(Bytes.from('key 7')), new Bytes())
        value.source.u8[value.start]! ^= 1
      }
      const client = new TestClient(member.engine, 2)
      const reply = client.ask('DEBUG', 'AUDIT')
      for (let i = 0; i < 20; i++) await cluster.ask(leader, 'SET', `new ${i}`, member.name)
      await cluster.pass(500)
      found.push(reply + client.received())
    }
    expect(found[0]).toMatch(/\$9\r\ndiffering\r\n:0\r\n/)
    expect(found[1]).toMatch(/\$9\r\ndiffering\r\n:1\r\n[\s\S]*\r\nkey 7\r\n\$5\r\nvalue\r\n$/)
  }
})
