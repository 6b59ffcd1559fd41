import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { runCli } from '../../src/cli/client.ts'
import { catalog } from '../../src/commands/catalog.ts'
import { makeParts } from '../../src/commands/parts.ts'
import { Config } from '../../src/config/config.ts'
import { Engine } from '../../src/engine/engine.ts'
import { OptionError, type ServerOptions, TlsError } from '../../src/index.ts'
import { Listeners } from '../../src/server/listening/listeners.ts'
import { readTlsSettings } from '../../src/server/listening/tls-settings.ts'
import { program } from '../support/build.ts'
import { encode } from '../support/engine.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { eventually, RawConnection, startTestServer, temporaryDirectory } from '../support/server.ts'
import { startServerProcess } from '../support/server-process.ts'
import { certificate, certificateFile, clientTls } from '../support/tls/certificates.ts'

const TLS = { cert: certificateFile('server.crt'), key: certificateFile('server.key') }
const CA = certificateFile('authority.crt')
const VERIFY_FAILED = 'Error accepting a client connection: error:0A000086:SSL routines::certificate verify failed'
const NO_CERTIFICATE =
  'Error accepting a client connection: error:0A0000C7:SSL routines::peer did not return a certificate'
const CANNOT_CONFIGURE = 'Unable to update TLS configuration. Check server logs.'

/** A server for TLS alone, and what it warned of. */
async function start(options: ServerOptions = {}) {
  const warnings: string[] = []
  const log = {
    debug() {},
    info() {},
    warn: (_details: object, message: string) => void warnings.push(message),
    error() {},
    fatal() {},
  }
  const server = await startTestServer({ port: false, tlsPort: 0, tls: { ...TLS, ca: CA }, log, ...options })
  return { server, port: server.tlsPort, warnings }
}

/** What a client gets for a PING; 'refused' if it is not served. */
async function ping(port: number, name?: 'worker' | 'expired' | 'stranger', options = {}): Promise<string> {
  try {
    const connection = await RawConnection.openTls(port, { ...clientTls(name), ...options })
    connection.send('PING\r\n')
    await eventually(() => connection.received.endsWith('\r\n') || connection.closed)
    connection.socket.destroy()
    return connection.received === '+PONG\r\n' ? 'served' : connection.received || 'refused'
  } catch {
    return 'refused'
  }
}

async function ask(connection: RawConnection, words: readonly string[]): Promise<string> {
  connection.received = ''
  connection.send(
    encode([...words, ''])
      .replace(/^\*\d+/, `*${words.length}`)
      .slice(0, -6),
  )
  return await eventually(() => (connection.received.endsWith('\r\n') ? connection.received : undefined))
}

test('a client with a certificate of the authority is served, and told as any other', async () => {
  const { port } = await start()
  const connection = await RawConnection.openTls(port, clientTls('worker'))
  expect(await ask(connection, ['SET', 'k', 'v'])).toBe('+OK\r\n')
  expect(await ask(connection, ['CLIENT', 'INFO'])).toContain(`laddr=127.0.0.1:${port}`)
  const info = await ask(connection, ['INFO', 'server'])
  expect(info).toContain(`tcp_port:${port}\r\n`)
  expect(info).toContain(`listener2:name=tls,bind=127.0.0.1,port=${port}\r\n`)
  expect(info).not.toContain('listener0')
  // A kill reaches it as any other.
  const other = await RawConnection.openTls(port, clientTls('worker'))
  expect(await ask(other, ['CLIENT', 'KILL', 'LADDR', `127.0.0.1:${port}`, 'SKIPME', 'yes'])).toBe(':1\r\n')
  await eventually(() => connection.closed)
})

