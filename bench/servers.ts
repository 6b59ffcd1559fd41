// Starts the two rivals: each in a process and an empty directory of its own, on a free port.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../src/util/free-ports.ts'
import { endWithUs, temporaryFolder } from './taken-along.ts'
import { Asker } from './wire.ts'

export type Rival = 'respite' | 'redis'

export const RIVALS: readonly Rival[] = ['respite', 'redis']

export const ROOT = fileURLToPath(new URL('..', import.meta.url))

export interface Server {
  rival: Rival
  port: number
  /** The process that serves, as INFO names it. */
  pid: number
  directory: string
  /** The command that started it, for the page. */
  commandLine: string
  asker: Asker
  /** From spawning to the first PONG. */
  startedInMs: number
  stop(): Promise<void>
}

/**
 * The rival's program: `RIVAL=/usr/bin/valkey-server npm run bench` takes another than
 * redis-server.
 */
export const REDIS_SERVER = process.env.RIVAL ?? 'redis-server'

/** As `npm start` and the program's first line say it. */
const NODE_OPTIONS = ['--max-semi-space-size=4']

/** Options that keep nothing: what is measured is the work itself. */
export const NO_PERSISTENCE = ['--save', '', '--appendonly', 'no']

const START_TIMEOUT_MS = 60_000

// Node reads that file at each start, before anything of ours runs.
delete process.env.NODE_EXTRA_CA_CERTS

/**
 * Starts one in a directory of its own, or in `kept`, which stays when it stops; `redisServer` =
 * that program of several.
 */
export async function startServer(
  rival: Rival,
  options: readonly string[] = NO_PERSISTENCE,
  kept?: string,
  redisServer = REDIS_SERVER,
): Promise<Server> {
  const folder = kept === undefined ? temporaryFolder(rival) : undefined
  const directory = folder?.path ?? kept!
  const port = await freePort()
  const [program, ...first] =
    rival === 'respite' ? [process.execPath, ...NODE_OPTIONS, join(ROOT, 'dist/cli/respite.js')] : [redisServer]
  const words = [...first, '--port', String(port), '--bind', '127.0.0.1', '--dir', directory, ...options]
  const started = performance.now()
  const child = spawn(program!, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  const goesAlone = endWithUs(() => child.kill('SIGKILL'))
  let output = ''
  const remember = (chunk: Buffer) => {
    output = (output + chunk.toString('utf8')).slice(-4000)
  }
  child.stdout.on('data', remember)
  child.stderr.on('data', remember)
  const asker = await firstPong(child, port, started, () => output)
  const startedInMs = performance.now() - started
  const info = String(await asker.ask('INFO', 'server'))
  return {
    rival,
    port,
    pid: Number(/process_id:(\d+)/.exec(info)?.[1] ?? child.pid),
    directory,
    commandLine: `${rival === 'respite' ? `node ${NODE_OPTIONS.join(' ')} dist/cli/respite.js` : basename(redisServer)} ${options.map((o) => o || "''").join(' ')}`,
    asker,
    startedInMs,
    async stop() {
      asker.close()
      goesAlone()
      if (child.exitCode === null && child.signalCode === null) {
        const gone = new Promise((resolve) => child.once('exit', resolve))
        child.kill('SIGKILL')
        await gone
      }
      folder?.remove()
    },
  }
}

async function firstPong(child: ChildProcess, port: number, started: number, output: () => string): Promise<Asker> {
  while (performance.now() - started < START_TIMEOUT_MS) {
    if (child.exitCode !== null) break
    try {
      const asker = await Asker.open(port)
      await asker.ask('PING')
      return asker
    } catch {
      // Not listening yet: that is what is being waited for.
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }
  child.kill('SIGKILL')
  throw new Error(`${child.spawnargs.join(' ')} did not answer:\n${output()}`)
}

/** Resident memory of a process in bytes. */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024
}

/** Clock ticks of /proc/<pid>/stat. */
const TICKS_PER_SECOND = 100

/**
 * Seconds that processes have worked, in user space and for them in the kernel; those that are gone
 * count nothing.
 */
export function processorSeconds(...pids: readonly number[]): number {
  let ticks = 0
  for (const pid of pids) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
      // Behind the name, which may hold anything, in brackets.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      ticks += Number(fields[11]) + Number(fields[12])
    } catch {
      // It has ended since it was listed.
    }
  }
  return ticks / TICKS_PER_SECOND
}

export function redisVersion(redisServer = REDIS_SERVER): string {
  const { stdout } = spawnSync(redisServer, ['--version'], { encoding: 'utf8' })
  return /v=(\S+)/.exec(stdout ?? '')?.[1] ?? 'not installed'
}
