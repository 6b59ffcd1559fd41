// As a door for browsers: what do streams cost that are idle, heard and resumed, and how fast are
// requests over HTTP? Beside socket.io.

import { freePort } from '../src/util/free-ports.ts'
import { startChild } from './child.ts'
import type { RequestsReport } from './children/requests.ts'
import type { StreamsInput, StreamsReport } from './children/streams.ts'
import { median, PAIRS, percentile } from './pairs.ts'
import { type Answer, NOTHING, perSecond, type Question, type Row, type Scale } from './question.ts'
import { processorSeconds, residentBytes, type Server, startServer } from './servers.ts'
import { SocketIo } from './socket-io.ts'
import { temporaryFolder } from './taken-along.ts'

const STREAMS = 10_000
const ACTIVE = 1000
const MESSAGES_PER_SECOND = 100
const MISSED_MESSAGES = 20
const SUBSCRIBERS = 1000
const CONNECTIONS = 50
const PIPELINE = 100
const PAYLOAD = 'x'.repeat(64)
const CHANNEL = 'news'
const IDLE_KIB_MAX = 12
const CORE_MAX = 0.6
const RESUMED_SECONDS_MAX = 5
const POSTS_MIN = 25_000
const COMMANDS_MIN = 150_000
const PUBLISH_MIN = 0.97
const PING_MS_MAX = 10

/** The settings of a door for ten thousand streams of one address. */
const DOOR = ['--http-streams-per-address', '1000000', '--http-streams-per-user', '1000000', '--maxclients', '15000']

interface DoorServer extends Server {
  readonly httpPort: number
}

async function startDoor(options: readonly string[], directory?: string): Promise<DoorServer> {
  const httpPort = await freePort()
  const server = await startServer('respite', ['--http-port', String(httpPort), ...DOOR, ...options], directory)
  return Object.assign(server, { httpPort })
}

function openStreams(server: DoorServer, streams: number, more: Partial<StreamsInput> = {}) {
  const input = { kind: 'door', port: server.httpPort, streams, query: `channel=${CHANNEL}`, first: 1, ...more }
  return startChild<StreamsReport>('streams', input)
}

/** Publishes messages [first, first + count), so many a second; what begins each is its number. */
async function publishNumbers(send: (text: string) => unknown, first: number, count: number, each: number) {
  const began = performance.now()
  for (let i = 0; i < count; i++) {
    const waitMs = began + (i * 1000) / each - performance.now()
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
    await send(`${first + i} ${PAYLOAD}`)
  }
}

// ── idle ────────────────────────────────────────────────────────────────────

async function idleKib(pid: number, open: () => ReturnType<typeof openStreams>, streams: number): Promise<number> {
  const before = residentBytes(pid)
  const child = open()
  await Promise.race([child.ready, child.result])
  const bytes = residentBytes(pid) - before
  child.finish()
  await child.result
  return bytes / 1024 / streams
}

async function idle(rival: SocketIo | undefined, streams: number): Promise<Row> {
  const server = await startDoor([])
  try {
    const ours = await idleKib(server.pid, () => openStreams(server, streams), streams)
    const theirs = rival && (await idleKib(rival.pid, () => rival.connect(streams), streams))
    const show = (value: number): string => `${value.toFixed(1)} KiB`
    return bound(`memory of an idle stream, ${streams} of them`, ours, IDLE_KIB_MAX, show, theirs)
  } finally {
    await server.stop()
  }
}

// ── active ──────────────────────────────────────────────────────────────────

interface Heard {
  core: number
  pings: Pings
}

async function heard(
  pid: number,
  child: ReturnType<typeof openStreams>,
  send: (text: string) => unknown,
  { beside, seconds, streams }: { beside: PingTargets | undefined; seconds: number; streams: number },
): Promise<Heard> {
  await Promise.race([child.ready, child.result])
  const pings = beside && (await startPings(beside))
  const count = Math.ceil(seconds * MESSAGES_PER_SECOND)
  const warmUp = Math.ceil(count / 3)
  await publishNumbers(send, 1, warmUp, MESSAGES_PER_SECOND)
  const worked = processorSeconds(pid)
  const began = performance.now()
  await publishNumbers(send, warmUp + 1, count, MESSAGES_PER_SECOND)
  const core = ((processorSeconds(pid) - worked) * 1000) / (performance.now() - began)
  const latencies = (await pings?.()) ?? { busy: [], idle: [] }
  // The last message may still be on its way.
  await new Promise((resolve) => setTimeout(resolve, 1000))
  child.finish()
  const report = await child.result
  if (report.heard !== (warmUp + count) * streams) throw new Error(`not all was heard: ${JSON.stringify(report)}`)
  return { core, pings: latencies }
}

