// Every snippet of the guides is run, each on its own: what it says of itself is what it expects, and what it does not say it is given.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as bullmq from 'bullmq'
import * as ioredis from 'ioredis'
import * as redis from 'redis'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import * as respite from '../../src/index.ts'
import { temporaryDirectory } from '../support/server.ts'
import { certificateFile } from '../support/tls/certificates.ts'

const DOCS = join(import.meta.dirname, '../../docs')

/** What a snippet may import. Of Vitest `test` alone is another: it runs at once, within the test that the snippet is. */
const MODULES: Readonly<Record<string, object>> = {
  bullmq,
  ioredis,
  redis,
  respite,
  vitest: { expect, vi, test: (_: string, run: () => Promise<void>) => run() },
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
        ...(options.replicaOf === undefined ? {} : { replicaOf: await primary() }),
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
  const makes = (name: string): boolean => new RegExp(`\\b(const|let) ${name}\\b`).test(code)
  const { Queue, Worker } = bullmq
  const { Redis } = ioredis
  const { testClock } = respite
  const scope: Record<string, unknown> = { Queue, Worker, Redis, expect, vi, testClock, clock, openBroker, startServer }
  const broker = makes('broker')
    ? undefined
    : await openBroker({ clock, config: { channel: 'orders.* keep 24h' } } as object)
  const more: Record<string, unknown> = { broker, id: 'a', charge: async () => {} }
  for (const [name, value] of Object.entries(more)) if (value !== undefined) scope[name] = value
  // What it declares is its own.
  for (const name of Object.keys(scope)) if (makes(name)) delete scope[name]
  return scope
}

/** Who is there to be followed, in the place of the one that a snippet names. */
async function primary(): Promise<{ host: string; port: number }> {
  const server = await respite.startServer({ port: 0, config: { 'repl-diskless-sync-delay': 0 } })
  onTestFinished(() => server.close())
  return { host: '127.0.0.1', port: server.port }
}

/** Imports become what they stand for: the modules are handed in. */
function runnable(code: string): string {
  return code
    .replace(/^import (\{[^}]*\}) from '([^']+)'$/gm, (line, names: string, from: string) => {
      if (MODULES[from] === undefined) throw new Error(`a snippet imports what it is not given: ${line}`)
      return from === 'respite' ? '' : `const ${names.replaceAll(' as ', ': ')} = modules['${from}']`
    })
    .replace(/^(test\()/gm, 'await $1')
}

describe.each(['embedding.md', 'testing.md'])('docs/%s', (name) => {
  const text = readFileSync(join(DOCS, name), 'utf8')
  const snippets = [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => ({
    code: match[1]!,
    line: text.slice(0, match.index).split('\n').length,
  }))

  test.each(snippets)('line $line does what it says', async ({ code }) => {
    onTestFinished(() => void vi.useRealTimers())
    const scope = await given(code)
    const imported = [...code.matchAll(/^import \{([^}]*)\} from '(?!respite)/gm)].flatMap((match) =>
      match[1]!.split(','),
    )
    for (const name of imported) delete scope[name.trim()]
    await new AsyncFunction('modules', ...Object.keys(scope), runnable(code))(MODULES, ...Object.values(scope))
  })
})
