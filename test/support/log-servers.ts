// The servers of a replicated log for tests: three nats-servers or three etcds on loopback, each with files of its own, each of which can be
// killed, stopped for a while and begun again.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from './free-ports.ts'

/** A process that can be ended hard, and begun again with the files that it has left. */
export class LogServer {
  readonly name: string
  readonly port: number
  readonly #command: readonly string[]
  readonly #logFile: string
  #child: ChildProcess | undefined
  readonly #killWithUs = (): void => void this.#child?.kill('SIGKILL')

  constructor(name: string, port: number, command: readonly string[], logFile: string) {
    this.name = name
    this.port = port
    this.#command = command
    this.#logFile = logFile
    process.once('exit', this.#killWithUs)
  }

  start(): void {
    const log = openSync(this.#logFile, 'a')
    this.#child = spawn(this.#command[0]!, this.#command.slice(1), { stdio: ['ignore', log, log] })
    closeSync(log)
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
  }

  /** Lets it stand still. Returns what lets it go on. */
  pause(): () => void {
    const child = this.#child!
    child.kill('SIGSTOP')
    return () => void child.kill('SIGCONT')
  }

  log(): string {
    return readFileSync(this.#logFile, 'utf8')
  }

  async end(): Promise<void> {
    process.off('exit', this.#killWithUs)
    await this.kill()
  }
}

export interface LogServers {
  readonly servers: readonly LogServer[]
  /** Where clients reach them. */
  readonly addresses: readonly string[]
  stop(): Promise<void>
}

/** Says whether a server of this name and at least this version is missing, and tells the reader so. In CI it must be there. */
function missing(program: string, versionNeeded: readonly [number, number], packages: string): boolean {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' })
  const [, major, minor] = /(\d+)\.(\d+)\.\d+/.exec(stdout ?? '') ?? []
  const isThere =
    major !== undefined &&
    (Number(major) > versionNeeded[0] || (Number(major) === versionNeeded[0] && Number(minor) >= versionNeeded[1]))
  if (isThere) return false
  const found = major === undefined ? 'not on the PATH' : `version ${major}.${minor}`
  const said = `${program} is ${found}, ${versionNeeded.join('.')} is needed (${packages})`
  if (process.env.CI) throw new Error(`${said}: in CI the tests of replicated logs may not be skipped`)
  console.warn(`skipped: ${said}`)
  return true
}

export const natsServerMissing = (): boolean => missing('nats-server', [2, 15], "Debian unstable's package nats-server")
export const etcdMissing = (): boolean => missing('etcd', [3, 4], "Debian's package etcd-server")

export interface NatsServersOptions {
  readonly count?: number
  /** As in their configuration file. */
  readonly syncInterval?: string
  /** Whether the account of the log may ask how the servers sync. */
  readonly mayAsk?: boolean
}

/** Who may use the log, and who asks on behalf of the operator. */
export const NATS_USER = { user: 'respite', password: 'secret' } as const

/** Starts nats-servers that know each other, as docs/cluster.md says. */
export async function startNatsServers({
  count = 3,
  syncInterval = 'always',
  mayAsk = true,
}: NatsServersOptions = {}): Promise<LogServers> {
  const directory = mkdtempSync(join(tmpdir(), 'respite-nats-'))
  const ports = await freePorts(2 * count)
  const routes = ports.slice(count).map((port) => `"nats://127.0.0.1:${port}"`)
  const question = '"$SYS.REQ.SERVER.PING.JSZ"'
  const servers = Array.from({ length: count }, (_, i) => {
    const name = `nats-${i}`
    const file = join(directory, `${name}.conf`)
    const cluster = `cluster { name: log, listen: "127.0.0.1:${ports[count + i]}", routes: [${routes}] }`
    const lines = [
      `server_name: ${name}`,
      `listen: "127.0.0.1:${ports[i]}"`,
      `jetstream { store_dir: ${JSON.stringify(join(directory, name))}, sync_interval: ${syncInterval}, max_file_store: 1GB }`,
      count > 1 ? cluster : '',
      'accounts {',
      `  SYS { exports: [ ${mayAsk ? `{ service: ${question}, response: stream, accounts: [LOG] }` : ''} ] }`,
      '  LOG {',
      '    jetstream: enabled',
      `    users: [ { user: ${NATS_USER.user}, password: ${NATS_USER.password} } ]`,
      mayAsk ? `    imports: [ { service: { account: SYS, subject: ${question} } } ]` : '',
      '  }',
      '}',
      'system_account: SYS',
    ]
    writeFileSync(file, lines.join('\n'))
    return new LogServer(name, ports[i]!, ['nats-server', '-c', file], join(directory, `${name}.log`))
  })
  return started(
    directory,
    servers,
    servers.map(({ port }) => `127.0.0.1:${port}`),
  )
}

/** Starts etcds that know each other; with a quota for their database, if one is named. */
export async function startEtcds({
  count = 3,
  quotaBytes,
}: {
  count?: number
  quotaBytes?: number
} = {}): Promise<LogServers> {
  const directory = mkdtempSync(join(tmpdir(), 'respite-etcd-'))
  const ports = await freePorts(2 * count)
  const peer = (i: number): string => `http://127.0.0.1:${ports[count + i]}`
  const cluster = Array.from({ length: count }, (_, i) => `etcd-${i}=${peer(i)}`).join(',')
  const servers = Array.from({ length: count }, (_, i) => {
    const name = `etcd-${i}`
    const client = `http://127.0.0.1:${ports[i]}`
    const data = join(directory, name)
    mkdirSync(data, { mode: 0o700 })
    const options = {
      name,
      'data-dir': data,
      'listen-client-urls': client,
      'advertise-client-urls': client,
      'listen-peer-urls': peer(i),
      'initial-advertise-peer-urls': peer(i),
      'initial-cluster': cluster,
      'log-level': 'error',
      ...(quotaBytes !== undefined && { 'quota-backend-bytes': quotaBytes }),
    }
    const command = ['etcd', ...Object.entries(options).map(([option, value]) => `--${option}=${value}`)]
    return new LogServer(name, ports[i]!, command, join(directory, `${name}.log`))
  })
  return started(
    directory,
    servers,
    servers.map(({ port }) => `http://127.0.0.1:${port}`),
  )
}

function started(directory: string, servers: readonly LogServer[], addresses: readonly string[]): LogServers {
  for (const server of servers) server.start()
  return {
    servers,
    addresses,
    async stop() {
      await Promise.all(servers.map((server) => server.end()))
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
