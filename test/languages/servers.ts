// The servers that the programs talk to one at a time: a single broker, and a redis-server in its
// place. All servers are on loopback, on ports that the system chooses, and are started again when
// they end.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { freePorts } from '../../src/util/free-ports.ts'
import { program } from '../support/build.ts'
import { certificateFile } from '../support/tls/certificates.ts'

export const HOST = '127.0.0.1'
const USER = 'app'
const PASSWORD = 'secret'
const GIVE_UP_MS = 60_000
const LOOK_MS = 10

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** A command that is started again when it ends, as a supervisor does it. */
export class Supervised {
  readonly #command: readonly string[]
  #child: ChildProcess | undefined
  #isWanted = true

  constructor(command: readonly string[]) {
    this.#command = command
    this.#start()
  }

  #start(): void {
    const child = spawn(this.#command[0]!, this.#command.slice(1), { stdio: ['ignore', 'ignore', 'inherit'] })
    running.add(child)
    child.once('exit', () => {
      running.delete(child)
      if (this.#isWanted) this.#start()
    })
    this.#child = child
  }

  /** Kills it with SIGKILL; it is started again. */
  async kill(): Promise<void> {
    const child = this.#child!
    if (!running.has(child)) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
  }

  async stop(): Promise<void> {
    this.#isWanted = false
    await this.kill()
  }
}

/** Waits until a condition holds. */
export async function until(isTrue: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const end = performance.now() + GIVE_UP_MS; !(await isTrue()); await pause(LOOK_MS)) {
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`)
  }
}

/** A client of the runner. It asks again until the server is there. */
export function clientOf(port: number): Redis {
  const client = new Redis({ host: HOST, port, retryStrategy: () => 20, maxRetriesPerRequest: null })
  client.on('error', () => {})
  return client
}

/** The variables that tell programs where servers are. */
export type Variables = Readonly<Record<string, string>>

export interface SingleServer {
  readonly port: number
  readonly variables: Variables
  stop(): Promise<void>
}

/** Starts a broker with TLS and a user whose keys begin with `app:`. */
export async function startBroker(): Promise<SingleServer> {
  const [port, tlsPort] = (await freePorts(2)) as [number, number]
  const dir = mkdtempSync(join(tmpdir(), 'respite-clients-'))
  const words = [
    ...['--port', port, '--bind', HOST, '--dir', dir, '--appendonly', 'yes'],
    ...['--tls-port', tlsPort, '--tls-cert-file', certificateFile('server.crt')],
    ...['--tls-key-file', certificateFile('server.key'), '--tls-ca-cert-file', certificateFile('authority.crt')],
    ...['--tls-auth-clients', 'no', '--channel', 'orders.* keep 1h dedupe 1h'],
  ]
  const server = await single(new Supervised([process.execPath, program(), ...words.map(String)]), port, dir, {
    RESPITE_TLS_ADDRESS: `${HOST}:${tlsPort}`,
    RESPITE_TLS_CA: certificateFile('authority.crt'),
    RESPITE_USER: USER,
    RESPITE_PASSWORD: PASSWORD,
  })
  const client = clientOf(port)
  await client.acl('SETUSER', USER, 'on', `>${PASSWORD}`, '~app:*', '&*', '+@all')
  client.disconnect()
  return server
}

/** Starts redis-server in the broker's place, without TLS. */
export async function startRedis(): Promise<SingleServer> {
  const [port] = (await freePorts(1)) as [number]
  const dir = mkdtempSync(join(tmpdir(), 'respite-clients-'))
  const words = ['--port', `${port}`, '--bind', HOST, '--dir', dir, '--appendonly', 'yes', '--save', '']
  return single(new Supervised(['redis-server', ...words]), port, dir, {})
}

async function single(server: Supervised, port: number, dir: string, more: Variables): Promise<SingleServer> {
  const client = clientOf(port)
  await until(async () => (await client.ping()) === 'PONG', 'the server answers')
  client.disconnect()
  return {
    port,
    variables: { RESPITE_ADDRESS: `${HOST}:${port}`, ...more },
    async stop() {
      await server.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** Says whether a server takes writes: at once, also where it hangs. */
export async function isPrimary(server: Redis): Promise<boolean> {
  const role = (await Promise.race([server.call('ROLE'), pause(500)]).catch(() => undefined)) as unknown
  return Array.isArray(role) && role[0] === 'master'
}