describe('tls-auth-clients', () => {
  test.each([
    ['yes', 'worker', 'served', undefined],
    ['yes', undefined, 'refused', NO_CERTIFICATE],
    ['yes', 'stranger', 'refused', VERIFY_FAILED],
    ['yes', 'expired', 'refused', VERIFY_FAILED],
    ['optional', 'worker', 'served', undefined],
    ['optional', undefined, 'served', undefined],
    ['optional', 'stranger', 'refused', VERIFY_FAILED],
    ['no', undefined, 'served', undefined],
    ['no', 'stranger', 'served', undefined],
  ] as const)('%s: a client with the certificate %s is %s', async (authClients, name, expected, warning) => {
    const { port, warnings } = await start({ tls: { ...TLS, ca: CA, authClients } })
    expect(await ping(port, name)).toBe(expected)
    expect(warnings).toEqual(warning === undefined ? [] : [warning])
  })

  test('holds for who comes after CONFIG SET, also for one that takes up a session of before', async () => {
    const { port } = await start({ tls: { ...TLS, ca: CA, authClients: 'no' } })
    const before = await RawConnection.openTls(port, clientTls())
    const session = new Promise<Buffer>((resolve) => before.socket.once('session', resolve))
    expect(await ask(before, ['CONFIG', 'SET', 'tls-auth-clients', 'yes'])).toBe('+OK\r\n')
    expect(await ping(port, undefined, { session: await session })).toBe('refused')
    expect(await ping(port, 'worker')).toBe('served')
    expect(await ask(before, ['PING'])).toBe('+PONG\r\n')
  })
})

test('tls-auth-clients-user CN: a certificate that is called as a user is that user from the start', async () => {
  const tls = { ...TLS, ca: CA, authClients: 'optional' } as const
  const { port } = await start({ tls, password: 'secret', config: { 'tls-auth-clients-user': 'CN' } })
  const nobody = await RawConnection.openTls(port, clientTls('worker'))
  expect(await ask(nobody, ['ACL', 'WHOAMI'])).toBe('-NOAUTH Authentication required.\r\n')
  expect(await ask(nobody, ['AUTH', 'secret'])).toBe('+OK\r\n')
  expect(await ask(nobody, ['ACL', 'SETUSER', 'worker', 'on', '+@all', '-set', '~*'])).toBe('+OK\r\n')
  const worker = await RawConnection.openTls(port, clientTls('worker'))
  expect(await ask(worker, ['ACL', 'WHOAMI'])).toBe('$6\r\nworker\r\n')
  expect(await ask(worker, ['SET', 'k', 'v'])).toMatch(/^-NOPERM User worker /)
  expect(await ask(nobody, ['ACL', 'SETUSER', 'worker', 'off'])).toBe('+OK\r\n')
  for (const name of ['worker', undefined] as const) {
    const stranger = await RawConnection.openTls(port, clientTls(name))
    expect(await ask(stranger, ['PING'])).toBe('-NOAUTH Authentication required.\r\n')
  }
  expect(await ask(nobody, ['CONFIG', 'SET', 'tls-auth-clients-user', 'x'])).toContain('following: off, CN')
})

