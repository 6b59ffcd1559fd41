// Scripts that take long, over real sockets: who is answered BUSY, what ends the script, and that nothing sent meanwhile is lost.

import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { ServerOptions } from '../../src/index.ts'
import { encode } from '../support/engine.ts'
import { eventually, RawConnection, temporaryDirectory } from '../support/server.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'

const BUSY_SCRIPT = '-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n'
const BUSY_FUNCTION = '-BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.\r\n'
const KILLED = /^-ERR Script killed by user with SCRIPT KILL\.\.\. script: \w+, on @user_(script|function):\d+\.\r\n$/
const UNKILLABLE = /^-UNKILLABLE Sorry the script already executed write commands against the dataset\./

const ENDLESS = encode(['EVAL', 'while true do end', 0])
const ENDLESS_WRITER = encode(['EVAL', "redis.call('SET', 'half', 'done') while true do end", 0])

/** Starts a server that takes a script for slow after a moment. In this process it would hold up the test. */
function start(options: ServerOptions): Promise<ServerProcess> {
  return startServerProcess({ port: 0, ...options, config: { 'busy-reply-threshold': 20 } })
}

async function stop(server: ServerProcess): Promise<void> {
  server.child.kill('SIGKILL')
  await server.exited
}

/** A server of a test's own. */
async function startFor(options: ServerOptions): Promise<ServerProcess> {
  const server = await start(options)
  onTestFinished(() => stop(server))
  return server
}

/** The server of the tests that leave it as it was. */
let shared: ServerProcess
beforeAll(async () => {
  shared = await start({})
})
afterAll(() => stop(shared))

/** Asks until the answer is BUSY. */
async function untilBusy(connection: RawConnection, busy = BUSY_SCRIPT): Promise<void> {
  await eventually(async () => {
    connection.send(encode(['PING']))
    return (await connection.takeLine()) === busy
  }, 'being busy')
}

test('all clients get BUSY, and SCRIPT KILL ends the script', async () => {
  const { port } = shared
  const [runner, other] = [await RawConnection.open(port), await RawConnection.open(port)]
  runner.send(ENDLESS)
  await untilBusy(other)
  await other.ask(encode(['GET', 'k']), BUSY_SCRIPT)
  expect(await other.ask(encode(['SCRIPT', 'KILL']), '+OK\r\n')).toBe('+OK\r\n')
  expect(await runner.takeLine()).toMatch(KILLED)
  expect(await other.ask(encode(['PING']), '+PONG\r\n')).toBe('+PONG\r\n')
  expect(await runner.ask(encode(['PING']), '+PONG\r\n')).toBe('+PONG\r\n')
})

test('a client that comes while a script is slow is heard, and stays', async () => {
  const { port } = shared
  const [runner, other] = [await RawConnection.open(port), await RawConnection.open(port)]
  runner.send(ENDLESS)
  await untilBusy(other)
  const late = await RawConnection.open(port)
  expect(await late.ask(encode(['PING']), BUSY_SCRIPT)).toBe(BUSY_SCRIPT)
  expect(await late.ask(encode(['SCRIPT', 'KILL']), '+OK\r\n')).toBe('+OK\r\n')
  expect(await runner.takeLine()).toMatch(KILLED)
  expect(await late.ask(encode(['SET', 'k', 'v']), '+OK\r\n')).toBe('+OK\r\n')
  expect(await other.ask(encode(['GET', 'k']), '$1\r\nv\r\n')).toBe('$1\r\nv\r\n')
  // A second time: the accepting thread is woken again.
  runner.send(ENDLESS)
  await untilBusy(other)
  const later = await RawConnection.open(port)
  expect(await later.ask(encode(['SCRIPT', 'KILL']), '+OK\r\n')).toBe('+OK\r\n')
  expect(await runner.takeLine()).toMatch(KILLED)
})

test('over a unix socket, too', async () => {
  const path = `${temporaryDirectory()}/socket`
  await startFor({ port: false, unixSocket: path })
  const [runner, other] = [await RawConnection.open(path), await RawConnection.open(path)]
  runner.send(ENDLESS)
  await untilBusy(other)
  const late = await RawConnection.open(path)
  expect(await late.ask(encode(['SCRIPT', 'KILL']), '+OK\r\n')).toBe('+OK\r\n')
  expect(await runner.takeLine()).toMatch(KILLED)
})

