// Clients that wait for something that is no key: what others see of them, and what ends it.

import { expect, test } from 'vitest'
import { infoFigures } from '../../src/commands/server/info.ts'
import { defineCommand } from '../../src/engine/spec/command.ts'
import { awaitWork } from '../../src/engine/waiting/async-commands.ts'
import { ERR } from '../../src/protocol/errors.ts'
import { createEngine, encode, type TestClient, type TestEngine } from '../support/engine.ts'
import { startSaving } from '../support/saving.ts'

type Words = readonly (string | number)[]

/** A way to wait: the command, and what ends the waiting well or badly. */
interface Way {
  readonly engine: TestEngine
  readonly words: Words
  /** Ends the waiting of every client, as it ends by itself. */
  finish(): Promise<void> | void
}

/** A command that waits for a promise. */
function asyncCommand(): Way {
  const ends: (() => void)[] = []
  const command = defineCommand({
    name: 'DAWDLE',
    summary: '',
    group: 'server',
    since: '7.2.0',
    complexity: 'O(1)',
    arity: 1,
    flags: [],
    reply: 'status: OK',
    run(call) {
      if (awaitWork(call, () => new Promise<void>((resolve) => ends.push(resolve))) !== undefined) call.reply.ok()
    },
  })
  return {
    engine: createEngine({}, 1, [command]),
    words: ['DAWDLE'],
    async finish() {
      for (const end of ends) end()
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

/** An engine that saves, and hands what it would tell at the end of its work to a test. */
async function suspending(words: Words, outcome: unknown): Promise<Way> {
  const started = await startSaving({ settings: { 'enable-debug-command': 'yes', save: '3600 1' } })
  const { engine, saving } = started
  const dones: ((outcome: unknown) => void)[] = []
  const take = (done: (outcome: never) => void): void => void dones.push(done as (outcome: unknown) => void)
  const takeSecond = (_first: unknown, done: (outcome: never) => void): void => take(done)
  Object.assign(saving, { save: take, saveEmptiness: take, reload: takeSecond, audit: takeSecond })
  Object.assign(engine.parts.host, { shutdown: takeSecond })
  Object.assign(infoFigures(engine).keySizesCounter, { ask: takeSecond })
  return {
    engine: started as unknown as TestEngine,
    words,
    finish() {
      for (const done of dones.splice(0)) done(outcome)
    },
  }
}

const REPORT = { keys: 3, differing: 0, parts: 1, milliseconds: 2, named: [], longestSliceMs: 1 }

const WAYS: readonly (readonly [string, () => Promise<Way> | Way])[] = [
  ['SAVE', () => suspending(['SAVE'], true)],
  ['SAVE that fails', () => suspending(['SAVE'], false)],
  ['FLUSHALL with save points', () => suspending(['FLUSHALL'], true)],
  ['DEBUG RELOAD', () => suspending(['DEBUG', 'RELOAD'], 'reloaded')],
  ['DEBUG LOADAOF that fails', () => suspending(['DEBUG', 'LOADAOF'], 'not loaded')],
  ['DEBUG AUDIT', () => suspending(['DEBUG', 'AUDIT'], REPORT)],
  ['SHUTDOWN that fails', () => suspending(['SHUTDOWN'], undefined)],
  ['INFO keysizes', () => suspending(['INFO', 'keysizes'], [])],
  ['WAIT', () => waitingFor(['WAIT', 1, 50])],
  ['WAITAOF', () => waitingFor(['WAITAOF', 0, 1, 50])],
  ['a promise', asyncCommand],
]

function waitingFor(words: Words): Way {
  const engine = createEngine()
  return { engine, words, finish: () => engine.clock.advance(50) }
}

/** Tells of a waiting client what others see: whether it is blocked, and how many are. */
function seen({ engine }: Way, client: TestClient): string {
  const other = engine.connect()
  const id = client.client.id
  const [, flags] = /flags=(\S+)/.exec(other.ask('CLIENT', 'LIST', 'ID', id)) ?? [undefined, 'gone']
  const info = other.ask('INFO', 'clients')
  const figures = ['blocked_clients', 'clients_in_timeout_table', 'total_blocking_keys', 'total_blocking_keys_on_nokey']
  const counts = figures.map((name) => new RegExp(`${name}:(\\d+)`).exec(info)?.[1])
  other.disconnect()
  return `${flags} ${counts.join(' ')}`
}

const SCRIPT = 'local r = redis.pcall(unpack(ARGV)) return type(r) == "table" and (r.err or r.ok) or r'

test.each(WAYS)('%s: what others see of a client that waits, and what ends it', async (_name, make) => {
  const way = await make()
  const { engine, words } = way
  const told: Record<string, string> = {}
  const other = engine.connect()
  const waiting = (): TestClient => {
    const client = engine.connect()
    client.sendRaw(encode(words) + encode(['ECHO', 'next']))
    return client
  }
  // It is served, and runs what it sent meanwhile.
  const served = waiting()
  told['while it waits'] = `${seen(way, served)} ${served.received()}`
  await way.finish()
  told.served = served.received()
  told['after that'] = seen(way, served)
  // CLIENT UNBLOCK.
  for (const reason of ['TIMEOUT', 'ERROR']) {
    const client = waiting()
    told[`unblock ${reason}`] = `${other.ask('CLIENT', 'UNBLOCK', client.client.id, reason)}${client.received()}`
    await way.finish()
    told[`unblock ${reason}, then`] = client.received()
  }
  // The client goes away, or is killed.
  const gone = waiting()
  gone.disconnect()
  told.gone = seen(way, gone)
  await way.finish()
  told['gone, then'] = seen(way, gone) + gone.received()
  const killed = waiting()
  told.killed = other.ask('CLIENT', 'KILL', 'ID', killed.client.id) + seen(way, killed)
  await way.finish()
  told['killed, then'] = killed.received()
  // RESET comes after what it waits for, as any other command.
  const resets = engine.connect()
  resets.ask('HELLO', 3)
  resets.sendRaw(encode(words) + encode(['RESET']) + encode(['PING']))
  told.reset = resets.received()
  await way.finish()
  told['reset, then'] = resets.received()
  // Without a reply.
  const skips = engine.connect()
  skips.sendRaw(encode(['CLIENT', 'REPLY', 'SKIP']) + encode(words) + encode(['ECHO', 'next']))
  await way.finish()
  told.skipped = skips.received()
  // Where there is no waiting.
  const multi = engine.connect()
  multi.ask('MULTI')
  told.queued = multi.ask(...words)
  told.exec = multi.ask('EXEC')
  await way.finish()
  told['exec, then'] = multi.received()
  told.script = engine.connect().ask('EVAL', SCRIPT, 0, ...words)
  await way.finish()
  expect(engine.engine.blocking.room.count).toBe(0)
  expect(told).toMatchSnapshot()
})

test('a promise that is rejected is told as an error', async () => {
  const failing = (name: string, error: unknown): Parameters<typeof defineCommand>[0] => ({
    name,
    summary: '',
    group: 'server',
    since: '7.2.0',
    complexity: 'O(1)',
    arity: 1,
    flags: [],
    reply: 'status: OK',
    run(call) {
      if (awaitWork(call, () => Promise.reject(error)) !== undefined) call.reply.ok()
    },
  })
  const commands = [defineCommand(failing('FAILS', new Error('broken'))), defineCommand(failing('REFUSES', ERR.syntax))]
  const { connect } = createEngine({}, 1, commands)
  const client = connect()
  client.sendRaw(encode(['FAILS']) + encode(['REFUSES']))
  await new Promise((resolve) => setImmediate(resolve))
  const first = client.received()
  await new Promise((resolve) => setImmediate(resolve))
  expect([first, client.received()]).toEqual(['-ERR Error: broken\r\n', '-ERR syntax error\r\n'])
})
