// Whoever connects and does not read, does not end what it began, or floods, costs the others nothing but a bounded piece of memory.
//
// Crowds of such clients meet a server in a process of its own, before and after AUTH, while somebody else asks PING.

import { expect, onTestFinished, test } from 'vitest'
import { Random } from '../../src/util/random.ts'
import { chance, pick } from '../differential/values.ts'
import { encode } from '../support/engine.ts'
import { seedOf } from '../support/seed.ts'
import { eventually, RawConnection, temporaryDirectory } from '../support/server.ts'
import { residentBytes, startBesieged, Watch } from './besieged-server.ts'

const SEED = seedOf('SILENT_SEED')
const CLIENTS = process.env.SOAK === undefined ? 300 : 1000
/** PING is answered within, milliseconds of the server's own time. */
const PING_MS_MAX = 100
const MEBIBYTE = 1024 * 1024

/** What a client sends and never looks after. */
const LETTERS: readonly ((random: Random) => string)[] = [
  // Half of something.
  () => '*',
  () => '*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\n',
  () => '*1048576\r\n',
  () => '*1000000000\r\n$1\r\n',
  () => `SET k ${'x'.repeat(60_000)}`,
  (random) => encode(['SET', 'k', 'v'.repeat(random.below(100_000))]).slice(0, -1),
  // Questions whose answers nobody reads.
  () => encode(['GET', 'large']).repeat(64),
  () => encode(['LRANGE', 'list', 0, -1]).repeat(64),
  () => encode(['PING']).repeat(20_000),
  () => encode(['NONSENSE', 'x'.repeat(100)]).repeat(5000),
  () => encode(['HELLO', 3]).repeat(2000),
  () => encode(['AUTH', 'wrong']).repeat(5000),
  () => 'PING\r\n'.repeat(20_000),
  () => encode(['SUBSCRIBE', 'news']),
  () => encode(['PSUBSCRIBE', 'n*', '*']),
  () => encode(['BLPOP', 'nothing', 0]) + encode(['PING']).repeat(5000),
  () => encode(['MULTI']) + encode(['SET', 'k', 'x'.repeat(1000)]).repeat(500),
  () => encode(['CLIENT', 'REPLY', 'OFF']) + encode(['GET', 'large']).repeat(100),
  () => '\0\0\0\r\n'.repeat(10_000),
  () => '$-1\r\n*-1\r\n*0\r\n'.repeat(5000),
]

/** Connects a crowd, and has each member send something and hear nothing. */
async function crowd(random: Random, path: string): Promise<RawConnection[]> {
  const clients: RawConnection[] = []
  for (let i = 0; i < CLIENTS; i++) {
    const client = await RawConnection.open(path)
    client.socket.pause()
    const letter = pick(random, LETTERS)(random)
    client.send(letter)
    if (chance(random, 20)) client.send(letter)
    clients.push(client)
  }
  return clients
}

test.each([
  { when: 'before they say who they are', options: ['--requirepass', 'secret'], grownMax: 48 * MEBIBYTE },
  { when: 'within the limits they are given', options: [], grownMax: 400 * MEBIBYTE },
])('a crowd that never reads is bounded $when', async ({ options, grownMax }) => {
  const random = new Random(SEED)
  const limits = ['--client-output-buffer-limit', 'normal 1mb 512kb 1 pubsub 1mb 512kb 1']
  const server = await startBesieged(temporaryDirectory(), [...limits, ...options])
  const login = options.length > 0 ? encode(['AUTH', 'secret']) : ''
  const owner = await RawConnection.open(server.socketPath)
  owner.send(
    login + encode(['SET', 'large', 'x'.repeat(MEBIBYTE)]) + encode(['RPUSH', 'list', ...Array(10_000).keys()]),
  )
  if (login !== '') await owner.takeLine()
  await owner.takeLine()
  await owner.takeLine()
  const watch = await Watch.begin(server, login)
  onTestFinished(() => watch.end())
  const before = residentBytes(server.child.pid!)

  let most = 0
  const clients = await crowd(random, server.socketPath)
  for (let i = 0; i < 200; i++) {
    owner.send(encode(['PUBLISH', 'news', 'x'.repeat(100_000)]))
    await owner.takeLine()
    most = Math.max(most, residentBytes(server.child.pid!))
  }
  expect(most - before, `SILENT_SEED=${SEED}`).toBeLessThan(grownMax)
  for (const client of clients) client.socket.destroy()
  await eventually(async () => {
    owner.send(encode(['MEMORY', 'PURGE']))
    await owner.takeLine()
    return residentBytes(server.child.pid!) < before * 1.5
  }, 'the memory of clients that are gone')
  await watch.end()
  expect(watch.longestMs, `SILENT_SEED=${SEED} ${watch.longestDuring}`).toBeLessThan(PING_MS_MAX)
})
