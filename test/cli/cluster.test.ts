// `respite cluster` with real brokers on a real log; for several shards with a server that replies
// as one of them would.

import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { runCluster } from '../../src/cli/cluster.ts'
import type { SlotMove } from '../../src/engine/cluster-view/cluster-view.ts'
import { freePorts } from '../../src/util/free-ports.ts'
import { program } from '../support/build.ts'
import { type LogServers, NATS_USER, natsServerMissing, startNatsServers } from '../support/log-servers.ts'
import { eventually, temporaryDirectory } from '../support/server.ts'

async function run(...args: string[]): Promise<{ code: number; printed: string }> {
  const lines: string[] = []
  const terminal = { print: (line: string) => void lines.push(line), confirm: async () => false }
  const code = await runCluster(args, terminal)
  return { code, printed: lines.join('\n') }
}

describe.skipIf(natsServerMissing())('over real servers', () => {
  let nats: LogServers

  beforeAll(async () => {
    nats = await startNatsServers()
  })

  afterAll(async () => {
    await nats?.stop()
  })

  const logServers = (): string => `nats://${NATS_USER.user}:${NATS_USER.password}@${nats.addresses.join(',')}`

  test('create checks the log and writes files that brokers start with; status prints their state; remove removes one', async () => {
    const dir = temporaryDirectory()
    const into = join(dir, 'conf')
    const nodes = (await freePorts(2)).map((port) => `127.0.0.1:${port}`)
    const log = `${logServers()}?bytes=64mb`
    const words = ['--name', 'orders', '--log', log, '--nodes', nodes.join(','), '--into', into]
    const made = await eventually(async () => {
      const tried = await run('create', ...words)
      return tried.code === 0 ? tried : undefined
    }, 'a log with a leader')
    expect(made.printed).toContain('/orders?bytes=64mb exists and is safe')
    expect(made.printed).not.toContain(NATS_USER.password)
    expect(made.printed).toContain('without --snapshots the log grows until it is full')
    const files = readdirSync(into).sort()
    expect(files).toEqual(nodes.map((node) => `respite-${node.replace(':', '-')}.conf`).sort())
    expect(statSync(join(into, files[0]!)).mode & 0o777).toBe(0o600)
    const first = readFileSync(join(into, files[0]!), 'utf8')
    expect(first).toContain('appendfsync always\n')
    // Both are on this host.
    expect(first).toContain(`dir /var/lib/respite/${/-(\d+)\.conf$/.exec(files[0]!)![1]}\n`)

    const away = await run('status', '--nodes', nodes.join(','))
    expect(away.code).toBe(1)
    expect(away.printed).toMatch(/^! 127\.0\.0\.1:\d+: connect ECONNREFUSED/m)

    const brokers = nodes.map((node): ChildProcess => {
      const file = join(into, `respite-${node.replace(':', '-')}.conf`)
      const broker = spawn(process.execPath, [program(), file, '--dir', temporaryDirectory()], { stdio: 'ignore' })
      onTestFinished(() => void broker.kill('SIGKILL'))
      return broker
    })
    const well = await eventually(async () => {
      const said = await run('status', '--nodes', nodes.join(','))
      return said.code === 0 && said.printed.includes('following') ? said : undefined
    }, 'all is well')
    expect(well.printed).toMatch(/^127\.0\.0\.1:\d+ +leading +orders +\d+ +\d+ +\d+ ms, \d+ under way$/m)
    expect(well.printed).toMatch(/^127\.0\.0\.1:\d+ +following +orders +\d+ +\d+ +\d+$/m)
    expect(well.printed).toMatch(/\nAll is well\.$/)

    const leader = nodes.findIndex((node) => new RegExp(`^${node} +leading`, 'm').test(well.printed))
    const [gone, left] = [nodes[leader]!, nodes[1 - leader]!]
    expect((await run('remove', '--node', gone, '--others', gone)).code).toBe(2)
    expect((await run('remove', '--node', gone, '--others', '127.0.0.1:1')).printed).toContain('no broker would lead')
    const removed = await run('remove', '--node', gone, '--others', left)
    expect(removed.printed).toContain(`${gone} leads: it hands over`)
    expect(removed.printed).toContain(`${gone} has ended`)
    expect(removed.code).toBe(0)
    await eventually(() => brokers[leader]!.exitCode === 0, 'it has ended')
    const after = await eventually(async () => {
      const said = await run('status', '--nodes', left)
      return said.code === 0 ? said : undefined
    }, 'the other leads')
    expect(after.printed).toMatch(new RegExp(`^${left} +leading`, 'm'))
  })

  test('add-shard tells the space that a log wants, the space that is free, and the option', async () => {
    const options = '?bytes=3gb'
    const made = await run('create', '--name', 'large', '--log', logServers() + options, '--nodes', '127.0.0.1:7001')
    expect(made.printed).toContain('exists and is safe')
    const words = ['--first-log', `${logServers()}/large`, '--name', 'more', '--nodes', '127.0.0.1:7002']
    const { code, printed } = await run('add-shard', ...words, '--log', logServers() + options)
    expect(code).toBe(1)
    expect(printed).toMatch(
      /^The log cannot be used: the log more wants 3\.00G on each of 3 servers; free are \d+\.\d\dM of 4\.00G on nats-0, .* on nats-1, .* on nats-2: give the address '\?bytes=SIZE' with less, or the servers more by max_file_store$/,
    )
  })

  test('status shows the slots of each shard; its broker has a directory of its own', async () => {
    const [node] = (await freePorts(1)).map((port) => `127.0.0.1:${port}`)
    const into = temporaryDirectory()
    const log = `${logServers()}?bytes=64mb`
    const words = ['--name', 'slots', '--log', log, '--nodes', node!, '--into', into, '--slots', 'yes']
    expect((await run('create', ...words)).code).toBe(0)
    const file = join(into, `respite-${node!.replace(':', '-')}.conf`)
    expect(readFileSync(file, 'utf8')).toContain('dir /var/lib/respite/slots\n')
    const broker = spawn(process.execPath, [program(), file, '--dir', temporaryDirectory()], { stdio: 'ignore' })
    onTestFinished(() => void broker.kill('SIGKILL'))
    const { printed } = await eventually(async () => {
      const said = await run('status', '--nodes', node!)
      return said.code === 0 ? said : undefined
    }, 'it leads')
    expect(printed).toMatch(new RegExp(`^${node} +leading +slots .* 0-16383 \\(16384\\)$`, 'm'))
  })

  test('create refuses a log that could lose data, with the reason', async () => {
    const loose = await startNatsServers({ count: 1, syncInterval: '2m' })
    onTestFinished(() => loose.stop())
    const log = `nats://${NATS_USER.user}:${NATS_USER.password}@${loose.addresses[0]}`
    const { code, printed } = await eventually(async () => {
      const tried = await run('create', '--name', 'orders', '--log', log, '--nodes', '127.0.0.1:7001')
      return tried.printed.includes('can be reached') ? undefined : tried
    }, 'a server')
    expect(code).toBe(1)
    expect(printed).toMatch(/^The log cannot be used: /)
  })
})

