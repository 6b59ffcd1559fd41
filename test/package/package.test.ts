// The package is packed and installed into an empty folder, and used there as users do. With SOAK=1, on several versions of Node and under
// several test runners, which are fetched for it.

import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join, posix } from 'node:path'
import { publint } from 'publint'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { temporaryDirectory } from '../support/server.ts'
import { errorsOfTyped, InstalledPackage, MAIN, MIXED, PROGRAMS, TYPESCRIPT } from './installed.ts'

const ROOT = join(import.meta.dirname, '../..')
const isWindows = process.platform === 'win32'
const PACKAGE = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>
}

/** A package of this size is fetched in a second or two. */
const TARBALL_BYTES_MAX = 1_200_000

/** Prints which files of the package are loaded after a string was set, and after a list came; then loads all of them. */
const PARTS = `
const { openBroker } = require('respite')
const { basename, join, dirname } = require('node:path')
const core = join(dirname(require.resolve('respite')), 'core.js')
const printLoaded = () => {
  const files = Object.keys(require.cache).filter((file) => file.startsWith(dirname(core)))
  console.log(files.map((file) => basename(file, '.js')).sort().join(' '))
}
const main = async () => {
  const broker = await openBroker()
  await broker.call('SET', 'a', 1)
  printLoaded()
  await broker.call('RPUSH', 'b', 1)
  printLoaded()
  await broker.close()
  for (const load of Object.values(require(core).parts)) load()
  console.log('ok')
}
main()
`

const app = new InstalledPackage()

beforeAll(async () => {
  await app.install()
  for (const [name, text] of Object.entries(PROGRAMS)) app.write(name, text + MAIN)
  app.write('mixed.mjs', MIXED)
})

afterAll(() => app.remove())

describe('the tarball', () => {
  test('has a package.json without scripts, and packing leaves that of the checkout as it was', () => {
    const { prepack, postpack } = PACKAGE.scripts
    const folder = temporaryDirectory()
    const script = (task: string | undefined): string => (task ?? '').replace('npm run build && ', '')
    const manifest = JSON.stringify({
      name: 'packed',
      version: '1.0.0',
      scripts: { prepare: 'exit 1', prepack: script(prepack), postpack: script(postpack) },
    })
    writeFileSync(join(folder, 'package.json'), manifest)
    mkdirSync(join(folder, 'scripts'))
    cpSync(join(ROOT, 'scripts/packed-manifest.ts'), join(folder, 'scripts/packed-manifest.ts'))
    const PATH = `${join(ROOT, 'node_modules/.bin')}${delimiter}${process.env.PATH}`
    execFileSync('npm', ['pack', '--loglevel=error'], { cwd: folder, env: { ...process.env, PATH }, shell: isWindows })
    execFileSync('tar', ['-xzf', 'packed-1.0.0.tgz'], { cwd: folder })
    expect(JSON.parse(readFileSync(join(folder, 'package/package.json'), 'utf8'))).toEqual({
      name: 'packed',
      version: '1.0.0',
    })
    expect(readFileSync(join(folder, 'package.json'), 'utf8')).toBe(manifest)
    // An installation from git builds by it.
    expect(PACKAGE.scripts.prepare).toBe('npm run build')
  })

  test('is small and holds no file of the tests, no source map and no source', () => {
    expect(app.packed.bytes).toBeLessThan(TARBALL_BYTES_MAX)
    expect(app.packed.paths.filter((path) => /^(src|test|bench|scripts)\/|\.map$|\.tgz$/.test(path))).toEqual([])
  })

  test('holds whatever its documents link to', () => {
    const paths = new Set(app.packed.paths)
    const isThere = (path: string): boolean =>
      paths.has(path) || [...paths].some((other) => other.startsWith(`${path}/`))
    const dead: string[] = []
    for (const path of paths) {
      if (!path.endsWith('.md')) continue
      for (const [, link] of readFileSync(join(ROOT, path), 'utf8').matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
        if (/^https?:/.test(link!)) continue
        const target = posix.join(posix.dirname(path), link!).replace(/\/$/, '')
        // Pictures are larger than all code, and decisions are for those who change it: the repository has them.
        if (!isThere(target) && !/^docs\/(images|decisions)(\/|$)/.test(target)) dead.push(`${path}: ${link}`)
      }
    }
    expect(dead).toEqual([])
  })

  test('is what publint expects of a package', async () => {
    const { messages } = await publint({ pkgDir: app.program('respite'), strict: true, pack: false })
    expect(messages).toEqual([])
  })
})

