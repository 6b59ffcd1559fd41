import { spawn } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { encode } from '../support/engine.ts'
import { eventually, type Program, RawConnection, runProgram, temporaryDirectory } from '../support/server.ts'

interface Running {
  program: Program
  cwd: string
  socket: string
  /** The log so far. */
  log(): string
}

/** The program on a unix socket, ready; its log goes to a file if it is given a name for one. */
async function running(options: { args?: string[]; logfile?: string; nodeArgs?: string[] } = {}): Promise<Running> {
  const cwd = temporaryDirectory()
  const socket = join(cwd, 'sock')
  const logfile = options.logfile === undefined ? undefined : join(cwd, options.logfile)
  const args = [
    '--port',
    '0',
    '--unixsocket',
    socket,
    '--log-format',
    'pretty',
    ...(logfile === undefined ? [] : ['--logfile', logfile]),
  ]
  const program = runProgram([...args, ...(options.args ?? [])], { cwd, nodeArgs: options.nodeArgs ?? [] })
  const log = (): string => (logfile === undefined ? program.output() : fs.readFileSync(logfile, 'utf8'))
  await eventually(() => fs.existsSync(socket) && /is ready/.test(log()), 'ready')
  return { program, cwd, socket, log }
}

async function answers(socket: string): Promise<void> {
  const connection = await RawConnection.open(socket)
  expect(await connection.ask('PING\r\n', '+PONG\r\n')).toBe('+PONG\r\n')
}

/** Logs `count` lines of 100 bytes by a script. */
async function logLines(socket: string, count: number): Promise<void> {
  const script = `for i = 1, ${count} do redis.log(redis.LOG_WARNING, string.format('%05d', i) .. string.rep('x', 95)) end return 1`
  const connection = await RawConnection.open(socket)
  expect(await connection.ask(encode(['EVAL', script, 0]), ':1\r\n')).toBe(':1\r\n')
}