describe('CONFIG SET', () => {
  test('takes renewed certificates for later clients; no client is dropped', async () => {
    const { port } = await start()
    const before = await RawConnection.openTls(port, clientTls('worker'))
    const [crt, key] = [certificateFile('renewed.crt'), certificateFile('renewed.key')]
    expect(await ask(before, ['CONFIG', 'SET', 'tls-cert-file', crt, 'tls-key-file', key])).toBe('+OK\r\n')
    const after = await RawConnection.openTls(port, clientTls('worker'))
    const { getPeerCertificate } = after.socket as unknown as { getPeerCertificate(): { subject: { CN: string } } }
    expect(getPeerCertificate.call(after.socket).subject.CN).toBe('renewed.localhost')
    expect(await ask(before, ['PING'])).toBe('+PONG\r\n')
  })

  test.each([
    ['tls-cert-file', '/nonexistent', 'Failed to load certificate: /nonexistent: No such file or directory'],
    ['tls-cert-file', '', 'No tls-cert-file configured!'],
    ['tls-key-file', '', 'No tls-key-file configured!'],
    [
      'tls-key-file',
      certificateFile('worker.key'),
      `Failed to load private key: ${certificateFile('worker.key')}: error:05800074:x509 certificate routines::key values mismatch`,
    ],
    [
      'tls-ca-cert-file',
      '/nonexistent',
      'Failed to configure CA certificate(s) file/directory: No such file or directory',
    ],
    [
      'tls-ca-cert-file',
      '',
      'Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, tls-replication or tls-auth-clients are enabled!',
    ],
    [
      'tls-protocols',
      'TLSv1.4',
      "Invalid tls-protocols specified. Use a combination of 'TLSv1', 'TLSv1.1', 'TLSv1.2' and 'TLSv1.3'.",
    ],
    ['tls-ciphers', 'nonsense', /^Failed to configure ciphers: nonsense/],
    ['tls-ciphersuites', 'nonsense', /^Failed to configure ciphersuites: nonsense/],
    ['tls-dh-params-file', CA, `Failed to load ${CA}: failed to read DH params.`],
    ['tls-dh-params-file', '/nonexistent', /^Failed to load .*\/nonexistent: No such file or directory/],
  ] as const)(
    '%s %j is refused as Redis refuses it, the log says why, and nothing has changed',
    async (name, value, why) => {
      const { port, warnings } = await start()
      const connection = await RawConnection.openTls(port, clientTls('worker'))
      const before = await ask(connection, ['CONFIG', 'GET', name])
      expect(await ask(connection, ['CONFIG', 'SET', 'maxmemory', '1gb', name, value])).toBe(
        `-ERR CONFIG SET failed (possibly related to argument '${name}') - ${CANNOT_CONFIGURE}\r\n`,
      )
      expect(warnings[0]).toEqual(typeof why === 'string' ? why : expect.stringMatching(why))
      expect(await ask(connection, ['CONFIG', 'GET', name])).toBe(before)
      expect(await ask(connection, ['CONFIG', 'GET', 'maxmemory'])).toBe('*2\r\n$9\r\nmaxmemory\r\n$1\r\n0\r\n')
      expect(await ping(port, 'worker')).toBe('served')
    },
  )

  test('tls-port opens a port, moves and closes it; one that is taken is refused, and so is one without certificates', async () => {
    const plain = await startTestServer()
    const connection = await RawConnection.open(plain.port)
    const refusal = (reason: string) =>
      `-ERR CONFIG SET failed (possibly related to argument 'tls-port') - ${reason}\r\n`
    expect(await ask(connection, ['CONFIG', 'SET', 'tls-port', '0'])).toBe('+OK\r\n')
    expect(await ask(connection, ['CONFIG', 'SET', 'tls-port', '1'])).toBe(refusal(CANNOT_CONFIGURE))
    const elsewhere = { host: '127.0.0.2', checkServerIdentity: () => undefined }
    const free = await start()
    await free.server.close()
    const files = ['tls-cert-file', TLS.cert, 'tls-key-file', TLS.key, 'tls-ca-cert-file', CA]
    expect(await ask(connection, ['CONFIG', 'SET', 'tls-port', String(free.port), ...files])).toBe('+OK\r\n')
    expect(await ping(free.port, 'worker')).toBe('served')
    expect(await ask(connection, ['CONFIG', 'SET', 'tls-port', String(plain.port)])).toBe(
      refusal('Unable to listen on this port. Check server logs.'),
    )
    expect(await ping(free.port, 'worker')).toBe('served')
    expect(await ask(connection, ['CONFIG', 'SET', 'tls-port', '1', 'tls-cert-file', '/nonexistent'])).toMatch(
      /'tls-(port|cert-file)'\) - /,
    )
    expect(await ping(free.port, 'worker')).toBe('served')
    expect(await ask(connection, ['CONFIG', 'SET', 'tls-ca-cert-dir', '/nonexistent'])).toBe('+OK\r\n')
    expect(await ask(connection, ['CONFIG', 'SET', 'bind', '127.0.0.2'])).toBe('+OK\r\n')
    expect(await ping(free.port, 'worker')).toBe('refused')
    expect(await ping(free.port, 'worker', elsewhere)).toBe('served')
    expect(await ask(connection, ['CONFIG', 'SET', 'tls-port', '0'])).toBe('+OK\r\n')
    expect(await ping(free.port, 'worker', elsewhere)).toBe('refused')
    expect(plain.tlsPort).toBe(0)
  })

  test('the versions that are spoken, an encrypted key, a directory of authorities', async () => {
    const authorities = temporaryDirectory()
    fs.copyFileSync(CA, join(authorities, 'one'))
    fs.writeFileSync(join(authorities, 'README'), 'authorities')
    const { port } = await start({
      tls: {
        cert: certificate('server.crt'),
        key: certificate('server-encrypted.key'),
        passphrase: 'secret',
        authClients: 'yes',
      },
      config: { 'tls-ca-cert-dir': authorities, 'tls-protocols': 'TLSv1.2' },
    })
    expect(await ping(port, 'worker')).toBe('served')
    expect(await ping(port, 'worker', { minVersion: 'TLSv1.3' })).toBe('refused')
  })
})

