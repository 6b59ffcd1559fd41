// A disk that is really full, and one that is really read-only: a small tmpfs in a mount namespace of its own.

import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { program } from '../support/build.ts'
import { eventually, temporaryDirectory } from '../support/server.ts'

const SERVER = `"${process.execPath}" "${program()}"`

function mountingForbidden(): boolean {
  if (spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'tmpfs', '/tmp']).status === 0) return false
  console.warn('skipped: this machine lets nobody mount a tmpfs in a namespace of their own (unshare -rm)')
  return true
}

/** Runs a script where it may mount; `DIR` is to be mounted over. */
function runMounted(script: string, env: Record<string, string>) {
  const child = spawn('unshare', ['-rm', 'sh', '-c', script], { env: { ...process.env, ...env }, detached: true })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve))
  onTestFinished(async () => {
    try {
      // The shell and everything it started.
      process.kill(-child.pid!, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
    await exited
  })
  return { output: () => output, exited }
}

async function connect(path: string): Promise<Redis> {
  return eventually(async () => {
    const redis = new Redis({ path, retryStrategy: () => null, maxRetriesPerRequest: 0, lazyConnect: true })
    redis.on('error', () => {})
    try {
      await redis.connect()
      await redis.get('ready')
      onTestFinished(() => redis.disconnect())
      return redis
    } catch (error) {
      redis.disconnect()
      if (error instanceof Error) return undefined
      throw error
    }
  }, 'a server to connect to')
}

describe.skipIf(mountingForbidden())('a small disk', () => {
  test.each(process.env.SOAK ? ['always', 'everysec', 'no'] : ['always'])(
    'that fills up refuses writes, serves reads, recovers, and loses nothing it acknowledged (%s)',
    async (policy) => {
      const directory = temporaryDirectory()
      const [dir, socket, go] = [join(directory, 'data'), join(directory, 'socket'), join(directory, 'go')]
      mkdirSync(dir)
      const server = `${SERVER} --port 0 --unixsocket "$SOCKET" --dir "$DIR" --appendonly yes --appendfsync ${policy}`
      runMounted(
        `mount -t tmpfs -o size=400k tmpfs "$DIR" && head -c 200k /dev/zero > "$DIR/ballast" || exit 1
         (while [ ! -e "$GO" ]; do sleep 0.02; done; rm "$DIR/ballast") &
         ${server}; rm -f "$SOCKET"; exec ${server}`,
        { DIR: dir, SOCKET: socket, GO: go },
      )
      const redis = await connect(socket)
      const other = await connect(socket)
      const acknowledged: string[] = []
      const value = 'x'.repeat(900)
      const refused = new Promise<string>((resolve) => {
        const push = (n: number): void => {
          redis.rpush('jobs', `${n} ${value}`).then(
            () => {
              acknowledged.push(`${n} ${value}`)
              push(n + 1)
            },
            (error: Error) => resolve(error.message),
          )
        }
        push(0)
      })
      // The push that met the full disk waits for room; whoever comes after it hears why.
      const message = await eventually(
        () =>
          other.ping().then(
            () => undefined,
            (error: Error) => error.message,
          ),
        'the disk to be full',
      )
      expect(message).toBe('MISCONF Errors writing to the AOF file: No space left on device')
      const before = acknowledged.length
      expect(before).toBeGreaterThan(100)
      await expect(other.set('probe', 'before')).rejects.toThrow(message)
      // Of the list itself a reader would wait under `always`: the push that is not kept yet shows in it.
      expect(await other.get('ready')).toBeNull()
      writeFileSync(go, '')
      await eventually(() => acknowledged.length > before, 'the push that waited')
      expect(await other.set('probe', 'after')).toBe('OK')
      redis.disconnect()
      const info = await other.info('server')
      process.kill(Number(/process_id:(\d+)/.exec(info)![1]), 'SIGKILL')
      other.disconnect()
      const again = await connect(socket)
      const jobs = await again.lrange('jobs', 0, -1)
      expect(jobs.slice(0, acknowledged.length)).toEqual(acknowledged)
      expect(jobs.length - acknowledged.length).toBeLessThanOrEqual(1)
      expect(await again.get('probe')).toBe('after')
      expect(await Promise.race([refused, 'not refused'])).toMatch(/Connection|closed|not refused/)
    },
  )

  test('without room for a snapshot or a rewrite says so, gives the room back, and goes on writing', async () => {
    const directory = temporaryDirectory()
    const [dir, socket] = [join(directory, 'data'), join(directory, 'socket')]
    mkdirSync(dir)
    const server = `${SERVER} --port 0 --unixsocket "$SOCKET" --dir "$DIR" --appendonly yes --appendfsync always --save ''`
    runMounted(
      `mount -t tmpfs -o size=1000k tmpfs "$DIR" && head -c 200k /dev/zero > "$DIR/ballast" || exit 1
       ${server}; rm -f "$SOCKET"; exec ${server}`,
      { DIR: dir, SOCKET: socket },
    )
    const redis = await connect(socket)
    // Of bytes that cannot be compressed: the log takes half a megabyte, and so would any copy of it.
    for (let i = 0; i < 10; i++) await redis.set(`key ${i}`, randomBytes(50_000))
    const ended = (): Promise<string> =>
      eventually(async () => {
        const info = await redis.info('persistence')
        return /(bgsave|rewrite)_in_progress:1/.test(info) ? undefined : info
      }, 'the end of what is under way')
    for (let round = 0; round < 3; round++) {
      await redis.bgsave()
      expect(await ended()).toContain('rdb_last_bgsave_status:err')
      await redis.call('BGREWRITEAOF')
      expect(await ended()).toContain('aof_last_bgrewrite_status:err')
      // Had either left its file behind, there would be no room for this.
      expect(await redis.set(`round ${round}`, randomBytes(20_000))).toBe('OK')
    }
    for (let i = 2; i < 10; i++) await redis.del(`key ${i}`)
    await redis.call('BGREWRITEAOF')
    expect(await ended()).toContain('aof_last_bgrewrite_status:ok')
    await redis.bgsave()
    expect(await ended()).toContain('rdb_last_bgsave_status:ok')
    process.kill(Number(/process_id:(\d+)/.exec(await redis.info('server'))![1]), 'SIGKILL')
    redis.disconnect()
    const again = await connect(socket)
    expect((await again.keys('*')).sort()).toEqual(['key 0', 'key 1', 'round 0', 'round 1', 'round 2'])
    expect(await again.strlen('key 1')).toBe(50_000)
  })

  test('that is read-only refuses the start, naming directory and reason', async () => {
    const directory = temporaryDirectory()
    const { output, exited } = runMounted(
      `mount -t tmpfs -o ro tmpfs "$DIR" && exec ${SERVER} --port 0 --unixsocket "$DIR/../socket" --dir "$DIR/data" --appendonly yes`,
      { DIR: join(directory) },
    )
    expect(await exited).toBe(1)
    expect(output()).toMatch(/respite: .*(Read-only|read-only|EROFS)/)
    expect(output()).toContain(directory)
  })
})
