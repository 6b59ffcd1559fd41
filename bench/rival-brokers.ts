// Starts the other brokers that Debian has: NATS with JetStream, Mosquitto, RabbitMQ. Who is not installed is left out.

import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './servers.ts'

export const OTHERS = ['nats', 'mosquitto', 'rabbitmq'] as const
export type Other = (typeof OTHERS)[number]
export type BrokerName = 'respite' | 'redis' | Other

export interface Running {
  port: number
  commandLine: string
  stop(): Promise<void>
}

interface Recipe {
  /** Says which version there is. */
  readonly version: readonly string[]
  /** The command that starts it, with its data in a directory. */
  command(port: number, directory: string): Promise<{ words: string[]; environment?: Record<string, string> }>
  /** What else goes when it has stopped. */
  afterwards?(environment: Record<string, string>): Promise<void>
}

/** Where Debian and others put what users do not call by themselves. */
const PATH = `${process.env.PATH}:/usr/sbin:/usr/local/sbin`
const START_TIMEOUT_MS = 60_000

const RECIPES: Readonly<Record<Other, Recipe>> = {
  nats: {
    version: ['nats-server', '--version'],
    command: async (port, directory) => ({
      words: ['nats-server', '-a', '127.0.0.1', '-p', String(port), '-js', '-sd', directory],
    }),
  },
  mosquitto: {
    version: ['mosquitto', '-h'],
    async command(port, directory) {
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
      return { words: ['mosquitto', '-c', file] }
    },
  },
  rabbitmq: {
    // Its folder bears the version. What Debian calls rabbitmq-server changes the user first; below is the program itself.
    version: ['ls', '/usr/lib/rabbitmq/lib'],
    async command(port, directory) {
      for (const folder of ['data', 'log']) mkdirSync(join(directory, folder))
      writeFileSync(join(directory, 'plugins'), '[].\n')
      return {
        words: ['/usr/lib/rabbitmq/bin/rabbitmq-server'],
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
    // The name server of Erlang, which it has started.
    async afterwards(environment) {
      const ends = (): boolean =>
        spawnSync('epmd', ['-kill'], { encoding: 'utf8', env: { ...process.env, ...environment } }).stdout.includes(
          'Killed',
        )
      // It does not end before it knows that nobody needs it.
      for (let tries = 0; tries < 40 && !ends(); tries++) await new Promise((resolve) => setTimeout(resolve, 50))
    },
  },
}

/** Returns the version of a broker; undefined = it is not installed. */
export function versionOf(other: Other): string | undefined {
  const [program, ...words] = RECIPES[other].version
  const { stdout } = spawnSync(program!, words, { encoding: 'utf8', env: { ...process.env, PATH } })
  return /\d+\.\d+\.\d+/.exec(stdout ?? '')?.[0]
}

export async function startOther(other: Other): Promise<Running> {
  const recipe = RECIPES[other]
  const directory = mkdtempSync(join(tmpdir(), `bench-${other}-`))
  const port = await freePort()
  const { words, environment = {} } = await recipe.command(port, directory)
  // A process group of its own: RabbitMQ is a shell script that starts another program.
  const child = spawn(words[0]!, words.slice(1), {
    stdio: 'ignore',
    detached: true,
    env: { ...process.env, PATH, ...environment },
  })
  const kill = (): void => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, 'SIGKILL')
  }
  process.once('exit', kill)
  const stop = async (): Promise<void> => {
    process.off('exit', kill)
    const gone = new Promise((resolve) => child.once('exit', resolve))
    if (child.exitCode === null && child.signalCode === null) {
      kill()
      await gone
    }
    await recipe.afterwards?.(environment)
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
  }
  for (const until = performance.now() + START_TIMEOUT_MS; !(await answers(port)); ) {
    if (child.exitCode === null && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      continue
    }
    await stop()
    throw new Error(`${words.join(' ')} did not start`)
  }
  return { port, commandLine: words.join(' ').replaceAll(directory, 'DIR').replace(String(port), 'PORT'), stop }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
