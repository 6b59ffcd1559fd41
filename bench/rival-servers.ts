// Starts the servers of others that this machine has: NATS with JetStream, Mosquitto, RabbitMQ,
// memcached. A server that is not installed is left out.

import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import { freePort } from '../src/util/free-ports.ts'
import { processorSeconds } from './servers.ts'
import { endWithUs, temporaryFolder } from './taken-along.ts'

export type Kind = 'nats' | 'mosquitto' | 'rabbitmq' | 'memcached'
/** Servers that hand out messages. */
export type BrokerKind = 'respite' | 'redis' | Exclude<Kind, 'memcached'>

/** A server that is installed, in one version. */
export interface Installed {
  readonly kind: Kind
  /** With its version, as the page names it. */
  readonly name: string
  readonly program: string
  readonly version: string
}

/**
 * The time at which kept messages are synced: before they are acknowledged, every second, or by the
 * server's default.
 */
export type Syncing = 'always' | 'everysec' | 'default'

export interface Running {
  port: number
  /** The process that serves. */
  pid: number
  commandLine: string
  /** Seconds of processor that it has taken, with all processes that belong to it. */
  worked(): number
  stop(): Promise<void>
}

interface Recipe {
  readonly shown: string
  /**
   * The programs, by a path or by a name on the PATH, and how each is asked which version it is.
   */
  readonly program: string
  readonly version: readonly string[]
  /** The words that start it, with its data in a directory. */
  command(start: Start): Promise<{ words: string[]; environment?: Record<string, string> }>
  /**
   * Removes other things when it has stopped. A process that exits does it, too, so it does not
   * wait.
   */
  afterwards?(environment: Record<string, string>): void
}

interface Start {
  program: string
  port: number
  directory: string
  syncing: Syncing
}

/** Where Debian and others put what users do not call by themselves. */
const PATH = `${process.env.PATH}:/usr/sbin:/usr/local/sbin`
/** RabbitMQ takes seconds on a quiet machine, and a minute on one that is very busy. */
const START_TIMEOUT_MS = 180_000

const NATS_SYNC: Readonly<Record<Syncing, string>> = {
  always: ', sync_interval: always',
  everysec: ', sync_interval: "1s"',
  default: '',
}

const RECIPES: Readonly<Record<Kind, Recipe>> = {
  nats: {
    shown: 'nats-server',
    program: 'nats-server',
    version: ['--version'],
    async command({ program, port, directory, syncing }) {
      const file = join(directory, 'nats.conf')
      writeFileSync(file, `jetstream { store_dir: "${directory}"${NATS_SYNC[syncing]} }\n`)
      return { words: [program, '-a', '127.0.0.1', '-p', String(port), '-c', file] }
    },
  },
  mosquitto: {
    shown: 'mosquitto',
    program: 'mosquitto',
    version: ['-h'],
    async command({ program, port, directory }) {
      const file = join(directory, 'mosquitto.conf')
      const lines = [
        `listener ${port} 127.0.0.1`,
        'allow_anonymous true',
        'persistence true',
        `persistence_location ${directory}/`,
        'max_queued_messages 0',
        'max_inflight_messages 0',
        'user root',
      ]
      writeFileSync(file, `${lines.join('\n')}\n`)
      return { words: [program, '-c', file] }
    },
  },
  rabbitmq: {
    shown: 'rabbitmq-server',
    // Debian's rabbitmq-server on the PATH changes the user first; this is the program itself.
    program: '/usr/lib/rabbitmq/bin/rabbitmq-server',
    version: [],
    async command({ program, port, directory }) {
      for (const folder of ['data', 'log']) mkdirSync(join(directory, folder))
      writeFileSync(join(directory, 'plugins'), '[].\n')
      return {
        words: [program],
        environment: {
          HOME: directory,
          RABBITMQ_NODENAME: `bench-${port}@localhost`,
          RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
          RABBITMQ_NODE_PORT: String(port),
          RABBITMQ_DIST_PORT: String(await freePort()),
          ERL_EPMD_PORT: String(await freePort()),
          ERL_EPMD_ADDRESS: '127.0.0.1',
          RABBITMQ_MNESIA_BASE: join(directory, 'data'),
          RABBITMQ_LOG_BASE: join(directory, 'log'),
          RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, 'plugins'),
          RABBITMQ_CONF_ENV_FILE: join(directory, 'none'),
        },
      }
    },
    // The name server of Erlang, which it has started, and which does not end while a program may
    // need it.
    afterwards(environment) {
      const ends = (): boolean =>
        spawnSync('epmd', ['-kill'], { encoding: 'utf8', env: { ...process.env, ...environment } }).stdout.includes(
          'Killed',
        )
      for (let tries = 0; tries < 40 && !ends(); tries++) waitMs(50)
    },
  },
  memcached: {
    shown: 'memcached',
    program: 'memcached',
    version: ['--version'],
    // It takes no more memory than it needs, and evicts nothing here. It has four threads unless it
    // is told otherwise.
    async command({ program, port }) {
      return { words: [program, '-l', '127.0.0.1', '-p', String(port), '-m', '2048', '-u', 'root'] }
    },
  },
}

