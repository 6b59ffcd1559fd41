// What do channels that remember cost: publishing to them, hearing what was missed, being
// remembered?

import { startChild } from './child.ts'
import { alternate, median, medianOf, ratio } from './pairs.ts'
import { type Answer, atLeast, bounded, perSecond, type Question, type Row, type Scale } from './question.ts'
import { RIVALS, type Rival, residentBytes, type Server, startServer } from './servers.ts'
import { encode, open } from './wire.ts'

const PAYLOAD_BYTES = 64
const CATCH_UP = 1_000_000
const RETAINED = 1000
const SUBSCRIBERS = 9
const REMEMBERED = 100_000
const STUCK = 1000
const STUCK_SECONDS = 4
const STUCK_PER_SECOND = 50_000

const RULES = [
  '--channel',
  'kept.* keep 1h',
  '--channel',
  'last.* keep-last 1',
  '--channel',
  'few.* keep 1h max-messages 100000',
]
const PERSISTENT = ['--appendonly', 'yes', '--save', '']

type Mode = 'publish' | 'deliver' | 'catch-up'

async function ask(scale: Scale): Promise<Answer> {
  const servers = new Map<Rival, Server>()
  for (const rival of RIVALS) {
    servers.set(rival, await startServer(rival, rival === 'respite' ? [...PERSISTENT, ...RULES] : PERSISTENT))
  }
  const ours = servers.get('respite')!
  const rows: Row[] = []
  const add = (row: Row) => {
    rows.push(row)
    console.log(`  ${row.what}: ${row.respite} : ${row.redis} = ${row.figure}`)
  }
  const start = (rival: Rival, mode: Mode, more: object = {}) =>
    startChild<{ perSecond: number }>('channels', {
      port: servers.get(rival)!.port,
      rival,
      mode,
      seconds: scale.seconds,
      payloadBytes: PAYLOAD_BYTES,
      ...more,
    })
  const run = (rival: Rival, mode: Mode) => start(rival, mode).result
  try {
    const publishing = await alternate(async (rival) => (await run(rival, 'publish')).perSecond)
    add({
      ...atLeast(
        'PUBLISH to a kept channel : XADD, 50 clients, P=16, nobody listens',
        ratio(publishing),
        1,
        perSecond(medianOf(publishing, 'respite')),
        perSecond(medianOf(publishing, 'redis')),
      ),
    })
    add(lowest('PUBLISH to a kept channel, 50 clients, P=16', medianOf(publishing, 'respite'), 500_000))
    const delivering = await alternate(async (rival) => (await run(rival, 'deliver')).perSecond)
    add(
      atLeast(
        'PUBLISH to a kept channel and one subscriber : XADD and XREAD',
        ratio(delivering),
        1,
        perSecond(medianOf(delivering, 'respite')),
        perSecond(medianOf(delivering, 'redis')),
      ),
    )

    const messages = scale.quick ? 5000 : CATCH_UP
    const catching = start('respite', 'catch-up', { messages })
    await catching.ready
    const pinger = startChild<{ latencies: number[] }>('ping', { port: ours.port, words: ['PING'], everyMs: 1 })
    const caught = await catching.result
    pinger.finish()
    const longestPingMs = (await pinger.result).latencies.at(-1)!
    add(
      lowest(
        `a named subscriber hears ${messages} messages that it missed, while another publishes`,
        caught.perSecond,
        1_000_000,
      ),
    )
    add(bounded('longest PING meanwhile', longestPingMs, 5, 'ms', ''))

    await retain(ours.port)
    const subscribing = `SUBSCRIBE to ${RETAINED} channels with a last value each, until all are there`
    const first = await retained(ours.port)
    add({ ...bounded(`${subscribing}: the first to do so`, first, 0, 'ms', ''), target: '', met: undefined })
    const times: number[] = []
    for (let i = 0; i < SUBSCRIBERS; i++) times.push(await retained(ours.port))
    add(bounded(`${subscribing}: the median of ${SUBSCRIBERS} more`, median(times), 20, 'ms', ''))
    add(
      bounded(
        'memory of a remembered subscriber',
        await remembered(ours, scale.quick ? 1000 : REMEMBERED),
        300,
        'bytes',
        '',
      ),
    )
    const stuck = await stuckReaders(ours, scale.quick ? 20 : STUCK, scale.quick ? 0.2 : STUCK_SECONDS)
    add(bounded('memory of a reader that is stuck', stuck, 64, 'KiB', ''))
    return {
      title: 'Channels and schedules: messages that are kept',
      commandLines: RIVALS.map((rival) => servers.get(rival)!.commandLine),
      rows,
      notes: [
        `${PAYLOAD_BYTES} bytes of payload; the append-only file is on. redis-server keeps nothing of PUBLISH: it is compared with what is used instead, XADD, and XREAD with BLOCK for the delivery.`,
        'The first to subscribe to so many has the server compile what it takes.',
        `${STUCK} connections that do not read, while ${STUCK_PER_SECOND} messages a second are published for ${STUCK_SECONDS} s: what the process has grown by, divided.`,
      ],
    }
  } finally {
    for (const server of servers.values()) await server.stop()
  }
}