describe('signals', () => {
  test('SIGHUP, SIGUSR1, SIGUSR2 and SIGPIPE end nothing, open no debugger, and leave a line', async () => {
    const { program, socket, log } = await running()
    for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGHUP', 'SIGPIPE'] as const) program.child.kill(signal)
    // In no order: the process may find several at once.
    const lines = ['SIGHUP: the log goes on here', 'signal ignored signal=SIGUSR1', 'signal ignored signal=SIGUSR2']
    await eventually(() => lines.every((line) => log().includes(line)))
    await answers(socket)
    expect(log()).not.toMatch(/[Dd]ebugger/)
  })

  test('after SIGHUP the log goes on in a new file where the old one was moved away', async () => {
    const { program, cwd, log } = await running({ logfile: 'log' })
    fs.renameSync(join(cwd, 'log'), join(cwd, 'log.1'))
    program.child.kill('SIGHUP')
    await eventually(() => fs.existsSync(join(cwd, 'log')) && /SIGHUP/.test(log()))
    expect(fs.readFileSync(join(cwd, 'log.1'), 'utf8')).not.toMatch(/SIGHUP/)
  })

  test('a second SIGINT ends a stop that takes long, with 1', async () => {
    const { program, socket, log } = await running()
    // A client that does not take its reply holds the stop up for a second.
    const client = net.connect(socket)
    onTestFinished(() => void client.destroy())
    client.pause()
    client.write(encode(['SETRANGE', 'k', 8_000_000, 'x']) + encode(['GET', 'k']).repeat(2))
    const other = await RawConnection.open(socket)
    await eventually(async () => (await other.ask(encode(['EXISTS', 'k']), ':1\r\n')) === ':1\r\n')
    program.child.kill('SIGINT')
    await eventually(() => /User requested shutdown\.\.\. why=SIGINT/.test(log()))
    const again = setInterval(() => program.child.kill('SIGINT'), 20)
    expect(await program.exited).toEqual({ code: 1, signal: null })
    clearInterval(again)
    expect(log()).toContain('You insist... exiting now.')
  })

  test('SIGTERM waits for replicas, until SHUTDOWN ABORT ends that, or shutdown-timeout passes', async () => {
    const { program, socket, log } = await running({ args: ['--repl-diskless-sync-delay', '0'] })
    // It never says how far it is.
    const replica = await RawConnection.open(socket)
    replica.send('SYNC\r\n')
    const client = await RawConnection.open(socket)
    const field = async (name: string): Promise<string | undefined> => {
      client.send(encode(['INFO', 'everything']))
      const info = await client.take(Number((await client.takeLine()).slice(1)) + 2)
      return new RegExp(`^${name}:(.*)\r$`, 'm').exec(info)?.[1]
    }
    await eventually(async () => (await field('slave0'))?.includes('state=online'))
    await client.ask(encode(['SET', 'k', 'v']), '+OK\r\n')
    program.child.kill('SIGTERM')
    const left = await eventually(() => field('shutdown_in_milliseconds'))
    expect(Number(left)).toBeGreaterThan(0)
    expect(Number(left)).toBeLessThanOrEqual(10_000)
    expect(await client.ask(encode(['SHUTDOWN', 'ABORT']), '+OK\r\n')).toBe('+OK\r\n')
    await eventually(() => log().includes('Shutdown manually aborted.'))
    expect(await field('shutdown_in_milliseconds')).toBeUndefined()
    expect(await client.ask(encode(['SET', 'k', 'w']), '+OK\r\n')).toBe('+OK\r\n')
    await client.ask(encode(['CONFIG', 'SET', 'shutdown-timeout', 1]), '+OK\r\n')
    program.child.kill('SIGTERM')
    expect(await program.exited).toEqual({ code: 0, signal: null })
    expect(log()).toContain('Lagging replica')
  })

  test('two SIGINTs at once, as a terminal and npm send them, are one', async () => {
    const { program, log } = await running()
    program.child.kill('SIGINT')
    program.child.kill('SIGINT')
    expect(await program.exited).toEqual({ code: 0, signal: null })
    expect(log()).toMatch(
      / info Received SIGINT scheduling shutdown\.\.\.\n.* info User requested shutdown\.\.\. why=SIGINT\n(.*\n)*.* info Respite is now ready to exit, bye bye\.\.\.\n$/,
    )
  })

  test('SIGTERM to `npm start` stops the server and waits for it', async () => {
    const cwd = temporaryDirectory()
    const root = join(import.meta.dirname, '../..')
    const socket = join(cwd, 'sock')
    const args = ['start', '--prefix', root, '--', '--port', '0', '--unixsocket', socket, '--dir', cwd]
    // A group of its own: when the test fails, nothing of it stays.
    const child = spawn('npm', args, { cwd: root, detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
    onTestFinished(() => {
      try {
        process.kill(-child.pid!, 'SIGKILL')
      } catch {
        // All of it is gone, as it should be.
      }
    })
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    const exited = new Promise((resolve) => child.once('close', resolve))
    await eventually(() => /is ready/.test(output), 'ready')
    child.kill('SIGTERM')
    expect(await exited).toBe(0)
    expect(output).toContain('"msg":"Respite is now ready to exit, bye bye..."}')
    expect(fs.existsSync(socket)).toBe(false)
  })
})

describe('standard output', () => {
  test('without a reader ends nothing', async () => {
    const { program, socket } = await running()
    program.child.stdout!.destroy()
    await logLines(socket, 10)
    await answers(socket)
    program.child.kill('SIGTERM')
    expect(await program.exited).toEqual({ code: 0, signal: null })
  })

  test('whose reader has stopped delays no client; lines without room are counted', async () => {
    const { program, socket, log } = await running()
    program.child.stdout!.pause()
    for (let i = 0; i < 4; i++) await logLines(socket, 4000)
    await answers(socket)
    program.child.stdout!.resume()
    await eventually(() => /linesLost=/.test(log()))
    const kept = log().match(/^.* warn .*?\d{5}x+.*$/gm)!
    const lost = Number(/ warn the log could not be written for a while since=\S+ linesLost=(\d+) /.exec(log())![1])
    expect(lost).toBeGreaterThan(0)
    expect(kept.length + lost).toBe(16_000)
    expect(kept.every((line, i) => line.includes(`${String((i % 4000) + 1).padStart(5, '0')}x`))).toBe(true)
  })
})

describe('an uncaught error', () => {
  test.each([
    ['thrown', "throw new Error('boom')"],
    ['rejected', "Promise.reject(new Error('boom'))"],
  ])('%s: ends the program with 1 and a line; what was acknowledged is kept', async (_, statement) => {
    const fault = `data:text/javascript,process.on('SIGWINCH', () => { ${statement} })`
    const { program, socket, cwd, log } = await running({ nodeArgs: ['--import', fault] })
    const connection = await RawConnection.open(socket)
    const replies = '+OK\r\n'.repeat(1000)
    expect(
      await connection.ask(Array.from({ length: 1000 }, (_, i) => encode(['SET', `k${i}`, i])).join(''), replies),
    ).toBe(replies)
    program.child.kill('SIGWINCH')
    expect(await program.exited).toEqual({ code: 1, signal: null })
    // The report: what it was and how it was, nothing of what clients wrote.
    const report =
      / fatal a bug: stopped at once.* version=\S+ .* pid=\d+ uptimeSeconds=\d+ residentMib=\d+ heapMib=\d+ commandsProcessed=1000 clients=1 blockedClients=0 keys=1000 usedMib=\d+ loading=false saving=false error="Error: boom\\n {4}at /
    expect(log()).toMatch(report)
    const again = runProgram(['--port', '0', '--unixsocket', socket], { cwd })
    await eventually(() => /"keys":1000,.* is ready"/.test(again.output()))
  })
})

test('a log file on a full disk ends nothing', async () => {
  const cwd = temporaryDirectory()
  const socket = join(cwd, 'sock')
  const program = runProgram(['--port', '0', '--unixsocket', socket, '--logfile', '/dev/full'], { cwd })
  await eventually(() =>
    answers(socket).then(
      () => true,
      () => false,
    ),
  )
  await logLines(socket, 10)
  await answers(socket)
  program.child.kill('SIGTERM')
  expect(await program.exited).toEqual({ code: 0, signal: null })
  expect(program.output()).toBe('')
})

test('a log file that cannot be opened: the log goes to standard output, and its first line says why', async () => {
  const cwd = temporaryDirectory()
  const socket = join(cwd, 'sock')
  const program = runProgram(['--port', '0', '--unixsocket', socket, '--logfile', '/nowhere/log'], { cwd })
  await eventually(() => program.output().includes('Ready to accept connections'))
  expect(program.output()).toMatch(
    /^{"level":40,.*ENOENT.*"msg":"can't open the log file, so the log goes to standard output"}\n/,
  )
  program.child.kill('SIGTERM')
  expect(await program.exited).toEqual({ code: 0, signal: null })
})