/**
 * Returns the versions of a server that are there: the one that the PATH finds first, then older or
 * newer ones behind it.
 */
export function installed(kind: Kind): Installed[] {
  const { shown, program, version: words } = RECIPES[kind]
  const found = new Map<string, Installed>()
  for (const path of program.startsWith('/')
    ? [program]
    : PATH.split(delimiter).map((folder) => join(folder, program))) {
    if (!existsSync(path)) continue
    const version = kind === 'rabbitmq' ? rabbitmqVersion() : versionIn(path, words)
    if (!found.has(version)) found.set(version, { kind, name: `${shown} ${version}`, program: path, version })
  }
  return [...found.values()]
}

function versionIn(program: string, words: readonly string[]): string {
  const { stdout } = spawnSync(program, words, { encoding: 'utf8' })
  return /\d+\.\d+\.\d+/.exec(stdout ?? '')?.[0] ?? 'of an unknown version'
}

/** Its folder bears the version; asking the program itself takes seconds. */
function rabbitmqVersion(): string {
  const folders = readdirSync('/usr/lib/rabbitmq/lib').join(' ')
  return /\d+\.\d+\.\d+/.exec(folders)?.[0] ?? 'of an unknown version'
}

/** Says which servers are missing, for the notes of an answer. */
export function missingNote(kinds: readonly Kind[]): string[] {
  const missing = kinds.filter((kind) => installed(kind).length === 0).map((kind) => RECIPES[kind].shown)
  return missing.length === 0 ? [] : [`Not installed, so left out: ${missing.join(', ')}.`]
}

/** Whether it can be told when to sync. NATS can from 2.10 on. */
export function syncs({ kind, version }: Installed): boolean {
  const [major, minor] = version.split('.').map(Number)
  return kind === 'nats' && (major! > 2 || minor! >= 10)
}

export async function startOther(other: Installed, syncing: Syncing = 'default'): Promise<Running> {
  const recipe = RECIPES[other.kind]
  const folder = temporaryFolder(other.kind)
  const directory = folder.path
  const port = await freePort()
  const { words, environment = {} } = await recipe.command({ program: other.program, port, directory, syncing })
  // A process group of its own: RabbitMQ is a shell script that starts another program.
  const child = spawn(words[0]!, words.slice(1), {
    stdio: 'ignore',
    detached: true,
    env: { ...process.env, PATH, ...environment },
  })
  const pid = child.pid!
  const kill = (): void => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-pid, 'SIGKILL')
  }
  const goesAlone = endWithUs(() => {
    kill()
    recipe.afterwards?.(environment)
  })
  const stop = async (): Promise<void> => {
    goesAlone()
    const gone = new Promise((resolve) => child.once('exit', resolve))
    if (child.exitCode === null && child.signalCode === null) {
      kill()
      await gone
    }
    recipe.afterwards?.(environment)
    folder.remove()
  }
  for (const until = performance.now() + START_TIMEOUT_MS; !(await answers(port)); ) {
    if (child.exitCode === null && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      continue
    }
    await stop()
    throw new Error(`${words.join(' ')} did not start`)
  }
  return {
    port,
    pid,
    commandLine: words
      .join(' ')
      .replace(other.program, RECIPES[other.kind].shown)
      .replaceAll(directory, 'DIR')
      .replace(String(port), 'PORT'),
    worked: () => processorSeconds(...processesOf(pid)),
    stop,
  }
}

/** Waits where nothing else may run, as in a process that exits. */
function waitMs(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

/** The processes of a group. */
function processesOf(group: number): number[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,pgid='], { encoding: 'utf8' })
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, itsGroup]) => itsGroup === group)
    .map(([pid]) => pid!)
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
