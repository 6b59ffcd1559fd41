// The first hour of a user: the packed package in an empty folder, and every line of README.md and docs/start.md, as it stands there.
//
// The one thing that differs is the port, which is free here. `npm run newcomer` also fetches Jest and Vitest, as `.ci/run` does.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startServer } from '../../src/index.ts'
import { InstalledPackage } from './installed.ts'

const ROOT = join(import.meta.dirname, '../..')
const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  devDependencies: Record<string, string>
}
const pinned = (name: string): string => `${name}@${devDependencies[name]}`

/** A block of a page: its language, its text, and the line of its first line. */
interface Block {
  readonly page: string
  readonly language: string
  readonly text: string
  readonly line: number
}

function blocksOf(page: string): Block[] {
  const text = readFileSync(join(ROOT, page), 'utf8')
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```/gm)].map(({ 1: language, 2: block, index }) => ({
    page,
    language: language!,
    text: block!,
    line: text.slice(0, index).split('\n').length + 1,
  }))
}

const BLOCKS = ['README.md', 'docs/start.md'].flatMap(blocksOf)
const PROGRAMS = BLOCKS.filter(({ language }) => language === 'ts')
const LINES = BLOCKS.filter(({ language }) => language === 'sh').flatMap(({ line, page, text }) =>
  text.split('\n').flatMap((command, i) => (command === '' ? [] : [{ where: `${page}:${line + i}`, command }])),
)

/** Lines that other tests and CI run: an installation, and the commands of a clone. */
const RUN_ELSEWHERE = /^npm (install|ci) /
/** A line after which a program goes on until it is ended, and what it prints when it is ready. */
const READY: readonly (readonly [RegExp, RegExp])[] = [
  [/^npx respite(?! cli)/, /is ready/],
  [/^redis-cli subscribe/, /subscribe/],
]

const app = new InstalledPackage()
let processes: ChildProcess[] = []
let port = 0
let endServer = async (): Promise<void> => {}

beforeAll(async () => {
  await app.install(pinned('ioredis'), pinned('bullmq'))
}, 120_000)

beforeEach(async () => {
  const server = await startServer({ port: 0, config: { channel: 'orders.* keep 24h' } })
  port = server.port
  endServer = () => server.close()
})

afterEach(async () => {
  for (const child of processes) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  processes = []
  await endServer()
})

afterAll(() => app.remove())

/** Starts a program in a folder within the installation; everything that it prints comes as lines. */
function start(words: readonly string[]): { child: ChildProcess; lines: AsyncIterable<string> } {
  const cwd = mkdtempSync(join(app.directory, 'work-'))
  const child = spawn(process.execPath, words, { cwd, stdio: ['ignore', 'pipe', 'inherit'] })
  processes.push(child)
  return { child, lines: createInterface(child.stdout!) }
}

async function untilPrinted(lines: AsyncIterable<string>, pattern: RegExp): Promise<string> {
  const printed: string[] = []
  for await (const line of lines) {
    printed.push(line)
    if (pattern.test(line)) return line
  }
  throw new Error(`it ended without ${pattern}:\n${printed.join('\n')}`)
}

/** The words of a line of a shell, without its comment. */
function wordsOf(command: string): string[] {
  const text = command.replace(/\s+#.*$/, '')
  return [...text.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!)
}

/** A line of the pages as words for Node, with a port of this test. */
function wordsForNode(command: string): string[] {
  const respite = join(app.program('respite'), 'dist/cli/respite.js')
  const [program, ...words] = wordsOf(command)
  if (program === 'redis-cli') return [respite, 'cli', '-p', `${port}`, ...words]
  if (program === 'npx' && words[0] === 'respite') return [respite, ...words.slice(1), '--port', '0']
  throw new Error(`a kind of line that this test does not know: ${command}`)
}

describe('every line of README.md and docs/start.md', () => {
  test('is a line that is run here, or the installation', () => {
    expect(LINES.length).toBeGreaterThan(10)
    expect(PROGRAMS.length).toBeGreaterThanOrEqual(3)
  })

  const lines = LINES.filter(({ command }) => !RUN_ELSEWHERE.test(command))
  test.each(lines.map(({ command, where }) => [where, command] as const))('%s: %s', async (_where, command) => {
    // A line about jobs finds those that the line before it has added.
    if (/blmove/.test(command)) await untilEnded(wordsForNode('redis-cli lpush jobs 1 2 3'))
    const ready = READY.find(([line]) => line.test(command))
    if (ready === undefined) expect(await untilEnded(wordsForNode(command))).not.toMatch(/^\(error\)|^ERR/)
    else await untilPrinted(start(wordsForNode(command)).lines, ready[1])
  })

  async function untilEnded(words: readonly string[]): Promise<string> {
    const { child, lines } = start(words)
    const printed: string[] = []
    for await (const line of lines) printed.push(line)
    expect(child.exitCode ?? (await once(child, 'exit'))[0]).toBe(0)
    return printed.join('\n')
  }

  test.each(PROGRAMS.map((block) => [`${block.page}:${block.line}`, block] as const))(
    'the program at %s, as an ES module and as TypeScript',
    async (where, { text }) => {
      const name = where.replace(/\W/g, '-')
      app.write(`${name}.mjs`, text.replace('port: 6379', `port: ${port}`))
      // A program of BullMQ goes on, and has done its work when it prints.
      const { lines } = start([join(app.directory, `${name}.mjs`)])
      await untilPrinted(lines, /^(news hello|to ada)$/)
      expect(await errorsIn(name, text)).toEqual([])
    },
  )

  /** What TypeScript finds in a program, with its usual options. */
  async function errorsIn(name: string, text: string): Promise<string[]> {
    mkdirSync(join(app.directory, 'typed'), { recursive: true })
    app.write(`typed/${name}.mts`, text)
    const compilerOptions = {
      module: 'nodenext',
      target: 'es2022',
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      types: ['node'],
      typeRoots: [join(ROOT, 'node_modules/@types')],
    }
    app.write(`typed/${name}.json`, JSON.stringify({ compilerOptions, files: [`${name}.mts`] }))
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
    const report = await app
      .run(process.execPath, tsc, '--pretty', 'false', '-p', `typed/${name}.json`)
      .catch((error: Error) => error.message)
    return report.split('\n').filter((line) => /error TS/.test(line))
  }
})

describe('CommonJS', () => {
  test('requires the broker, and ioredis without a server', async () => {
    app.write(
      'required.cjs',
      `const Redis = require('respite/ioredis')
const { openBroker } = require('respite')
openBroker().then(async (broker) => {
  await broker.call('SET', 'a', 1)
  const redis = new Redis()
  await redis.set('b', 2)
  console.log(await broker.call('GET', 'a'), await redis.get('b'))
  redis.disconnect()
  await broker.close()
})`,
    )
    expect(await app.run(process.execPath, 'required.cjs')).toBe('1 2\n')
  })
})

describe.runIf(process.env.NEWCOMER === '1')('test runners that are fetched', () => {
  const BODY = `
test('a name is remembered', async () => {
  const broker = await openBroker({ config: { channel: 'orders.* keep 24h' } })
  await broker.publish('orders.eu', 'first')
  expect(await broker.call('XLEN', 'channel:{orders.eu}')).toBe(1)
  await broker.close()
})
test('ioredis needs no server', async () => {
  const redis = new Redis()
  await redis.set('key', 'value')
  expect(await redis.get('key')).toBe('value')
  redis.disconnect()
})
`

  test('Jest, with its defaults', async () => {
    await app.add('jest@30.5.2')
    app.write(
      'first.test.js',
      `const { openBroker } = require('respite')\nconst Redis = require('respite/ioredis')\n${BODY}`,
    )
    await app.run(process.execPath, app.program('jest/bin/jest.js'), 'first.test.js')
  })

  test('Vitest, with its defaults', async () => {
    await app.add(pinned('vitest'))
    app.write(
      'first.test.mjs',
      `import { expect, test } from 'vitest'\nimport { openBroker } from 'respite'\nimport Redis from 'respite/ioredis'\n${BODY}`,
    )
    await app.run(process.execPath, app.program('vitest/vitest.mjs'), 'run', 'first.test.mjs')
  })
})
