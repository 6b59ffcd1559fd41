// The door's clients are seen and ended as others are, its figures are told, no secret is seen anywhere,
// keys are read again on SIGHUP, and nothing of the door is loaded while it is closed.

import { execFileSync, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import http from 'node:http'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import type { Log } from '../../src/engine/log.ts'
import { Scrape } from '../../src/metrics/scrape.ts'
import { freePort } from '../../src/util/free-ports.ts'
import { library, program } from '../support/build.ts'
import { askRaw, type OpenDoor, openDoor } from '../support/door.ts'
import { eventually, RawConnection, temporaryDirectory } from '../support/server.ts'
import { hmacToken, keyToken, soon, TOKEN_SECRET } from '../support/tokens.ts'

const PASSWORD = 'pass-w0rd-of-default'
const WRONG = 'wrong-pass-w0rd'
const bearer = (text: string): Record<string, string> => ({ Authorization: `Bearer ${text}` })

/** Begins an answer that goes on, and hears it. */
async function open({ port }: OpenDoor, path: string, headers: Record<string, string> = {}) {
  const stream = { text: '', ended: false }
  const request = http.get({ host: '127.0.0.1', port, path, headers, agent: false })
  onTestFinished(() => void request.destroy())
  request.on('error', () => {
    stream.ended = true
  })
  request.on('response', (response) => {
    response.setEncoding('utf8').on('data', (chunk: string) => {
      stream.text += chunk
    })
    response.on('close', () => {
      stream.ended = true
    })
    response.on('error', () => {})
  })
  return stream
}

test('no password, token, ticket, header or cookie reaches a log, SLOWLOG, MONITOR, ACL LOG, CLIENT LIST or a metric', async () => {
  const lines: string[] = []
  const note = (details: object, message: string): void => {
    const { error } = details as { error?: Error }
    lines.push(message, JSON.stringify(details), String(error?.stack ?? ''))
  }
  const log: Log = { debug: note, info: note, warn: note, error: note, fatal: note }
  const settings = { requirepass: PASSWORD, 'http-token-secret': TOKEN_SECRET, 'slowlog-log-slower-than': '0' }
  const door = await openDoor({ ...settings, channel: '* keep 1h' }, { log })
  await door.broker.call('ACL', 'SETUSER', 'ann', 'on', '>pw-of-ann', '+publish', '&news')
  const good = hmacToken({ publish: ['news'], subscribe: ['news'], exp: soon(), mercure: { publish: ['*'] } })
  const expired = hmacToken({ publish: ['*'], exp: 1 })
  const monitor = await open(door, '/monitor', bearer(PASSWORD))
  await eventually(() => monitor.text.includes('"OK"'))
  const answer = await askRaw(door, '/v1/ticket', { method: 'POST', headers: bearer(PASSWORD) })
  const { ticket } = JSON.parse(answer.body) as { ticket: string }
  const heads: Record<string, string>[] = [
    bearer(PASSWORD),
    bearer(WRONG),
    bearer('ann:pw-of-ann'),
    bearer('ann:wrong-of-ann'),
    { Authorization: `Basic ${Buffer.from(`default:${WRONG}`).toString('base64')}` },
    { Authorization: 'Digest digest-of-secret' },
    bearer(good),
    bearer(expired),
    { Cookie: `respite=${good}; other=cookie-of-secret` },
    { Cookie: `mercureAuthorization=${expired}` },
  ]
  const queries = [
    '',
    `authorization=${good}`,
    `_token=${PASSWORD}`,
    `_token=${WRONG}`,
    'ticket=ticket-of-guess',
    `ticket=${ticket}`,
  ]
  const paths = [
    '/v1/publish/news',
    '/v1/publish/other',
    '/set/key/value',
    '/',
    '/.well-known/mercure',
    '/none',
    '/v1/none',
  ]
  for (const path of paths)
    for (const [i, headers] of [...heads, ...queries.map(() => ({}))].entries()) {
      const query = i < heads.length ? '' : `?${queries[i - heads.length]}`
      const body = path === '/' ? '["ECHO","x"]' : 'topic=a&data=x'
      await askRaw(door, `${path}${query}`, { method: 'POST', body, headers })
    }
  // An error within tells of itself, and not of the request.
  const meant = door.engine.commands.meant
  door.engine.commands.meant = () => {
    throw new Error('an error of ours')
  }
  await askRaw(door, `/get/a?_token=${PASSWORD}`, { headers: bearer(PASSWORD) })
  door.engine.commands.meant = meant
  const stream = await open(door, `/v1/subscribe?channel=news&authorization=${good}`)
  await eventually(() => stream.text !== '')
  const scrape = new Scrape(door.engine)
  const metrics = await scrape.text()
  scrape.stop()
  const seen = {
    lines: lines.join('\n'),
    metrics,
    monitor: monitor.text,
    slow: JSON.stringify(await door.broker.call('SLOWLOG', 'GET', -1)),
    denied: JSON.stringify(
      ((await door.broker.call('ACL', 'LOG', 1000)) as Map<string, unknown>[]).map((entry) => [...entry]),
    ),
    clients: String(await door.broker.call('CLIENT', 'LIST')),
    info: String(await door.broker.call('INFO', 'everything')),
  }
  expect(lines.join()).toContain('an error of ours')
  expect(seen.denied).toContain('ann')
  expect(seen.monitor).toContain('PUBLISH')
  const signatures = [good, expired].map((token) => token.split('.')[2] ?? '')
  const secrets = [
    PASSWORD,
    WRONG,
    'pw-of-ann',
    'wrong-of-ann',
    'digest-of-secret',
    'cookie-of-secret',
    'ticket-of-guess',
  ]
  const hidden = [
    ...secrets,
    ticket,
    TOKEN_SECRET,
    ...signatures,
    ...secrets.map((text) => Buffer.from(text).toString('base64').slice(2, 12)),
  ]
  for (const [where, text] of Object.entries(seen))
    for (const secret of hidden) expect(text.includes(secret), `${secret} in ${where}`).toBe(false)
})

describe('clients', () => {
  test('of every kind are listed, and each ends by its id', async () => {
    const door = await openDoor({ channel: 'kept.* keep 1h' })
    await door.broker.call('PING')
    const own = door.engine.clients.connected.size
    const raw = await RawConnection.open(door.port)
    raw.send('GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await eventually(() => raw.received.includes('PONG'))
    const socket = new WebSocket(`ws://127.0.0.1:${door.port}/v1/socket?channel=kept.a`)
    let isClosed = false
    socket.on('close', () => {
      isClosed = true
    })
    await new Promise((resolve) => socket.once('open', resolve))
    const [events, poll, hub, monitor] = [
      await open(door, '/v1/subscribe?channel=kept.a&pattern=b*'),
      await open(door, '/v1/subscribe?channel=kept.a&wait=60s'),
      await open(door, '/.well-known/mercure?topic=a'),
      await open(door, '/monitor'),
    ]
    const connected = door.engine.clients.connected
    await eventually(() => connected.size === own + 6)
    const list = (await door.broker.call('CLIENT', 'LIST')) as string
    expect(list.match(/addr=127\.0\.0\.1:\d+ laddr=127\.0\.0\.1:\d+/g)).toHaveLength(6)
    expect(list).toMatch(/sub=1 psub=1 /)
    expect(list).toMatch(/flags=O.*cmd=monitor/)
    for (const [, id = ''] of list.matchAll(/^id=(\d+) addr=127/gm)) await door.broker.call('CLIENT', 'KILL', 'ID', id)
    await eventually(() => isClosed && raw.closed && [events, poll, hub, monitor].every(({ ended }) => ended))
    await eventually(() => connected.size === own && door.engine.figures.http.streams === 0)
  })

  test('a user that loses its rights loses its streams', async () => {
    const door = await openDoor({ requirepass: PASSWORD })
    await door.broker.call('ACL', 'SETUSER', 'ann', 'on', '>pw', '+@all', '&news')
    const stream = await open(door, '/v1/subscribe?channel=news', bearer('ann:pw'))
    await eventually(() => door.engine.figures.http.streams === 1)
    await door.broker.call('ACL', 'SETUSER', 'ann', 'resetchannels')
    await eventually(() => stream.ended)
    const again = await open(door, '/v1/subscribe?channel=news', bearer('ann:pw'))
    await eventually(() => again.ended)
    expect(again.text).toContain('NOPERM')
    const [entry] = (await door.broker.call('ACL', 'LOG')) as Map<string, unknown>[]
    expect([entry?.get('reason'), entry?.get('object'), entry?.get('username')]).toEqual(['channel', 'news', 'ann'])
  })
})

test('INFO http and the metrics count streams, messages, bytes, resumed streams, gaps and refusals', async () => {
  const door = await openDoor({ channel: 'kept.* keep-last 2 mercure keep 1h' })
  const publish = async (text: string): Promise<string> =>
    JSON.parse((await askRaw(door, '/v1/publish/kept.a', { method: 'POST', body: text })).body).id
  const first = await publish('1')
  for (const text of ['2', '3', '4']) await publish(text)
  const stream = await open(door, `/v1/subscribe?channel=kept.a&from=${first}`)
  await eventually(() => stream.text.includes('data: 4'))
  // A stream of the hub is sent what its topics select.
  const hub = await open(door, '/.well-known/mercure?topic=one')
  await eventually(() => door.engine.figures.http.streams === 2)
  await door.broker.publish('mercure', JSON.stringify({ topics: ['other'], data: 'x', private: false, type: '' }))
  const socket = new WebSocket(`ws://127.0.0.1:${door.port}/v1/socket?channel=kept.a&from=${first}`)
  onTestFinished(() => socket.terminate())
  await new Promise((resolve) => socket.once('message', resolve))
  await askRaw(door, '/v1/none')
  await eventually(() => door.engine.figures.http.messages === 4)
  const info = String(await door.broker.call('INFO', 'http'))
  const figures = Object.fromEntries(
    [...info.matchAll(/^(http_\w+):(\d+)\r$/gm)].map(([, name, value]) => [name, Number(value)]),
  )
  expect(figures).toMatchObject({ http_requests: 8, http_refused: 1, http_streams: 3, http_stream_messages: 4 })
  expect(figures).toMatchObject({ http_streams_resumed: 2, http_stream_gaps: 2 })
  expect(figures.http_stream_bytes).toBeGreaterThan(50)
  expect(hub.text).not.toContain('data: x')
  const scrape = new Scrape(door.engine)
  const metrics = await scrape.text()
  scrape.stop()
  for (const [name, value] of Object.entries(figures))
    expect(metrics).toMatch(new RegExp(`^respite_${name}(_total)? ${value}$`, 'm'))
})

test('a long request is served a piece a turn: others are answered meanwhile', async () => {
  const door = await openDoor({ 'http-max-body': '4mb' })
  const body = JSON.stringify(Array.from({ length: 60_000 }, (_, i) => ['SET', `key${i}`, 'value']))
  const long = askRaw(door, '/pipeline', { method: 'POST', body })
  let isOver = false
  void long.then(() => {
    isOver = true
  })
  // From its first command on others come between.
  await eventually(async () => Number(await door.broker.call('DBSIZE')) > 0)
  const between = new Set<number>()
  while (!isOver) between.add(Number(JSON.parse((await askRaw(door, '/dbsize')).body).result))
  expect(between.size).toBeGreaterThan(3)
  expect((await long).body.match(/"OK"/g)).toHaveLength(60_000)
})

test('SIGHUP has keys of tokens read again', async () => {
  const file = join(temporaryDirectory(), 'keys.pem')
  const [before, after] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')]
  writeFileSync(file, before.publicKey.export({ type: 'spki', format: 'pem' }))
  const [port, httpPort] = [await freePort(), await freePort()]
  const options = [
    '--port',
    `${port}`,
    '--http-port',
    `${httpPort}`,
    '--http-token-keys',
    file,
    '--requirepass',
    'secret',
    '--dir',
    temporaryDirectory(),
  ]
  const child = spawn(process.execPath, [program(), ...options], { stdio: 'ignore' })
  onTestFinished(() => void child.kill('SIGKILL'))
  const claims = { publish: ['news'], exp: soon() }
  const statusOf = async (key = before): Promise<number> => {
    const headers = bearer(keyToken(claims, 'EdDSA', key.privateKey))
    const answer = await fetch(`http://127.0.0.1:${httpPort}/v1/publish/news`, {
      method: 'POST',
      body: 'x',
      headers,
    }).catch(() => undefined)
    await answer?.text()
    return answer?.status ?? 0
  }
  await eventually(async () => (await statusOf()) === 200, 'a start')
  writeFileSync(file, after.publicKey.export({ type: 'spki', format: 'pem' }))
  await eventually(async () => {
    child.kill('SIGHUP')
    return (await statusOf(after)) === 200
  }, 'the new key')
  expect([401, 429]).toContain(await statusOf())
})

/** Prints which code of the door is loaded: while it is closed, when it opens, with a token, with a WebSocket. */
const LOADED = `
const { startServer } = require(process.argv[1])
const { createServer } = require('node:net')
const loaded = () => ['door.js', 'jose', 'ws', 'console-door.js'].filter((name) =>
  Object.keys(require.cache).some((file) => name.endsWith('.js') ? file.endsWith('/' + name) : file.includes('/node_modules/' + name + '/')))
const main = async () => {
  const server = await startServer({ port: 0 })
  const found = [loaded()]
  const probe = createServer().listen(0, '127.0.0.1')
  await new Promise((done) => probe.once('listening', done))
  const { port } = probe.address()
  await new Promise((done) => probe.close(done))
  await server.call('CONFIG', 'SET', 'http-port', port)
  await (await fetch('http://127.0.0.1:' + port + '/ping')).text()
  found.push(loaded())
  await (await fetch('http://127.0.0.1:' + port + '/ping', { headers: { Authorization: 'Bearer eyJ.eyJ.eyJ' } })).text()
  found.push(loaded())
  const { request } = require('node:http')
  const upgrade = request({ port, host: '127.0.0.1', path: '/v1/socket', headers: { Connection: 'Upgrade', Upgrade: 'websocket' } })
  upgrade.end()
  await new Promise((done) => upgrade.once('response', (response) => response.resume().once('end', done)))
  found.push(loaded())
  await server.call('CONFIG', 'SET', 'console', 'yes')
  await (await fetch('http://127.0.0.1:' + port + '/v1/session')).text()
  found.push(loaded())
  await server.close()
  console.log(JSON.stringify(found))
}
main()`

test('nothing of the door is loaded while it is closed; jose, ws and the console come when they are first used', () => {
  const index = join(dirname(library()), 'index.js')
  const output = execFileSync(process.execPath, ['--eval', LOADED, index], { encoding: 'utf8' })
  const found = JSON.parse(output.trim().split('\n').at(-1) ?? '') as string[][]
  expect(found[0]).toEqual([])
  expect(found.slice(1)).toEqual([
    ['door.js'],
    ['door.js', 'jose'],
    ['door.js', 'jose', 'ws'],
    ['door.js', 'jose', 'ws', 'console-door.js'],
  ])
})