describe('a start', () => {
  test('without usable certificates is refused', async () => {
    await expect(startTestServer({ tlsPort: 0 })).rejects.toThrow(OptionError)
    const wrong = { ...TLS, key: certificate('worker.key') }
    await expect(startTestServer({ tlsPort: 0, tls: wrong })).rejects.toThrow(TlsError)
    const missing = { ...TLS, cert: '/nonexistent' }
    await expect(startTestServer({ tlsPort: 0, tls: missing })).rejects.toThrow(
      'Failed to load certificate: /nonexistent: No such file or directory',
    )
  })

  test('of the program ends with one line and exit code 1', () => {
    const args = ['--port', '0', '--tls-port', '1', '--dir', temporaryDirectory(), '--tls-cert-file', '/nonexistent']
    const { status, stderr } = spawnSync(process.execPath, [program(), ...args], { encoding: 'utf8' })
    expect([status, stderr]).toEqual([1, 'respite: No tls-key-file configured!\n'])
  })
})

describe.each([
  ['into the shared buffer', true],
  ["through 'data' events", false],
])('reads %s', (_name, sharedReads) => {
  interface Listening {
    clock: FakeClock
    engine: Engine
    listeners: Listeners
    port: number
  }

  async function listen(settings = {}): Promise<Listening> {
    const config = new Config({ 'tls-auth-clients': 'no', ...settings })
    const clock = new FakeClock()
    const engine = new Engine({ commands: catalog, config, workClock: clock }, makeParts)
    const listeners = new Listeners(engine, sharedReads)
    onTestFinished(() => {
      listeners.close()
      engine.stop()
    })
    listeners.handshakes.use(
      readTlsSettings(config, { cert: certificate('server.crt'), key: certificate('server.key') }),
      'no',
    )
    const nowhere = { port: undefined, unixSocket: '', unixSocketMode: 0 }
    await listeners.open({ ...nowhere, tlsPort: 0, addresses: ['127.0.0.1'], backlog: 511 })
    return { clock, engine, listeners, port: listeners.tls.port }
  }

  test('large and small, in pieces and in pipelines, replies are whole and in order', async () => {
    const { port } = await listen()
    const connection = await RawConnection.openTls(port, clientTls())
    const value = Array.from({ length: 300_000 }, (_, i) => `${i},`).join('')
    const request = encode(['SET', 'large', value])
    for (let at = 0; at < request.length; at += 77_777) connection.send(request.slice(at, at + 77_777))
    connection.send(`${'INCR n\r\n'.repeat(3000)}${'GET large\r\n'.repeat(3)}PING\r\n`)
    const counted = Array.from({ length: 3000 }, (_, i) => `:${i + 1}\r\n`).join('')
    const expected = `+OK\r\n${counted}${`$${value.length}\r\n${value}\r\n`.repeat(3)}+PONG\r\n`
    await eventually(() => connection.received.length >= expected.length)
    expect(connection.received === expected).toBe(true)
    // Whoever has said all is told all.
    connection.received = ''
    connection.socket.end('GET n\r\n')
    await eventually(() => connection.ended)
    expect(connection.received).toBe('$4\r\n3000\r\n')
  })

  test('one that does not read ends at its output limit, and delays no other', async () => {
    const { engine, port } = await listen({ 'client-output-buffer-limit': 'normal 4mb 0 0' })
    const lazy = await RawConnection.openTls(port, clientTls())
    const other = await RawConnection.openTls(port, clientTls())
    for (const client of [lazy, other]) expect(await ask(client, ['PING'])).toBe('+PONG\r\n')
    lazy.socket.pause()
    lazy.send(encode(['SET', 'k', 'x'.repeat(1024 * 1024)]) + 'GET k\r\n'.repeat(64))
    await eventually(() => engine.clients.connected.size === 1)
    expect(await ask(other, ['PING'])).toBe('+PONG\r\n')
    expect(engine.figures.stats.outputLimitDisconnects).toBe(1)
  })

  test('a stranger may pipeline what it likes, as long as it reads', async () => {
    const { port } = await listen({ requirepass: 'secret' })
    const connection = await RawConnection.openTls(port, clientTls())
    const noAuth = '-NOAUTH Authentication required.\r\n'
    for (let round = 0; round < 5; round++) {
      connection.received = ''
      connection.send('GET k\r\n'.repeat(100))
      await eventually(() => connection.received.length === 100 * noAuth.length)
    }
    expect(await ask(connection, ['AUTH', 'secret'])).toBe('+OK\r\n')
  })

  test('connections that do not shake hands count as clients, for a while', async () => {
    const { clock, engine, listeners, port } = await listen({ maxclients: '30' })
    const silent = Array.from({ length: 40 }, () => net.connect(port, '127.0.0.1').on('error', () => {}))
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
    while (engine.figures.stats.connectionsRejected < 10) await turn()
    expect(listeners.handshakes.count).toBe(30)
    expect(engine.clients.connected.size).toBe(0)
    clock.advance(30_000)
    expect(listeners.handshakes.count).toBe(0)
    expect(await ping(port)).toBe('served')
    for (const socket of silent) await eventually(() => socket.closed)
  })

  test('a connection without a handshake is closed', async () => {
    const { listeners, port } = await listen()
    const connection = await RawConnection.open(port)
    connection.send('PING\r\n')
    await eventually(() => connection.closed)
    expect(listeners.handshakes.count).toBe(0)
    const gone = await RawConnection.open(port)
    await eventually(() => listeners.handshakes.count === 1)
    gone.socket.destroy()
    await eventually(() => listeners.handshakes.count === 0)
  })
})