/**
 * A server that works, and one that has nothing to do: what a PING of it takes, the machine takes.
 */
interface PingTargets {
  busy: Server
  idle: Server
}

/** How long PINGs took, in order of length. */
interface Pings {
  busy: number[]
  idle: number[]
}

/** PINGs two servers every few milliseconds; the function that it returns ends that. */
async function startPings({ busy, idle }: PingTargets): Promise<() => Promise<Pings>> {
  const children = [busy, idle].map(({ port }) =>
    startChild<{ latencies: number[] }>('ping', { port, words: ['PING'], everyMs: 2 }),
  )
  for (const { ready } of children) await ready
  return async () => {
    for (const child of children) child.finish()
    const [of, beside] = await Promise.all(children.map(({ result }) => result))
    return { busy: of!.latencies, idle: beside!.latencies }
  }
}

function pingRows(what: string, { busy, idle }: Pings): Row[] {
  const row = (which: string, of: (latencies: number[]) => number): Row => ({
    ...bound(`${what}, ${which}`, of(busy), PING_MS_MAX, milliseconds),
    respite: `${milliseconds(of(busy))} (of an idle server meanwhile: ${milliseconds(of(idle))})`,
  })
  return [row('the longest', (all) => all.at(-1)!), row('p99', (all) => percentile(all, 99))]
}

async function active(rival: SocketIo | undefined, { quick }: Scale): Promise<Row[]> {
  const streams = quick ? 10 : ACTIVE
  const seconds = quick ? 0.2 : 10
  const server = await startDoor([])
  const idle = await startServer('respite', [])
  try {
    const { asker, pid } = server
    const ours = await heard(pid, openStreams(server, streams), (text) => asker.ask('PUBLISH', CHANNEL, text), {
      beside: { busy: server, idle },
      seconds,
      streams,
    })
    const theirs =
      rival &&
      (await heard(rival.pid, rival.connect(streams), (text) => rival.send(text), {
        beside: undefined,
        seconds,
        streams,
      }))
    const what = `${streams} streams, ${MESSAGES_PER_SECOND} messages a second each: of one core`
    const show = (value: number): string => `${(value * 100).toFixed(0)} %`
    return [
      bound(what, ours.core, CORE_MAX, show, theirs?.core),
      ...pingRows('a PING beside these streams', ours.pings),
    ]
  } finally {
    await server.stop()
    await idle.stop()
  }
}

// ── resumed ─────────────────────────────────────────────────────────────────

/** All streams come back after a restart, and hear what was published meanwhile. */
async function resumed(streams: number): Promise<Row[]> {
  const folder = temporaryFolder('door')
  const options = ['--channel', `${CHANNEL} keep 1h`]
  try {
    const lastEventId = await heardBefore(await startDoor(options, folder.path), streams)
    const server = await startDoor(options, folder.path)
    const idle = await startServer('respite', [])
    try {
      const last = 10 + MISSED_MESSAGES
      await publishNumbers((text) => server.asker.ask('PUBLISH', CHANNEL, text), 11, MISSED_MESSAGES, 1e6)
      const pings = await startPings({ busy: server, idle })
      const { heardMs, missed, repeated } = await openStreams(server, streams, { lastEventId, first: 11, last }).result
      const latencies = await pings()
      const count = (value: number): string => String(value)
      const seconds = (value: number): string => `${value.toFixed(2)} s`
      const what = `${streams} streams after a restart`
      return [
        bound(
          `${what}: until all have heard ${MISSED_MESSAGES} messages`,
          heardMs / 1000,
          RESUMED_SECONDS_MAX,
          seconds,
        ),
        bound(`${what}: messages that were missed`, missed, 0, count),
        bound(`${what}: messages that came twice`, repeated, 0, count),
        ...pingRows(`${what}: a PING meanwhile`, latencies),
      ]
    } finally {
      await server.stop()
      await idle.stop()
    }
  } finally {
    folder.remove()
  }
}

/** Streams hear ten messages; then the server is killed. Returns the id of the last. */
async function heardBefore(server: DoorServer, streams: number): Promise<string> {
  const child = openStreams(server, streams, { last: 10 })
  await Promise.race([child.ready, child.result])
  await publishNumbers((text) => server.asker.ask('PUBLISH', CHANNEL, text), 1, 10, 1e6)
  const { lastId } = await child.result
  await server.stop()
  return lastId
}

// ── requests ────────────────────────────────────────────────────────────────

