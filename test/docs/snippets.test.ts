// Every snippet of the guides is run, each on its own: what it says of itself is what it expects, and what it does not say it is given.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as bullmq from 'bullmq'
import * as ioredis from 'ioredis'
import * as redis from 'redis'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import * as dropInBullMQ from '../../src/drop-in/bullmq.ts'
import * as dropInIoredis from '../../src/drop-in/ioredis.ts'
import * as memoryServer from '../../src/drop-in/memory-server.ts'
import * as testing from '../../src/drop-in/testing.ts'
import * as respite from '../../src/index.ts'
import { temporaryDirectory } from '../support/server.ts'
import { certificateFile } from '../support/tls/certificates.ts'

const DOCS = join(import.meta.dirname, '../../docs')

/** A class whose instances are closed with the test, in case the snippet leaves that out. */
function closing<C extends new (...options: never[]) => object>(what: C, close: (it: InstanceType<C>) => unknown): C {
  return new Proxy(what, {
    construct(target, options, made) {
      const it = Reflect.construct(target, options, made) as InstanceType<C>
      onTestFinished(async () => void (await close(it)))
      return it
    },
  })
}

type ClosedLater = new (...options: never[]) => { close(): Promise<void> }
const closingQueues = <C extends { Queue: ClosedLater; Worker: ClosedLater }>({ Queue, Worker }: C) => ({
  Queue: closing(Queue as C['Queue'], (queue) => queue.close()),
  Worker: closing(Worker as C['Worker'], (worker) => worker.close()),
})
const { Queue, Worker } = closingQueues(bullmq)
const Redis = closing(ioredis.Redis, (redis) => redis.disconnect())

/** What a snippet may import, `respite` besides. */
const MODULES: Readonly<Record<string, object>> = {
  bullmq: {
    Queue,
    Worker,
    withBackend: (factory: Parameters<typeof bullmq.withBackend>[0]) => closingQueues(bullmq.withBackend(factory)),
  },
  ioredis: { ...ioredis, Redis },
  redis,
  'respite/bullmq': dropInBullMQ,
  'respite/ioredis': { default: closing(dropInIoredis.default, (redis) => redis.disconnect()) },
  'respite/memory-server': memoryServer,
  'respite/testing': testing,
}

/** Vitest as a snippet sees it: its test runs at once, within the test that the snippet is, and its hooks around that. */
function vitest(): object {
  const before: (() => Promise<void>)[] = []
  const after: (() => Promise<void>)[] = []
  return {
    expect,
    vi,
    beforeAll: (hook: () => Promise<void>) => before.push(hook),
    afterEach: (hook: () => Promise<void>) => after.push(hook),
    afterAll: onTestFinished,
    async test(_: string, run: () => Promise<void>) {
      for (const hook of before) await hook()
      await run()
      for (const hook of after) await hook()
    },
  }
}

/** Runs code that may await, with names in its scope. */
const AsyncFunction = (async () => {}).constructor as new (
  ...source: string[]
) => (...values: unknown[]) => Promise<void>

/** What a snippet is run with, where it does not make it itself. Whatever it opens is closed with the test. */
async function given(code: string): Promise<Record<string, unknown>> {
  const closes = <T extends { close(): Promise<void> }>(open: (options?: object) => Promise<T>) => {
    return async (options: { dir?: string; replicaOf?: object } = {}): Promise<T> => {
      const opened = await open({
        ...options,
        ...(options.dir === './data' ? { dir: temporaryDirectory() } : {}),
        ...(options.replicaOf === undefined ? {} : { replicaOf: await server() }),
      })
      onTestFinished(() => opened.close())
      return opened
    }
  }
  const openBroker = closes(respite.openBroker)
  const startServer = closes((options = {}) => {
    // The usual ports and files are somebody else's here.
    const files = {
      cert: certificateFile('server.crt'),
      key: certificateFile('server.key'),
      ca: certificateFile('authority.crt'),
    }
    const asked = options as respite.ServerOptions
    return respite.startServer({ ...asked, ...(asked.tls === undefined ? {} : { tls: files, tlsPort: 0 }) })
  })
  const clock = respite.testClock()
  const makes = (name: string): boolean => new RegExp(`\\b(const|let) (\\{[^}]*\\b)?${name}\\b`).test(code)
  const { testClock } = respite
  const scope: Record<string, unknown> = { Queue, Worker, Redis, expect, vi, testClock, clock, openBroker, startServer }
  const broker = makes('broker')
    ? undefined
    : await openBroker({ clock, config: { channel: 'orders.* keep 24h' } } as object)
  const more: Record<string, unknown> = { broker, id: 'a', charge: async () => {}, send: async () => {} }
  for (const [name, value] of Object.entries(more)) if (value !== undefined) scope[name] = value
  // What it declares is its own.
  for (const name of Object.keys(scope)) if (makes(name)) delete scope[name]
  return scope
}

/** Whoever is there to be followed or connected to, in the place of the one that a snippet names. */
async function server(): Promise<{ host: string; port: number }> {
  const server = await respite.startServer({ port: 0, config: { 'repl-diskless-sync-delay': 0 } })
  onTestFinished(() => server.close())
  return { host: '127.0.0.1', port: server.port }
}

/** What it imports of others is its own, too. */
function imported(code: string): string[] {
  const lists = [...code.matchAll(/^import (.*) from '(?!respite')/gm)].map(([, names]) => names!)
  return lists.flatMap((list) => list.match(/\w+/g) ?? [])
}

/**
 * Imports become what they stand for: the modules are handed in. What a comment says that a line returns is expected. A line of dots
 * stands for what a reader would do there.
 */
function runnable(code: string): string {
  return code
    .replace(/^import (.*) from '([^']+)'$/gm, (line, names: string, from: string) => {
      if (from === 'respite') return ''
      if (MODULES[from] === undefined && from !== 'vitest')
        throw new Error(`a snippet imports what it is not given: ${line}`)
      const [, whole] = /^\* as (\w+)$/.exec(names) ?? []
      const wanted = names.startsWith('{') ? names.replaceAll(' as ', ': ') : (whole ?? `{ default: ${names} }`)
      return `const ${wanted} = modules['${from}']`
    })
    .replace(/^(test\()/gm, 'await $1')
    .replace(/^(await [^/\n]+) \/\/ (null|\d+|'.*'|\[.*\])(?::.*)?$/gm, 'expect($1).toEqual($2)')
    .replace(/^ *…$/gm, '')
}

describe.each(['bullmq.md', 'drop-ins.md', 'embedding.md', 'start.md', 'testing.md'])('docs/%s', (name) => {
  const text = readFileSync(join(DOCS, name), 'utf8')
  const snippets = [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => ({
    code: match[1]!,
    line: text.slice(0, match.index).split('\n').length,
  }))

  test.each(snippets)('line $line does what it says', async ({ code }) => {
    onTestFinished(() => void vi.useRealTimers())
    const ours = code.replace('port: 6379', `port: ${code.includes('port: 6379') ? (await server()).port : 0}`)
    const scope = await given(ours)
    for (const name of imported(ours)) delete scope[name]
    const modules = { ...MODULES, vitest: vitest() }
    await new AsyncFunction('modules', ...Object.keys(scope), runnable(ours))(modules, ...Object.values(scope))
  })
})