test('a client cannot ask for new keys in the middle of TLS 1.2', async () => {
  const { port } = await start()
  const connection = await RawConnection.openTls(port, { ...clientTls('worker'), maxVersion: 'TLSv1.2' })
  expect(await ask(connection, ['PING'])).toBe('+PONG\r\n')
  const socket = connection.socket as TLSSocket
  let isRenewed = false
  const refused = new Promise<Error>((resolve) => socket.once('error', resolve))
  socket.renegotiate({}, () => {
    isRenewed = true
  })
  expect((await refused).message).toContain('no renegotiation')
  expect(isRenewed).toBe(false)
})

/** Starts a server whose scripts are soon slow, and connects a client to its open port and two within TLS, of which one was answered. */
async function clientsOfSlowScripts(settings: ServerOptions['config'] = {}) {
  const tls = { ...TLS, authClients: 'no' } as const
  const config = { 'busy-reply-threshold': 20, ...settings }
  const { port: out, child } = await startServerProcess({ port: 0, tlsPort: 0, tls, config })
  onTestFinished(() => void child.kill('SIGKILL'))
  const plain = await RawConnection.open(out)
  const port = Number(/port=(\d+)/.exec((await ask(plain, ['INFO', 'server'])).replace(/listener0.*/, ''))![1])
  const runner = await RawConnection.openTls(port, clientTls())
  const other = await RawConnection.openTls(port, clientTls())
  // It has shaken hands.
  expect(await ask(other, ['PING'])).toBe('+PONG\r\n')
  // Another turn of the server's loop: until then Node counts a reply within TLS as on its way, and takes no other.
  expect(await ask(plain, ['PING'])).toBe('+PONG\r\n')
  return { plain, runner, other }
}

test('while a script is slow, a client within TLS is heard and may end it', async () => {
  const { plain, runner, other } = await clientsOfSlowScripts()
  runner.send(encode(['EVAL', 'while true do end', '0']))
  await eventually(async () => (await ask(plain, ['PING'])).startsWith('-BUSY'))
  expect(await ask(other, ['SCRIPT', 'KILL'])).toBe('+OK\r\n')
  await eventually(() => runner.received.startsWith('-ERR Script killed by user'))
  expect(await ask(other, ['PING'])).toBe('+PONG\r\n')
})