async function requests({ quick, seconds }: Scale): Promise<Row[]> {
  const server = await startDoor(['--channel', 'kept keep 1h'])
  const ask = async (path: string, body: string, each: number): Promise<number> => {
    const figures: number[] = []
    for (let i = 0; i < PAIRS; i++) {
      const input = { port: server.httpPort, connections: quick ? 4 : CONNECTIONS, seconds, path, headers: {}, body }
      figures.push((await startChild<RequestsReport>('requests', input).result).perSecond * each)
    }
    return median(figures)
  }
  try {
    const pipeline = JSON.stringify(Array.from({ length: PIPELINE }, (_, i) => ['SET', `key:${i}`, PAYLOAD]))
    return [
      least('POST /v1/publish, a channel that keeps nothing', await ask('/v1/publish/news', PAYLOAD, 1), POSTS_MIN),
      least('POST /v1/publish, a kept channel', await ask('/v1/publish/kept', PAYLOAD, 1), POSTS_MIN),
      least(`commands in pipelines of ${PIPELINE}`, await ask('/pipeline', pipeline, PIPELINE), COMMANDS_MIN),
      least('commands, one a request', await ask('/', JSON.stringify(['GET', 'key:1']), 1), undefined),
    ]
  } finally {
    await server.stop()
  }
}

// ── over TCP, while the door is open ────────────────────────────────────────

async function besideDoor({ quick, seconds }: Scale): Promise<Row> {
  const servers = { open: await startDoor([]), closed: await startServer('respite', []) }
  const subscribers = quick ? 10 : SUBSCRIBERS
  const measure = async ({ port }: Server): Promise<number> => {
    const input = { port, seconds, subscribers, patterns: 0, payloadBytes: PAYLOAD.length }
    return (await startChild<{ delivered: number }>('publish', input).result).delivered
  }
  try {
    const open: number[] = []
    const closed: number[] = []
    for (let i = 0; i < PAIRS; i++) {
      open.push(await measure(servers.open))
      closed.push(await measure(servers.closed))
    }
    const ratio = median(open.map((value, i) => value / closed[i]!))
    return {
      what: `PUBLISH over TCP, ${subscribers} subscribers: with an open door, and with none`,
      respite: `${perSecond(median(open))} : ${perSecond(median(closed))}`,
      redis: [NOTHING],
      figure: `${ratio.toFixed(2)} ×`,
      target: `≥ ${PUBLISH_MIN.toFixed(2)} ×`,
      met: ratio >= PUBLISH_MIN,
    }
  } finally {
    for (const server of Object.values(servers)) await server.stop()
  }
}

// ── the answer ──────────────────────────────────────────────────────────────

const milliseconds = (value: number): string => `${value.toFixed(1)} ms`

function bound(what: string, value: number, most: number, show: (value: number) => string, theirs?: number): Row {
  const redis = [theirs === undefined ? NOTHING : show(theirs)]
  return { what, respite: show(value), redis, figure: show(value), target: `≤ ${show(most)}`, met: value <= most }
}

function least(what: string, value: number, min: number | undefined): Row {
  const shown = perSecond(value)
  const target = min === undefined ? '' : `≥ ${perSecond(min)}`
  return {
    what,
    respite: shown,
    redis: [NOTHING],
    figure: shown,
    target,
    met: min === undefined ? undefined : value >= min,
  }
}

async function ask(scale: Scale): Promise<Answer> {
  const streams = scale.quick ? 20 : STREAMS
  const rows: Row[] = []
  const rival = await SocketIo.start()
  const add = (...more: Row[]): void => {
    for (const { what, respite, redis } of more) console.log(`  ${what}: ${respite} : ${[redis].flat().join(' : ')}`)
    rows.push(...more)
  }
  try {
    add(await idle(rival, streams))
    add(...(await active(rival, scale)))
  } finally {
    rival?.stop()
  }
  add(...(await resumed(streams)))
  add(...(await requests(scale)))
  add(await besideDoor(scale))
  return {
    title: 'As a door for browsers',
    rivals: [SocketIo.shownName],
    commandLines: [`node --max-semi-space-size=4 dist/cli/respite.js --http-port <port> ${DOOR.join(' ')}`],
    rows,
    notes: [
      `Streams are Server-Sent Events of one channel, all in one process beside the server; messages have ${PAYLOAD.length + 5} bytes or so. socket.io sends the same over WebSocket, without compression.`,
      `Requests: ${CONNECTIONS} kept connections, each of which waits for its answer. Commands are Upstash's REST: pipelines of SETs of ${PAYLOAD.length} bytes, and a GET.`,
      'After a restart: the server was killed, the streams come back with the id that they heard last, and messages were published before.',
      'The default configuration: with an append-only file.',
      ...(rival === undefined ? ['socket.io was not installed.'] : []),
    ],
  }
}

export const door: Question = { name: 'door', ask }