test('a request that is cut in two by the end of the script is run whole, and what follows it in order', async () => {
  const { port } = shared
  const [runner, other] = [await RawConnection.open(port), await RawConnection.open(port)]
  runner.send(ENDLESS)
  await untilBusy(other)
  const request = encode(['SET', 'k', 'x'.repeat(100_000)])
  other.send(encode(['GET', 'none']) + request.slice(0, 50_000))
  expect(await other.takeLine()).toBe(BUSY_SCRIPT)
  const killer = await RawConnection.open(port)
  await killer.ask(encode(['SCRIPT', 'KILL']), '+OK\r\n')
  expect(await runner.takeLine()).toMatch(KILLED)
  other.send(`${request.slice(50_000)}${encode(['STRLEN', 'k'])}${encode(['PING'])}`)
  expect(await other.take(20)).toBe('+OK\r\n:100000\r\n+PONG\r\n'.slice(0, 20))
})

test('a large argument of which a part comes before, a part during and a part after the script arrives as it is', async () => {
  const { port } = shared
  const [runner, other] = [await RawConnection.open(port), await RawConnection.open(port)]
  let value = ''
  for (let i = 0; value.length < 400_000; i++) value += `${i} `
  const request = encode(['PING']) + encode(['SET', 'long', value])
  other.send(request.slice(0, 40_000))
  expect(await other.takeLine()).toBe('+PONG\r\n')
  runner.send(ENDLESS)
  const killer = await RawConnection.open(port)
  await untilBusy(killer)
  other.send(request.slice(40_000, 300_000))
  await eventually(async () => {
    killer.send(encode(['PING']))
    await killer.takeLine()
    return other.socket.writableLength === 0
  }, 'all being sent')
  await killer.ask(encode(['SCRIPT', 'KILL']), '+OK\r\n')
  expect(await runner.takeLine()).toMatch(KILLED)
  other.send(request.slice(300_000) + encode(['GET', 'long']))
  expect(await other.takeLine()).toBe('+OK\r\n')
  expect(await other.takeLine()).toBe(`$${value.length}\r\n`)
  expect((await other.take(value.length)) === value).toBe(true)
})

test('commands in one pipeline with the script run after it', async () => {
  const { port } = shared
  const [runner, other] = [await RawConnection.open(port), await RawConnection.open(port)]
  runner.send(encode(['SET', 'before', '1']) + ENDLESS + encode(['INCR', 'before']))
  await untilBusy(other)
  // Not the script's own client: its next requests wait.
  runner.send(encode(['INCR', 'before']))
  await other.ask(encode(['SCRIPT', 'KILL']), '+OK\r\n')
  expect(await runner.takeLine()).toBe('+OK\r\n')
  expect(await runner.takeLine()).toMatch(KILLED)
  expect(await runner.take(8)).toBe(':2\r\n:3\r\n')
})

test('SLOWLOG shows the words of the slow script, not those of a client that was heard meanwhile', async () => {
  const { port } = await startFor({ password: 'secret' })
  const [runner, other] = [await RawConnection.open(port), await RawConnection.open(port)]
  for (const client of [runner, other]) await client.ask(encode(['AUTH', 'secret']), '+OK\r\n')
  const body = "while true do end return KEYS[1] .. ARGV[1] -- a script that is longer than its client's password"
  runner.send(encode(['EVAL', body, 1, 'key', 'argument']))
  await untilBusy(other)
  const late = await RawConnection.open(port)
  await late.ask(encode(['AUTH', 'default', 'secret']), '+OK\r\n')
  await other.ask(encode(['SCRIPT', 'KILL']), '+OK\r\n')
  expect(await runner.takeLine()).toMatch(KILLED)
  other.send(encode(['SLOWLOG', 'GET']) + encode(['ECHO', 'the end']))
  await eventually(() => other.received.endsWith('the end\r\n'))
  const words = ['EVAL', body, '1', 'key', 'argument'].map((word) => `$${word.length}\r\n${word}\r\n`)
  expect(other.received).toContain(`*5\r\n${words.join('')}`)
  expect(other.received).not.toContain('secret')
})