function lowest(what: string, value: number, least: number): Row {
  return {
    what,
    respite: perSecond(value),
    redis: '',
    figure: perSecond(value),
    target: `≥ ${perSecond(least)}`,
    met: value >= least,
  }
}

/** Gives many channels a last value. */
async function retain(port: number): Promise<void> {
  const publisher = await open(port, () => {})
  publisher.write(
    lastNames()
      .map((name) => encode('PUBLISH', name, 'x'.repeat(PAYLOAD_BYTES)))
      .join(''),
  )
  await new Promise((resolve) => setTimeout(resolve, 200))
  publisher.destroy()
}

const lastNames = (): string[] => Array.from({ length: RETAINED }, (_, i) => `last.${i}`)

/** Subscribes to them; milliseconds until all values are there. */
async function retained(port: number): Promise<number> {
  const names = lastNames()
  const expected = names.reduce(
    (bytes, name, i) =>
      bytes +
      encode('message', name, 'x'.repeat(PAYLOAD_BYTES)).length +
      `*3\r\n$9\r\nsubscribe\r\n$${name.length}\r\n${name}\r\n:${i + 1}\r\n`.length,
    0,
  )
  let received = 0
  let done: () => void = () => {}
  const all = new Promise<void>((resolve) => {
    done = resolve
  })
  const subscriber = await open(port, (_, length) => {
    received += length
    if (received >= expected) done()
  })
  const started = performance.now()
  subscriber.write(encode('SUBSCRIBE', ...names))
  await all
  const passed = performance.now() - started
  subscriber.destroy()
  return passed
}

/** Makes many subscribers come and go; returns the bytes of used memory for each remembered one. */
async function remembered({ asker, port }: Server, count: number): Promise<number> {
  const used = async () => Number(/used_memory_dataset:(\d+)/.exec(String(await asker.ask('INFO', 'memory')))![1])
  const before = await used()
  const socket = await open(port, () => {})
  for (let i = 0; i < count; i += 500) {
    let requests = ''
    for (let j = i; j < i + 500; j++) {
      requests += encode('CLIENT', 'SETNAME', `service-${j}`) + encode('SUBSCRIBE', 'kept.orders') + encode('RESET')
    }
    await new Promise((resolve) => socket.write(requests, resolve))
  }
  while (Number(await asker.ask('HLEN', 'places:channel:{kept.orders}')) < count)
    await new Promise((resolve) => setTimeout(resolve, 20))
  socket.destroy()
  return ((await used()) - before) / count
}

/** Publishes past readers that are stuck; KiB that the process grows by for each. */
async function stuckReaders({ asker, pid, port }: Server, count: number, seconds: number): Promise<number> {
  const sockets = []
  for (let i = 0; i < count; i++) {
    const socket = await open(port, () => {})
    socket.pause()
    socket.write(encode('SUBSCRIBE', 'few.orders'))
    sockets.push(socket)
  }
  await new Promise((resolve) => setTimeout(resolve, 500))
  const publisher = await open(port, () => {})
  const message = encode('PUBLISH', 'few.orders', 'x'.repeat(PAYLOAD_BYTES))
  // The kept messages are bounded, and there already.
  publisher.write(message.repeat(100_000))
  await new Promise((resolve) => setTimeout(resolve, 3000))
  const before = residentBytes(pid)
  for (let i = 0; i < seconds * 100; i++) {
    publisher.write(message.repeat(STUCK_PER_SECOND / 100))
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await new Promise((resolve) => setTimeout(resolve, 1000))
  const grown = residentBytes(pid) - before
  const connected = String(await asker.ask('CLIENT', 'LIST', 'TYPE', 'pubsub'))
    .trim()
    .split('\n').length
  for (const socket of [...sockets, publisher]) socket.destroy()
  if (connected !== count) throw new Error(`${count - connected} readers were disconnected`)
  return Math.max(0, grown) / count / 1024
}

export const channels: Question = { name: 'channels', ask }