/**
 * A leader of shard `a`, which owns all slots but the last, as CLUSTER reports it. Moves take a few
 * polls.
 */
async function startShardServer(): Promise<{ address: string; asked: string[] }> {
  const asked: string[] = []
  let looks = 0
  const server = createServer((socket) => {
    socket.on('data', (chunk) => {
      const words = [...chunk.toString().matchAll(/\$\d+\r\n(.*?)\r\n/g)].map(([, word]) => word!)
      asked.push(words.join(' '))
      socket.write(answer(words.join(' ')))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as { port: number }
  const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`
  const node = `*12\r\n${['id', 'id-of-a'].map(bulk).join('')}${bulk('port')}:${port}\r\n${['ip', '127.0.0.1', 'endpoint', '127.0.0.1', 'role', 'master'].map(bulk).join('')}${bulk('replication-offset')}:0\r\n`
  const answer = (request: string): string => {
    if (request === 'CLUSTER SHARDS')
      return `*1\r\n*4\r\n${bulk('slots')}*4\r\n:0\r\n:99\r\n:200\r\n:16382\r\n${bulk('nodes')}*1\r\n${node}`
    if (request === 'CONFIG GET shard-name') return `*2\r\n${['shard-name', 'a'].map(bulk).join('')}`
    if (request.startsWith('CLUSTER MOVESLOTS b')) return '+OK\r\n'
    if (request.startsWith('CLUSTER MOVESLOTS')) return '-ERR Unknown shard\r\n'
    looks++
    const states: SlotMove['state'][] = ['copying', 'handing over']
    const state = states[looks - 1] ?? 'done'
    return `*1\r\n*8\r\n${['from', 'a', 'to', 'b', 'state', state, 'keys-moved'].map(bulk).join('')}:${looks}\r\n`
  }
  return { address: `127.0.0.1:${port}`, asked }
}

describe('move-slots', () => {
  test('makes the leader of a shard give slots away, and shows the progress', async () => {
    const { address, asked } = await startShardServer()
    const words = ['move-slots', '--node', address, '--from', 'a', '--to', 'b']
    const { code, printed } = await run(...words, '--slots', '5,0-3')
    expect(printed.split('\n')).toEqual([
      'a gives b the slots 5-5,0-3',
      'copying: 1 keys moved',
      'handing over: 2 keys moved',
      'done: 3 keys moved',
    ])
    expect(code).toBe(0)
    // The last slots, by count.
    await run(...words, '--count', '16184')
    expect(asked.filter((request) => request.startsWith('CLUSTER MOVESLOTS'))).toEqual([
      'CLUSTER MOVESLOTS b 5 5 0 3',
      'CLUSTER MOVESLOTS b 99 99 200 16382',
    ])
  })

  test.each([
    [['--slots', '16384'], "'16384' are not slots"],
    [['--slots', '5-3'], "'5-3' are not slots"],
    [['--count', '16384'], 'it has only 16283 slots'],
    [[], "give either '--slots' or '--count'"],
  ])('refuses %j', async (words, reason) => {
    const { address } = await startShardServer()
    const { code, printed } = await run('move-slots', '--node', address, '--from', 'a', '--to', 'b', ...words)
    expect(printed).toContain(reason)
    expect(code).toBe(2)
  })

  test('reports refusals of the broker, and shards without a leader', async () => {
    const { address } = await startShardServer()
    const slots = ['--slots', '1']
    expect(await run('move-slots', '--node', address, '--from', 'a', '--to', 'c', ...slots)).toEqual({
      code: 1,
      printed: `respite cluster move-slots: ${address}: ERR Unknown shard`,
    })
    expect((await run('move-slots', '--node', address, '--from', 'x', '--to', 'b', ...slots)).printed).toContain(
      'no shard x has a leader here',
    )
  })
})

test('the command line is explained', async () => {
  expect(await run('--help')).toMatchObject({ code: 0, printed: expect.stringContaining('Usage: respite cluster') })
  for (const words of [
    [],
    ['destroy'],
    ['status'],
    ['status', '--nodes'],
    ['status', '--nodes', 'here'],
    ['create', '--x', 'y'],
  ])
    expect((await run(...words)).code, words.join(' ')).toBe(2)
  expect((await run('status', '--nodes', '127.0.0.1:1', '--passwrod', 'x')).printed).toBe(
    "respite cluster status: there is no option '--passwrod'",
  )
  expect((await run('status', '--nodes', '127.0.0.1:1', '--cacrt', 'x')).printed).toBe(
    "respite cluster status: there is no option '--cacrt': did you mean '--cacert'?",
  )
  // What is missing was said, with a slip.
  expect((await run('create', '--nmae', 'orders')).printed).toBe(
    "respite cluster create: there is no option '--nmae': did you mean '--name'?",
  )
  expect((await run('creat', '--name', 'orders')).printed).toMatch(
    /^respite cluster: there is no command 'creat': did you mean 'create'\?\n\n?Usage: /,
  )
})
