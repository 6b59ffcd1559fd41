// A private redis-server for tests and benchmarks: no port, a unix socket in a directory of its own, nothing saved.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface RedisServer {
  /** Where its files are. */
  readonly directory: string
  readonly socketPath: string
  readonly pid: number
  readonly version: string
  stop(): Promise<void>
}

let version: string | undefined | null = null

/** The version of the redis-server on the PATH; undefined when there is none. */
export function redisServerVersion(): string | undefined {
  if (version === null) {
    const result = spawnSync('redis-server', ['--version'], { encoding: 'utf8' })
    version = /v=(\S+)/.exec(result.stdout ?? '')?.[1]
  }
  return version
}

/** Whether it is of before 7.2, whose answers ours are (decision 0012). */
export function redisServerIsOlder(): boolean {
  return /^[0-6]\.|^7\.[01]\./.test(redisServerVersion() ?? '')
}

/**
 * Whether it is a 7.2 without the later corrections that Debian's 7.0 has got, and this server has: scripts cannot change what
 * all strings share, have no `getfenv`, `setfenv` and `newproxy`, and no line break gets into the middle of an error.
 */
export function redisServerIsUncorrected(): boolean {
  return /^7\.2\.(\d|10)$/.test(redisServerVersion() ?? '')
}

/**
 * Says whether tests that need redis-server must be skipped, and tells the reader so.
 *
 * In CI the oracle is part of the promise: there its absence is an error.
 */
export function redisServerMissing(): boolean {
  if (redisServerVersion() !== undefined) return false
  if (process.env.CI)
    throw new Error('redis-server is not on the PATH: in CI the differential tests may not be skipped')
  console.warn('skipped: redis-server is not on the PATH (apt-get install redis-server)')
  return true
}

/** As `redisServerMissing`, for tests in which redis-server reads what is written here: Redis 7.2's format, which 7.0 does not know. */
export function redisServerCannotReadOurs(): boolean {
  if (redisServerMissing()) return true
  if (!redisServerIsOlder()) return false
  console.warn(`skipped: redis-server ${redisServerVersion()} cannot read the files of 7.2`)
  return true
}

/** Tells whether redis-server is older than our answers, and the reader what it does otherwise. */
export function redisServerDiffers(how: string): boolean {
  if (!redisServerIsOlder()) return false
  console.warn(`skipped: redis-server ${redisServerVersion()} ${how}`)
  return true
}

/**
 * Starts redis-server and waits until it accepts connections; with a config file, `redis.conf` in its directory, if there is a
 * text for one.
 */
export async function startRedisServer(options: readonly string[] = [], config?: string): Promise<RedisServer> {
  const directory = mkdtempSync(join(tmpdir(), 'respite-oracle-'))
  const socketPath = join(directory, 'redis.sock')
  const place = ['--port', '0', '--unixsocket', socketPath, '--dir', directory]
  if (config !== undefined) writeFileSync(join(directory, 'redis.conf'), config)
  const child = spawn(
    'redis-server',
    config === undefined
      ? // An empty word cannot follow `--save` on the command line with other versions than 7: `--save ''` is understood by all.
        [...place, '--save', '', '--appendonly', 'no', ...options]
      : [join(directory, 'redis.conf'), ...place, ...options],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const killWithUs = () => child.kill('SIGKILL')
  process.once('exit', killWithUs)
  try {
    await ready(child)
  } catch (error) {
    rmSync(directory, { recursive: true, force: true })
    throw error
  }
  return {
    directory,
    socketPath,
    pid: child.pid!,
    version: redisServerVersion() ?? 'unknown',
    async stop() {
      process.off('exit', killWithUs)
      const gone = new Promise((resolve) => child.once('exit', resolve))
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL')
        await gone
      }
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = ''
    child.stdout!.on('data', (chunk: Buffer) => {
      log += chunk.toString('latin1')
      // Said once for the unix socket, or for TCP where there is one; a Sentinel says whom it watches instead.
      if (/ready to accept connections|\+monitor master/i.test(log)) resolve()
    })
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}:\n${log}`)))
  })
}