describe('installed in an empty folder', () => {
  test.each(Object.keys(PROGRAMS))('%s runs a broker and a server', async (name) => {
    expect(await app.run(process.execPath, name, join(app.directory, `data-${name}`))).toBe('ok\n')
  })

  test('an import and a require give the same objects', async () => {
    expect(await app.run(process.execPath, 'mixed.mjs')).toBe('ok\n')
  })

  test('a broker loads the code that it uses, and no other; all of it can be loaded', async () => {
    app.write('parts.cjs', PARTS)
    expect(await app.run(process.execPath, 'parts.cjs')).toBe(
      'commands-string core index\ncommands-string core index list\nok\n',
    )
  })

  test('the program is there', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
    const { bin } = JSON.parse(readFileSync(join(app.program('respite'), 'package.json'), 'utf8')) as {
      bin: { respite: string }
    }
    expect(await app.run(process.execPath, join(app.program('respite'), bin.respite), '-v')).toContain(
      `respite ${version} `,
    )
  })

  test('TypeScript finds the types with nodenext, in both module systems', async () => {
    expect(await errorsOfTyped(app, 'nodenext')).toEqual([])
  })
})

/** The first of those that are promised, and what is current. */
const NODES = ['20.0.0', '20.18.3', '22.0.0', '22.23.3', '24.21.0']

/** Versions of the declarations of Node that programs are compiled with. */
const NODE_TYPES = ['20.0.0', '20.19.43', '22.0.0', '24.0.0']

