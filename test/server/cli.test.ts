import fs from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { version } from '../../src/index.ts'
import { freePort } from '../../src/util/free-ports.ts'
import { encode } from '../support/engine.ts'
import { eventually, type Program, RawConnection, runProgram, temporaryDirectory } from '../support/server.ts'

describe('the program', () => {
  /** A port that was free a moment ago. */
  async function ready(program: Program): Promise<void> {
    await eventually(() => /is ready/.test(program.output()), `ready in: ${program.output()}`)
  }

  test('without a config file it keeps its data under ./data, and says so in one line', async () => {
    const cwd = temporaryDirectory()
    const port = await freePort()
    const program = runProgram(['--port', String(port), '--log-format', 'pretty'], { cwd })
    await eventually(() => program.output().endsWith('Ready to accept connections tcp\n'))
    expect(program.output()).toMatch(
      new RegExp(
        `^(\\S+Z warn .* 'ulimit -n \\d+'.*\n)?\\S+Z info respite ${version} is ready address=127.0.0.1:${port} data=${cwd}/data/appendonlydir keys=0 loadedMs=\\d+ pid=${program.child.pid} node=\\S+\n\\S+Z info Ready to accept connections tcp\n$`,
      ),
    )
    const connection = await RawConnection.open(port)
    expect(await connection.ask(encode(['SET', 'a', '1']), '+OK\r\n')).toBe('+OK\r\n')
    expect(fs.readFileSync(join(cwd, 'data/appendonlydir/appendonly.aof.1.incr.aof'), 'latin1')).toContain('SET')
    // The smallest limit refuses writes: the process counts from the start on.
    connection.send(encode(['MEMORY', 'STATS']))
    const stats = await eventually(() =>
      /startup\.allocated\r\n:(\d+)\r\n[\s\S]*fragmentation\.bytes/.exec(connection.received),
    )
    expect(Number(stats[1])).toBeGreaterThan(0)
    connection.send(encode(['CONFIG', 'SET', 'maxmemory', '1']) + encode(['SET', 'a', '2']))
    await eventually(() => connection.received.endsWith("-OOM command not allowed when used memory > 'maxmemory'.\r\n"))
  })

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal} keeps everything and exits with 0`, async () => {
      const cwd = temporaryDirectory()
      const socket = join(cwd, 'sock')
      const args = ['--port', '0', '--unixsocket', socket, '--appendfsync', 'no']
      const first = runProgram(args, { cwd })
      await ready(first)
      const connection = await RawConnection.open(socket)
      await connection.ask(encode(['SET', 'a', '1']), '+OK\r\n')
      first.child.kill(signal)
      expect(await first.exited).toEqual({ code: 0, signal: null })
      expect(fs.existsSync(socket)).toBe(false)
      const second = runProgram(args, { cwd })
      await ready(second)
      expect(second.output()).toContain('"keys":1,')
      const again = await RawConnection.open(socket)
      expect(await again.ask('GET a\r\n', '$1\r\n1\r\n')).toBe('$1\r\n1\r\n')
    })
  }

  test('after SIGKILL everything acknowledged is still there', async () => {
    const cwd = temporaryDirectory()
    const socket = join(cwd, 'sock')
    const args = ['--port', '0', '--unixsocket', socket]
    const first = runProgram(args, { cwd })
    await ready(first)
    const connection = await RawConnection.open(socket)
    let acknowledged = 0
    connection.send(Array.from({ length: 50_000 }, (_, i) => encode(['SET', `key:${i}`, i])).join(''))
    connection.socket.on('data', (chunk) => {
      acknowledged += chunk.length / 5
      if (acknowledged > 5000) first.child.kill('SIGKILL')
    })
    await first.exited
    const second = runProgram(args, { cwd })
    await ready(second)
    const again = await RawConnection.open(socket)
    const last = Math.floor(acknowledged) - 1
    const reply = `$${String(last).length}\r\n${last}\r\n`
    expect(await again.ask(encode(['GET', `key:${last}`]), reply)).toBe(reply)
  })

  test('metrics are served where a port for them is given', async () => {
    const cwd = temporaryDirectory()
    const port = await freePort()
    const args = ['--port', '0', '--unixsocket', join(cwd, 'sock'), '--metrics-port', String(port)]
    await ready(runProgram(args, { cwd }))
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`)
    expect(await answer.text()).toContain('\nredis_up 1\n')
  })

  test('SHUTDOWN ends the program', async () => {
    const cwd = temporaryDirectory()
    const socket = join(cwd, 'sock')
    const program = runProgram(['--port', '0', '--unixsocket', socket], { cwd })
    await ready(program)
    const connection = await RawConnection.open(socket)
    connection.send('SHUTDOWN NOSAVE\r\n')
    expect(await connection.rest()).toBe('')
    expect(await program.exited).toEqual({ code: 0, signal: null })
  })

  test('a config file is read, the command line wins, and CONFIG REWRITE finds the file', async () => {
    const cwd = temporaryDirectory()
    const file = join(cwd, 'respite.conf')
    const socket = join(cwd, 'sock')
    fs.writeFileSync(file, `port 0\nunixsocket "${socket}"\nmaxclients 77\ndatabases 3\n`)
    const program = runProgram([file, '--databases', '5', '--enable-protected-configs', 'yes'], { cwd })
    await ready(program)
    // What the file does not say is as redis.conf has it: no append-only file, but snapshots.
    expect(program.output()).toContain(`"data":"${join(cwd, 'dump.rdb')}"`)
    const connection = await RawConnection.open(socket)
    const reply = '*4\r\n$10\r\nmaxclients\r\n$2\r\n77\r\n$9\r\ndatabases\r\n$1\r\n5\r\n'
    const got = await connection.ask('CONFIG GET maxclients databases\r\n', reply)
    expect(got).toContain('$2\r\n77\r\n')
    expect(got).toContain('$1\r\n5\r\n')
    await connection.ask('CONFIG SET maxclients 88\r\n', '+OK\r\n')
    await connection.ask('CONFIG REWRITE\r\n', '+OK\r\n')
    expect(fs.readFileSync(file, 'utf8')).toContain('maxclients 88')
    const refused = "-ERR CONFIG SET failed (possibly related to argument 'dir') - "
    for (const [directory, reason] of [
      [join(cwd, 'nosuch'), 'No such file or directory'],
      [file, 'Not a directory'],
    ]) {
      const reply = `${refused}${reason}\r\n`
      expect(await connection.ask(encode(['CONFIG', 'SET', 'dir', directory!]), reply)).toBe(reply)
    }
  })

  test('the config can come from standard input', async () => {
    const cwd = temporaryDirectory()
    const program = runProgram(['-'], { cwd, input: `port 0\nunixsocket ${join(cwd, 'sock')}\n` })
    await ready(program)
  })

  test('a line of a file that cannot be taken is named as redis-server names it, exit 1', async () => {
    const cwd = temporaryDirectory()
    fs.writeFileSync(join(cwd, 'a.conf'), 'timeout 1\nport abc\n')
    const program = runProgram(['a.conf'], { cwd })
    expect(await program.exited).toEqual({ code: 1, signal: null })
    expect(program.output()).toBe(
      `\n*** FATAL CONFIG FILE ERROR (Redis 7.2.6) ***\nReading the configuration file, at line 2\n>>> 'port abc'\nargument couldn't be parsed into an integer\n`,
    )
  })

  test('an option that cannot be taken is named, and the option that was meant', async () => {
    const outputOf = async (...args: string[]): Promise<string> => {
      const program = runProgram(args, { cwd: temporaryDirectory() })
      expect(await program.exited).toEqual({ code: 1, signal: null })
      return program.output()
    }
    expect(await outputOf('--prot', '7000')).toBe("respite: there is no option '--prot': did you mean '--port'?\n")
    expect(await outputOf('--nonsense', '7000')).toBe(
      "respite: there is no option '--nonsense'; docs/configuration.md lists the options\n",
    )
    expect(await outputOf('--port', 'abc')).toBe(
      "respite: the option '--port' cannot be taken: argument couldn't be parsed into an integer\n",
    )
    expect(await outputOf('--include')).toBe(
      "respite: the option '--include' cannot be taken: Bad directive or wrong number of arguments\n",
    )
  })

  test('passwords leave the command line, and may come from the environment', async () => {
    const cwd = temporaryDirectory()
    const socket = join(cwd, 'sock')
    const args = ['--port', '0', '--unixsocket', socket, '--masterauth', 'hush', '--hz', '50']
    const program = runProgram(args, { cwd, env: { RESPITE_REQUIREPASS: 'open sesame' } })
    await ready(program)
    expect(program.output()).toContain('"settings":"hz","msg":"set, but without effect here"')
    expect(program.output()).not.toContain('hush')
    // A title takes the place of what the process was started with.
    const title = fs.readFileSync(`/proc/${program.child.pid}/cmdline`, 'latin1').replace(/\0+$/, '')
    expect(title).toBe(`respite ${socket}`.slice(0, title.length))
    expect(title).not.toContain('hush')
    const connection = await RawConnection.open(socket)
    expect(await connection.ask('PING\r\n', '-NOAUTH Authentication required.\r\n')).toContain('NOAUTH')
    expect(await connection.ask(encode(['AUTH', 'open sesame']), '+OK\r\n')).toBe('+OK\r\n')
  })

  test("Debian's way of a config file starts: what has no effect is one line, and so is a pid file that cannot be written", async () => {
    const cwd = temporaryDirectory()
    const file = join(cwd, 'redis.conf')
    fs.writeFileSync(
      file,
      `port 0\nunixsocket ${join(cwd, 'sock')}\ndaemonize yes\nlog-format pretty\npidfile ${cwd}/run/redis/redis-server.pid\nloglevel notice\n` +
        'always-show-logo no\nrename-command CONFIG b840fc02d524045429941cc15f59e41cb7be6c52\nrename-command DEBUG ""\n',
    )
    const program = runProgram([file], { cwd })
    await ready(program)
    expect(program.output()).toMatch(
      /warn the process id cannot be written .*\n.*warn set, but without effect here settings=daemonize\n/,
    )
    const connection = await RawConnection.open(join(cwd, 'sock'))
    const renamed = 'b840fc02d524045429941cc15f59e41cb7be6c52 GET hz\r\n'
    expect(await connection.ask(renamed, '*2\r\n$2\r\nhz\r\n$2\r\n10\r\n')).toContain('$2\r\n10\r\n')
    expect(await connection.ask('CONFIG GET hz\r\n', "-ERR unknown command 'CONFIG'")).toBe(
      "-ERR unknown command 'CONFIG'",
    )
  })

  test('a port in use: one line, exit 1', async () => {
    const server = net.createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as net.AddressInfo
    const program = runProgram(['--port', String(port)], { cwd: temporaryDirectory() })
    expect(await program.exited).toEqual({ code: 1, signal: null })
    expect(program.output()).toBe(
      `respite: cannot listen on 127.0.0.1:${port}: the address is in use (is another server running?)\n`,
    )
    server.close()
  })

  test('damaged data: one line that names the file, exit 1', async () => {
    const cwd = temporaryDirectory()
    fs.mkdirSync(join(cwd, 'data/appendonlydir'), { recursive: true })
    fs.writeFileSync(join(cwd, 'data/appendonlydir/appendonly.aof.manifest'), 'nonsense\n')
    const program = runProgram(['--port', '0', '--unixsocket', join(cwd, 'sock')], { cwd })
    expect(await program.exited).toEqual({ code: 1, signal: null })
    expect(program.output()).toMatch(/^respite: .*appendonly\.aof\.manifest.*\n$/)
  })

  test('--version and --help say what they should and exit with 0', async () => {
    const asked = runProgram(['--version'])
    expect(await asked.exited).toEqual({ code: 0, signal: null })
    expect(asked.output()).toMatch(new RegExp(`^respite ${version} `))
    const helped = runProgram(['-h'])
    expect(await helped.exited).toEqual({ code: 0, signal: null })
    expect(helped.output()).toContain('Usage: respite [config-file] [--option value …] [-]')
    const checked = runProgram(['--check-system'])
    await checked.exited
    expect(checked.output()).toMatch(/^\[slow-clocksource\]\.\.\.(OK|WARNING:)\n/)
  })

  test('loglevel and logfile are obeyed', async () => {
    const cwd = temporaryDirectory()
    const file = join(cwd, 'respite.log')
    const program = runProgram(['--port', '0', '--unixsocket', join(cwd, 'sock'), '--logfile', file], { cwd })
    await eventually(() => fs.existsSync(file) && fs.readFileSync(file, 'utf8').includes('is ready'))
    expect(program.output()).toBe('')
    // A directory of its own: the first one is still running.
    const options = ['--port', '0', '--unixsocket', join(cwd, 'sock2'), '--loglevel', 'warning', '--dir', 'other']
    const quiet = runProgram(options, { cwd })
    // It says nothing, so its socket is tried until it listens.
    const connection = await eventually(() => RawConnection.open(join(cwd, 'sock2')).catch(() => undefined))
    connection.send('SHUTDOWN\r\n')
    await quiet.exited
    expect(quiet.output()).toBe('')
  })
})
