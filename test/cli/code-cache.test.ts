import fs from 'node:fs'
import net from 'node:net'
import { basename, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { describe, expect, test } from 'vitest'
import { type CachingProcess, CodeCache, cacheFolder } from '../../src/cli/code-cache.ts'
import { eventually, runProgram, temporaryDirectory } from '../support/server.ts'

const [BEFORE, BEHIND] = ['(function () {', '\n})']

/** A file of a package that returns a number, and a folder for its code. */
function example(): { file: string; folder: string } {
  const directory = temporaryDirectory()
  const file = join(directory, 'part.js')
  fs.writeFileSync(file, 'return 1')
  return { file, folder: join(directory, 'caches', 'code-0123456789abcdef') }
}

/**
 * Runs a file through a cache as a separate process would; `compiled` tells whether V8 compiled it.
 */
function run(file: string, folder: string | undefined): { value: unknown; compiled: boolean; cache: CodeCache } {
  const cache = new CodeCache(folder, 0)
  const value = (cache.compile(file, BEFORE, BEHIND) as () => unknown)()
  return { value, compiled: cache.compiledCount > 0, cache }
}

/** Runs it, and waits until its code is kept. */
async function runAndKeep(file: string, folder: string): Promise<void> {
  const { cache } = run(file, folder)
  cache.keep()
  await eventually(() => fs.existsSync(join(folder, 'part.js')))
}

describe('the code of the program', () => {
  test('is kept by one process and used by the next', async () => {
    const { file, folder } = example()
    expect(run(file, folder)).toMatchObject({ value: 1, compiled: true })
    await runAndKeep(file, folder)
    expect(run(file, folder)).toMatchObject({ value: 1, compiled: false })
    expect(fs.statSync(folder).mode & 0o777).toBe(0o700)
    expect(fs.statSync(join(folder, 'part.js')).mode & 0o777).toBe(0o600)
  })

  test('is not kept unless `keep` is called', async () => {
    const { file, folder } = example()
    run(file, folder)
    await new Promise(setImmediate)
    expect(fs.existsSync(folder)).toBe(false)
  })

  test('of another source of the same length is not used', async () => {
    const { file, folder } = example()
    await runAndKeep(file, folder)
    fs.writeFileSync(file, 'return 2')
    expect(run(file, folder)).toMatchObject({ value: 2, compiled: true })
  })

  test('is not used when a byte of it is wrong or missing', async () => {
    const { file, folder } = example()
    await runAndKeep(file, folder)
    const whole = fs.readFileSync(join(folder, 'part.js'))
    for (const at of [0, 20, whole.length >> 1, whole.length - 1]) {
      const damaged = Buffer.from(whole)
      damaged[at]! ^= 1
      fs.writeFileSync(join(folder, 'part.js'), damaged)
      expect(run(file, folder), `byte ${at}`).toMatchObject({ value: 1, compiled: true })
      fs.writeFileSync(join(folder, 'part.js'), whole.subarray(0, at))
      expect(run(file, folder), `${at} bytes`).toMatchObject({ value: 1, compiled: true })
    }
  })

  test.runIf(process.geteuid !== undefined)(
    'is neither used from nor kept in a folder that others may write to',
    async () => {
      const { file, folder } = example()
      await runAndKeep(file, folder)
      for (const mode of [0o720, 0o702]) {
        fs.chmodSync(folder, mode)
        expect(run(file, folder)).toMatchObject({ value: 1, compiled: true })
      }
      fs.rmSync(join(folder, 'part.js'))
      const { cache } = run(file, folder)
      cache.keep()
      await eventually(() => cache.compiledCount === 0)
      expect(fs.readdirSync(folder)).toEqual([])
      const link = `${folder}-link`
      fs.chmodSync(folder, 0o700)
      fs.symlinkSync(folder, link)
      await runAndKeep(file, folder)
      expect(run(file, link)).toMatchObject({ value: 1, compiled: true })
    },
  )

  test('is compiled when nothing can be kept', async () => {
    const { file, folder } = example()
    expect(run(file, undefined)).toMatchObject({ value: 1, compiled: false })
    fs.writeFileSync(join(folder, '../..', 'caches'), 'a file')
    const { value, cache } = run(file, folder)
    expect(value).toBe(1)
    cache.keep()
    await eventually(() => cache.compiledCount === 0)
  })

  test('of three other versions stays, those written last', async () => {
    const { file, folder } = example()
    const others = ['1', '2', '3', '4', '5'].map((digit) => join(folder, '..', `code-${digit.repeat(16)}`))
    for (const [i, path] of others.entries()) {
      fs.mkdirSync(path, { recursive: true })
      fs.utimesSync(path, 1000 + i, 1000 + i)
    }
    fs.mkdirSync(join(folder, '..', 'something-else'))
    await runAndKeep(file, folder)
    const stay = ['code-0123456789abcdef', ...others.slice(2).map((path) => basename(path)), 'something-else'].sort()
    await eventually(() => isDeepStrictEqual(fs.readdirSync(join(folder, '..')).sort(), stay))
  })

  // Code is kept some seconds after a start.
  test.runIf(process.env.SOAK === '1')(
    'of a server is used at its next start, and parts that are first needed then are added',
    async () => {
      const directory = temporaryDirectory()
      const caches = join(directory, 'caches')
      const socket = join(directory, 'socket')
      const server = (): ReturnType<typeof runProgram> =>
        runProgram(['--port', '0', '--unixsocket', socket, '--appendonly', 'no'], {
          env: { RESPITE_CODE_CACHE: caches },
        })
      const kept = (name: string): fs.Stats | undefined => {
        const [folder] = fs.existsSync(caches) ? fs.readdirSync(caches) : []
        return folder === undefined ? undefined : fs.statSync(join(caches, folder, name), { throwIfNoEntry: false })
      }
      const first = server()
      await eventually(() => kept('server.js'))
      const ino = kept('core.js')?.ino
      first.child.kill('SIGTERM')
      expect(await first.exited).toEqual({ code: 0, signal: null })
      server()
      const client = await eventually(async () => {
        const connecting = net.connect(socket)
        const isConnected = await new Promise((resolve) => {
          connecting.once('connect', () => resolve(true)).once('error', () => resolve(false))
        })
        return isConnected ? connecting : undefined
      })
      client.write('STRLEN a\r\n')
      await eventually(() => kept('commands-string.js'))
      client.destroy()
      expect(kept('core.js')?.ino).toBe(ino)
    },
  )

  const LINUX: CachingProcess = { version: 'v20.0.0', arch: 'x64', platform: 'linux', execArgv: [], env: {} }

  test.each<[Partial<CachingProcess>, RegExp | undefined]>([
    [{ env: { HOME: '/home/a' } }, /^\/home\/a\/\.cache\/respite\/code-[0-9a-f]{16}$/],
    [{ env: { HOME: '/home/a' }, platform: 'darwin' }, /^\/home\/a\/Library\/Caches\/respite\/code-/],
    [{ env: { HOME: '/home/a', XDG_CACHE_HOME: '/b' } }, /^\/b\/respite\/code-/],
    [{ env: { HOME: '/home/a', CACHE_DIRECTORY: '/var/cache/respite:/x' } }, /^\/var\/cache\/respite\/code-/],
    [{ env: { HOME: '/home/a', RESPITE_CODE_CACHE: '/c' } }, /^\/c\/code-/],
    [{ env: { HOME: '/home/a', RESPITE_CODE_CACHE: '' } }, undefined],
    [{ env: {} }, undefined],
    [{ env: { HOME: '/home/a' }, platform: 'win32' }, undefined],
  ])('of %j is kept in %s', (caching, place) => {
    const found = cacheFolder({ ...LINUX, ...caching }, '/package')
    if (place === undefined) expect(found).toBe(undefined)
    else expect(found).toMatch(place)
  })

  test('has a folder for each version of Node, its options, and each location of the package', () => {
    const env = { HOME: '/home/a' }
    const ways: [Partial<CachingProcess>, string][] = [
      [{ env }, '/package'],
      [{ env }, '/other'],
      [{ env, version: 'v22.0.0' }, '/package'],
      [{ env, arch: 'arm64' }, '/package'],
      [{ env, execArgv: ['--max-semi-space-size=4'] }, '/package'],
      [{ env: { ...env, NODE_OPTIONS: '--jitless' } }, '/package'],
    ]
    expect(new Set(ways.map(([caching, folder]) => cacheFolder({ ...LINUX, ...caching }, folder))).size).toBe(
      ways.length,
    )
  })
})
