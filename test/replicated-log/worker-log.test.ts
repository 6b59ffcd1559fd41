// A log in another thread is the same log: it fulfils the contract over the port, and outlives its
// thread.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { MessageChannel } from 'node:worker_threads'
import { rolldown } from 'rolldown'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { InMemoryLog } from '../../src/replicated-log/in-memory-log.ts'
import { LogAway, OutcomeUnknown, type ReplicatedLog } from '../../src/replicated-log/log.ts'
import type { LogSource } from '../../src/replicated-log/worker/log-source.ts'
import { READ_WINDOW_BYTES, type Reply } from '../../src/replicated-log/worker/messages.ts'
import { RemoteLog } from '../../src/replicated-log/worker/remote-log.ts'
import { serveLog } from '../../src/replicated-log/worker/serve-log.ts'
import { openWorkerLog } from '../../src/replicated-log/worker/worker-log.ts'
import { systemClock } from '../../src/util/time/clock.ts'
import { describeReplicatedLog, type LogUnderTest } from './contract.ts'
import { openSoon } from './open-soon.ts'

/** A client of a log at the other end of a port. */
async function overPort(log: ReplicatedLog): Promise<{ log: ReplicatedLog; end: () => void }> {
  const { port1, port2 } = new MessageChannel()
  const opened = new Promise<Reply & { type: 'opened' }>((resolve) =>
    port1.once('message', ([reply]) => resolve(reply)),
  )
  serveLog(log, port2)
  return { log: new RemoteLog(port1, await opened), end: () => port1.close() }
}

describeReplicatedLog('over a port', async (): Promise<LogUnderTest> => {
  const row = new InMemoryLog({ clock: systemClock })
  const ends: (() => void)[] = []
  return {
    async connect() {
      const { log, end } = await overPort(row.connect())
      ends.push(end)
      return log
    },
    async stop() {
      for (const end of ends) end()
    },
    async limit(bytes) {
      row.capacityBytes = bytes
    },
    async remove(position) {
      row.remove(position)
    },
    async takeAway() {
      row.isAway = true
      return async () => {
        row.isAway = false
      }
    },
  }
}, ['limit', 'remove', 'takeAway'])

test('the caller keeps the bytes of an append', async () => {
  const { log, end } = await overPort(new InMemoryLog({ clock: systemClock }).connect())
  const bytes = Buffer.from('the same again')
  await log.append(bytes, 0)
  expect(await log.append(bytes, 1)).toBe(2)
  expect(bytes.toString()).toBe('the same again')
  end()
})

test('a reader is sent at most a window more than it has taken', async () => {
  const row = new InMemoryLog({ clock: systemClock })
  const count = 24
  const batch = Buffer.alloc(512 * 1024)
  for (let i = 0; i < count; i++) row.append(batch, i)
  let sentBytes = 0
  const inner = row.connect()
  const read = inner.read.bind(inner)
  inner.read = async function* (from, signal) {
    for await (const entry of read(from, signal)) {
      sentBytes += entry.batch.length
      yield entry
    }
  }
  const { log, end } = await overPort(inner)
  let takenBytes = 0
  const stop = new AbortController()
  for await (const entry of log.read(1, stop.signal)) {
    expect(sentBytes - takenBytes).toBeLessThanOrEqual(READ_WINDOW_BYTES + 2 * batch.length)
    takenBytes += entry.batch.length
    if (entry.position === count) break
  }
  expect(takenBytes).toBe(count * batch.length)
  end()
})

describe('a thread', () => {
  let directory: string
  let log: ReplicatedLog | undefined

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'respite-thread-'))
  })
  afterAll(() => rmSync(directory, { recursive: true, force: true }))
  afterEach(() => log?.close())

  /** JavaScript of the sources, which starts sooner than a loader for sources in the thread. */
  async function bundled(): Promise<URL> {
    const bundle = await rolldown({
      input: join(import.meta.dirname, 'memory-log-worker.ts'),
      platform: 'node',
      external: /^node:/,
    })
    const file = join(directory, 'worker.cjs')
    await bundle.write({ file, format: 'cjs' })
    await bundle.close()
    return pathToFileURL(file)
  }

  test('that ends is replaced: appends in flight have an unknown outcome, a reader continues', async () => {
    log = await openWorkerLog({ kind: 'memory' } as unknown as LogSource, await bundled())
    expect(await log.append(Buffer.from('a'), 0)).toBe(1)
    const stop = new AbortController()
    const reader = log.read(1, stop.signal)[Symbol.asyncIterator]()
    expect((await reader.next()).value).toMatchObject({ position: 1 })
    await expect(log.append(Buffer.from('end the thread'), 1)).rejects.toBeInstanceOf(OutcomeUnknown)
    const next = reader.next()
    await expect(log.bounds()).rejects.toBeInstanceOf(LogAway)
    // The next thread has a log in memory of its own.
    expect(await openSoon(() => log!.append(Buffer.from('a'), 0))).toBe(1)
    expect(await log.append(Buffer.from('b'), 1)).toBe(2)
    expect((await next).value).toMatchObject({ position: 2 })
    stop.abort()
    await log.close()
    await expect(log.append(Buffer.from('c'), 2)).rejects.toBeInstanceOf(LogAway)
  })

  test('that cannot open its log reports the reason, and is not started again', async () => {
    const nowhere = {
      kind: 'etcd',
      options: { endpoints: ['http://127.0.0.1:1'], prefix: 'x', safety: 'required' },
    } as const
    await expect(openWorkerLog(nowhere)).rejects.toMatchObject({
      name: 'LogAway',
      message: expect.stringMatching('127.0.0.1:1'),
    })
  })
})