describe.runIf(process.env.SOAK === '1')('the matrix', () => {
  test.each(NODES)('Node %s runs it in both module systems', async (version) => {
    const folder = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
    await app.add(`${folder}@${version}`)
    const node = join(app.program(folder), process.platform === 'win32' ? 'bin/node.exe' : 'bin/node')
    for (const name of Object.keys(PROGRAMS)) {
      expect(await app.run(node, name, join(app.directory, `data-${version}-${name}`)), name).toBe('ok\n')
    }
    expect(await app.run(node, 'mixed.mjs')).toBe('ok\n')
    if (Number.parseInt(version, 10) >= 24) {
      app.write(
        'using.mjs',
        "import { openBroker } from 'respite'\nawait using broker = await openBroker()\nawait broker.call('PING')\n",
      )
      await app.run(node, 'using.mjs')
    }
  })

  const TEST = `
test('a broker and a server', async () => {
  const broker = await openBroker()
  await broker.call('SET', 'a', Buffer.from('b'))
  expect(await broker.call('LRANGE', 'none', 0, -1)).toEqual([])
  expect(await broker.callBuffer('GET', 'a')).toEqual(Buffer.from('b'))
  expect(await broker.call('EVAL', 'return {1, "b"}', 0)).toEqual([1, 'b'])
  await expect(broker.call('INCR', 'a')).rejects.toThrow(Error)
  await expect(openBroker({ dirr: '' })).rejects.toThrow(OptionError)
  await broker.close()
  const server = await startServer({ port: 0, config: { logfile: process.cwd() + '/server.log' } })
  await server.close()
})
`

  /** Jest fakes all timers, `nextTick` and `queueMicrotask` included; the broker goes on before, under and after them. */
  const UNDER_FAKES = `
const { useBroker } = require('respite/testing')
const broker = useBroker({ fill: (opened) => opened.call('SET', 'a', 1) })
afterEach(() => jest.useRealTimers())
for (const run of ['first', 'again']) {
  test('fake timers leave a broker working, ' + run, async () => {
    jest.useFakeTimers()
    expect(await broker.call('INCR', 'a')).toBe(2)
    expect(await broker.call('EVAL', 'return redis.call("GET", "a")', 0)).toBe('2')
    expect(await broker.call('BLPOP', 'nothing', 0.01)).toBeNull()
    const heard = new Promise((resolve) => void broker.subscribe('news', resolve))
    await broker.publish('news', 'hello')
    expect(await heard).toBe('hello')
  })
}
`

  test('Jest runs it with its defaults', async () => {
    await app.add('jest@30.5.2')
    app.write('jest.test.js', `const { openBroker, OptionError, startServer } = require('respite')\n${TEST}`)
    app.write('fakes.test.js', UNDER_FAKES)
    await app.run(process.execPath, app.program('jest/bin/jest.js'), 'jest.test.js', 'fakes.test.js')
  })

  test('Jest runs the tests of examples/testing', async () => {
    const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      devDependencies: Record<string, string>
    }
    const clients = ['bullmq', 'ioredis'].map((name) => `${name}@${devDependencies[name]}`)
    await app.add(
      ...clients,
      ...['preset-typescript', 'plugin-transform-modules-commonjs'].map((name) => `@babel/${name}@7`),
    )
    cpSync(join(ROOT, 'examples/testing'), join(app.directory, 'testing'), { recursive: true })
    await app.run(process.execPath, app.program('jest/bin/jest.js'), '--config', 'testing/jest.config.cjs')
  })

  test('Jest puts respite/ioredis in the place of ioredis, by a mock and by a line of its configuration', async () => {
    app.write(
      'app.cjs',
      `const Redis = require('ioredis')
exports.run = async () => {
  const redis = new Redis({ data: { flag: true } })
  const replies = [await redis.get('flag'), await redis.set('k', 'v'), await redis.get('k')]
  redis.disconnect()
  return { replies, isDefault: Redis.default === Redis && Redis.Redis === Redis, cluster: typeof Redis.Cluster }
}
`,
    )
    const body = `test('the program has the data of the test', async () => {
  const { replies, isDefault, cluster } = await require('./app.cjs').run()
  expect([replies, isDefault, cluster]).toEqual([['true', 'OK', 'v'], true, 'function'])
})
`
    app.write('mock.test.js', `jest.mock('ioredis', () => require('respite/ioredis'))\n${body}`)
    app.write('mapped.test.js', body)
    const config = (pattern: string): string =>
      JSON.stringify({ moduleNameMapper: { [pattern]: 'respite/ioredis' }, testMatch: ['**/mapped.test.js'] })
    const jest = app.program('jest/bin/jest.js')
    await app.run(process.execPath, jest, 'mock.test.js')
    await app.run(process.execPath, jest, '--config', config('^ioredis$'))
    // One that matches more than it should is told.
    await expect(app.run(process.execPath, jest, '--config', config('ioredis'))).rejects.toThrow('^ioredis$')
  })

  test('Vitest runs it with its defaults', async () => {
    await app.add('vitest@4.1.12')
    app.write(
      'vitest.test.mjs',
      `import { expect, test } from 'vitest'\nimport { openBroker, OptionError, startServer } from 'respite'\n${TEST}`,
    )
    await app.run(process.execPath, app.program('vitest/vitest.mjs'), 'run', 'vitest.test.mjs')
  })

  test('the types are right for every module system (are the types wrong?)', async () => {
    const attw = join(ROOT, 'node_modules/@arethetypeswrong/cli/dist/index.js')
    const report = await app.run(process.execPath, attw, app.packed.file, '--format', 'json')
    expect((JSON.parse(report) as { problems?: object }).problems ?? {}).toEqual({})
  })

  test.each(NODE_TYPES)('the types fit @types/node %s', async (version) => {
    await app.add(`@types/node@${version}`)
    for (const system of Object.keys(TYPESCRIPT)) expect(await errorsOfTyped(app, system, 'all'), system).toEqual([])
  })
})