test('commands that may end a slow script, or say who asks, are run; the others spoil a transaction', async () => {
  const { port } = await startFor({ password: 'secret' })
  const [runner, other] = [await RawConnection.open(port), await RawConnection.open(port)]
  for (const client of [runner, other]) await client.ask(encode(['AUTH', 'secret']), '+OK\r\n')
  runner.send(ENDLESS)
  await untilBusy(other)
  const late = await RawConnection.open(port)
  const noAuth = '-NOAUTH Authentication required.\r\n'
  expect(await late.ask(encode(['SCRIPT', 'KILL']), noAuth)).toBe(noAuth)
  expect(await late.ask(encode(['AUTH', 'secret']), '+OK\r\n')).toBe('+OK\r\n')
  expect(await late.ask(encode(['WATCH', 'k']), '+OK\r\n')).toBe('+OK\r\n')
  expect(await late.ask(encode(['MULTI']), '+OK\r\n')).toBe('+OK\r\n')
  expect(await late.ask(encode(['SET', 'k', 'v']), BUSY_SCRIPT)).toBe(BUSY_SCRIPT)
  const aborted = `-EXECABORT Transaction discarded because of: ${BUSY_SCRIPT.slice(1)}`
  expect(await late.ask(encode(['EXEC']), aborted)).toBe(aborted)
  expect(await late.ask(encode(['SHUTDOWN']), BUSY_SCRIPT)).toBe(BUSY_SCRIPT)
  expect(await late.ask(encode(['FUNCTION', 'KILL']), BUSY_SCRIPT)).toBe(BUSY_SCRIPT)
  expect(await late.ask(encode(['nonsense']), '-ERR unk')).toBe('-ERR unk')
  await late.take("nown command 'nonsense', with args beginning with: \r\n".length)
  expect(await late.ask(encode(['SCRIPT', 'KILL']), '+OK\r\n')).toBe('+OK\r\n')
  expect(await runner.takeLine()).toMatch(KILLED)
})

test('a slow function is told from a script, and ended by FUNCTION KILL', async () => {
  const { port } = shared
  const [runner, other] = [await RawConnection.open(port), await RawConnection.open(port)]
  const code =
    "#!lua name=l\nredis.register_function('loop', function()\n while true do pcall(function() while true do end end) end end)"
  await runner.ask(encode(['FUNCTION', 'LOAD', code]), '$1\r\nl\r\n')
  runner.send(encode(['FCALL', 'loop', 0, 'word']))
  await untilBusy(other, BUSY_FUNCTION)
  other.send(encode(['FUNCTION', 'STATS']))
  const stats = await other.take('*4\r\n$14\r\nrunning_script\r\n*6\r\n$4\r\nname\r\n$4\r\nloop\r\n'.length)
  expect(stats).toBe('*4\r\n$14\r\nrunning_script\r\n*6\r\n$4\r\nname\r\n$4\r\nloop\r\n')
  await eventually(() => other.received.endsWith('functions_count\r\n:1\r\n'))
  other.received = ''
  expect(await other.ask(encode(['SCRIPT', 'KILL']), BUSY_FUNCTION)).toBe(BUSY_FUNCTION)
  expect(await other.ask(encode(['FUNCTION', 'KILL']), '+OK\r\n')).toBe('+OK\r\n')
  expect(await runner.takeLine()).toMatch(KILLED)
})

test('a script that has changed something is ended by SHUTDOWN NOSAVE alone, and leaves nothing on disk', async () => {
  const dir = temporaryDirectory()
  const server = await startFor({ dir })
  const [runner, other] = [await RawConnection.open(server.port), await RawConnection.open(server.port)]
  await other.ask(encode(['SET', 'whole', 'kept']), '+OK\r\n')
  runner.send(encode(['SET', 'also', 'kept']) + ENDLESS_WRITER + encode(['SET', 'never', 'run']))
  await untilBusy(other)
  other.send(encode(['SCRIPT', 'KILL']))
  expect(await other.takeLine()).toMatch(UNKILLABLE)
  expect(await other.ask(encode(['SHUTDOWN']), BUSY_SCRIPT)).toBe(BUSY_SCRIPT)
  other.send(encode(['SHUTDOWN', 'NOSAVE']))
  expect(await server.exited).toBe(0)

  const again = await startFor({ dir })
  const client = await RawConnection.open(again.port)
  const kept = '*4\r\n$4\r\nkept\r\n$4\r\nkept\r\n$-1\r\n$-1\r\n'
  expect(await client.ask(encode(['MGET', 'whole', 'also', 'half', 'never']), kept)).toBe(kept)
})

test('a server that had slow scripts, and a thread for them, ends by itself', async () => {
  const server = await startFor({})
  const [runner, other] = [await RawConnection.open(server.port), await RawConnection.open(server.port)]
  runner.send(ENDLESS)
  await untilBusy(other)
  const late = await RawConnection.open(server.port)
  expect(await late.ask(encode(['SCRIPT', 'KILL']), '+OK\r\n')).toBe('+OK\r\n')
  expect(await runner.takeLine()).toMatch(KILLED)
  late.send(encode(['SHUTDOWN']))
  expect(await server.exited).toBe(0)
})