test('requests that came with a slow script stay as they were, whatever clients send within TLS meanwhile', async () => {
  const { plain, runner, other } = await clientsOfSlowScripts({ 'slowlog-log-slower-than': 0 })
  const script = ['EVAL', 'while true do end', '1', 'its key']
  runner.send(encode(script) + encode(['SET', 'mine', 'kept']) + encode(['GET', 'mine']))
  await eventually(async () => (await ask(plain, ['PING'])).startsWith('-BUSY'))
  expect(await ask(other, ['AUTH', 'nobody', `secret ${'x'.repeat(200)}`])).toContain('-WRONGPASS')
  expect(await ask(other, ['SCRIPT', 'KILL'])).toBe('+OK\r\n')
  await eventually(() => runner.received.endsWith('kept\r\n'))
  expect(runner.received).toMatch(/^-ERR Script killed by user.*\r\n\+OK\r\n\$4\r\nkept\r\n$/)
  const log = await ask(other, ['SLOWLOG', 'GET', '-1'])
  expect(log).toContain(encode(script))
  expect(log).not.toContain('secret')
})

describe('clients', () => {
  test('ioredis and node-redis, while certificates are renewed again and again', async () => {
    const { port } = await start()
    const redis = new Redis({ port, host: '127.0.0.1', tls: clientTls('worker') })
    const node = createClient({ socket: { port, host: '127.0.0.1', tls: true, ...clientTls('worker') } })
    await node.connect()
    onTestFinished(() => {
      redis.disconnect()
      node.destroy()
    })
    let renewals = 0
    for (let i = 0; i < 20; i++) {
      const name = i % 2 === 0 ? 'renewed' : 'server'
      const files = ['tls-cert-file', certificateFile(`${name}.crt`), 'tls-key-file', certificateFile(`${name}.key`)]
      const replies = await Promise.all([
        redis.call('CONFIG', 'SET', ...files),
        ...Array.from({ length: 50 }, () => redis.incr('n')),
        ...Array.from({ length: 50 }, () => node.incr('n')),
      ])
      if (replies[0] === 'OK') renewals++
    }
    expect(renewals).toBe(20)
    expect(await node.get('n')).toBe('2000')
  })

  test('BullMQ', async () => {
    const { port } = await start()
    const connection = { port, host: '127.0.0.1', tls: clientTls('worker'), maxRetriesPerRequest: null }
    const queue = new Queue('q', { connection })
    const done: number[] = []
    const worker = new Worker('q', async ({ data }) => void done.push(data), { connection, drainDelay: 1 })
    onTestFinished(async () => {
      await worker.close(true)
      await queue.close()
    })
    await queue.addBulk(Array.from({ length: 20 }, (_, data) => ({ name: 'job', data })))
    await eventually(() => done.length === 20)
  })

  test('respite cli, by options or a URI', async () => {
    const { port } = await start({ password: 'geheim:ü' })
    const { port: open } = await start({ tls: { ...TLS } })
    let printed = ''
    const cli = async (...args: string[]): Promise<string> => {
      printed = ''
      const code = await runCli(args, {
        input: process.stdin,
        inputIsTerminal: false,
        outputIsTerminal: false,
        rest: async () => false,
        now: () => performance.now(),
        print: (latin1) => {
          printed += latin1
        },
        complain: (line) => {
          printed += line
        },
      })
      return `${code} ${printed}`
    }
    const who = ['--cert', certificateFile('worker.crt'), '--key', certificateFile('worker.key')]
    expect(await cli('-p', String(port), '--tls', '--cacert', CA, ...who, '-a', 'geheim:ü', 'ping')).toBe('0 PONG\n')
    const uri = `rediss://:geheim%3A%C3%BC@127.0.0.1:${port}/3`
    expect(await cli('-u', uri, '--cacert', CA, '--sni', 'localhost', ...who, 'client', 'info')).toContain(' db=3 ')
    expect(await cli('-p', String(open), '--tls', 'ping')).toMatch(/^1 Could not connect to 127\.0\.0\.1:\d+: /)
    expect(await cli('-p', String(open), '--tls', '--insecure', 'ping')).toBe('0 PONG\n')
    expect(await cli('-u', 'http://127.0.0.1', 'ping')).toMatch(/^1 respite cli: the value of '-u' is not redis:/)
  })
})
