// Whoever connects and does not read, does not end what it began, hangs up by half, or floods, costs the others nothing but a bounded piece of memory.
//
// Crowds of such clients meet a server in a process of its own, before and after AUTH, while somebody else asks PING.

import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { Random } from '../../src/util/numbers/random.ts'
import { chance, pick } from '../differential/values.ts'
import { encode } from '../support/engine.ts'
import { seedOf } from '../support/seed.ts'
import { eventually, RawConnection, temporaryDirectory } from '../support/server.ts'
import { residentBytes, startBesieged, Watch } from './besieged-server.ts'

const SEED = seedOf('SILENT_SEED')
const CLIENTS = process.env.SOAK === undefined ? 200 : 1000
/** PING is answered within, milliseconds of the server's own time; the clock of /proc has ticks of ten. */
const PING_MS_MAX = 250
/** A soak's crowd and its server share the machine with each other. */
const TIMEOUT_MS = process.env.SOAK === undefined ? 120_000 : 900_000
/** How long a listener that is full of those who came before is tried again. */
const CONNECT_RETRY_MS = 5
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
  // Nothing at all.
  () => '',
]

/** Connects, however many stand in line. */
async function connect(path: string): Promise<RawConnection> {
  for (;;) {
    try {
      return await RawConnection.open(path, { allowHalfOpen: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      await sleep(CONNECT_RETRY_MS)
    }
  }
}

/** Connects a crowd, and has each member send something and hear nothing. */
async function crowd(random: Random, path: string): Promise<RawConnection[]> {
  const clients: RawConnection[] = []
  for (let i = 0; i < CLIENTS; i++) {
    const client = await connect(path)
    client.socket.pause()
    const letter = pick(random, LETTERS)(random)
    client.send(letter)
    if (chance(random, 20)) client.send(letter)
    // Some have said all they are going to say, and some never stop.
    if (chance(random, 10)) client.socket.end()
    else if (chance(random, 5)) client.socket.on('drain', () => client.send(letter))
    clients.push(client)
  }
  return clients
}

/** A server with data, its owner, and the watch over it. */
async function besiege(
  options: readonly string[],
  login = '',
): Promise<{ owner: RawConnection; pid: number; watch: Watch; path: string }> {
  const server = await startBesieged(temporaryDirectory(), [
    ...['--client-output-buffer-limit', 'normal 1mb 512kb 1 pubsub 1mb 512kb 1'],
    ...options,
  ])
  const owner = await RawConnection.open(server.socketPath)
  for (const request of [
    ['SET', 'large', 'x'.repeat(MEBIBYTE)],
    ['RPUSH', 'list', ...Array(10_000).keys()],
  ]) {
    if (login !== '') {
      owner.send(login)
      await owner.takeLine()
    }
    owner.send(encode(request))
    await owner.takeLine()
  }
  const watch = await Watch.begin(server, login)
  onTestFinished(() => watch.end())
  return { owner, pid: server.child.pid!, watch, path: server.socketPath }
}

/** Has a crowd come, stay while messages are published, and go. Returns the most memory that was seen. */
async function visit(random: Random, owner: RawConnection, pid: number, path: string): Promise<number> {
  let most = 0
  const clients = await crowd(random, path)
  for (let i = 0; i < 100; i++) {
    owner.send(encode(['PUBLISH', 'news', 'x'.repeat(100_000)]))
    await owner.takeLine()
    most = Math.max(most, residentBytes(pid))
  }
  for (const client of clients) client.socket.destroy()
  return most
}

/** Tells what a soak has found. */
function report({ longestMs, pings }: Watch, bytes: number): void {
  if (process.env.SOAK === undefined) return
  console.log(
    `${CLIENTS} clients: ${(bytes / MEBIBYTE).toFixed(0)} MiB more, ${pings} PINGs, the longest ${longestMs.toFixed(0)} ms`,
  )
}

async function purge(owner: RawConnection): Promise<void> {
  owner.send(encode(['MEMORY', 'PURGE']))
  await owner.takeLine()
}

test(
  'a crowd that does not say who it is, and never reads, is bounded, and leaves nothing behind',
  async () => {
    const random = new Random(SEED)
    const { owner, pid, watch, path } = await besiege(['--requirepass', 'secret'], encode(['AUTH', 'secret']))
    const before = residentBytes(pid)
    const most = await visit(random, owner, pid, path)
    expect(most - before, `SILENT_SEED=${SEED}`).toBeLessThan(48 * MEBIBYTE)
    await eventually(async () => {
      await purge(owner)
      return residentBytes(pid) < before * 1.5
    }, 'the memory of clients that are gone')
    await watch.end()
    report(watch, most - before)
    expect(watch.longestMs, `SILENT_SEED=${SEED} ${watch.longestDuring}`).toBeLessThan(PING_MS_MAX)
  },
  TIMEOUT_MS,
)

test(
  'a crowd that never reads is held to the limits it is given, and the next one takes no more memory',
  async () => {
    const random = new Random(SEED)
    const { owner, pid, watch, path } = await besiege([])
    const before = residentBytes(pid)
    const first = await visit(random, owner, pid, path)
    expect(first - before, `SILENT_SEED=${SEED}`).toBeLessThan(CLIENTS * MEBIBYTE)
    // What the allocator keeps of the first crowd's is there for the second's.
    await purge(owner)
    const second = await visit(random, owner, pid, path)
    expect(second, `SILENT_SEED=${SEED}, first ${first}`).toBeLessThan(first * 1.75)
    await watch.end()
    report(watch, second - before)
    expect(watch.longestMs, `SILENT_SEED=${SEED} ${watch.longestDuring}`).toBeLessThan(PING_MS_MAX)
  },
  TIMEOUT_MS,
)
