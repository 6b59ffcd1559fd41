// Values of every type and form, no two alike, stay as they are while memory is moved beneath them.
//
// Where housekeeping never rests (src/util/restless.ts) chunks are small, and one of them is emptied
// after every request. Otherwise there is so much data that gaps are closed in time.

import { describe, expect, test } from 'vitest'
import { RESTLESS } from '../../src/util/restless.ts'
import { createEngine, type TestClient, type TestEngine } from '../support/engine.ts'
import { MemoryDisk } from '../support/memory-disk.ts'
import { type SavingEngine, startSaving } from '../support/saving.ts'

type Words = (string | number)[]

const DEBUG = { 'enable-debug-command': 'yes' } as const
const MIB = 1024 * 1024
/** Bytes of blocks in all, so that several chunks can be emptied. */
const BLOCK_BYTES = RESTLESS ? MIB / 4 : 48 * MIB
/** Long enough for all gaps to be closed. */
const QUIET_MS = RESTLESS ? 10 : 30_000

/** Bytes that no other place of any value has. */
const unlike = (i: number, k: number, length: number): string => `${i}:${k}:`.padEnd(length, `${(i * 31 + k) % 9973}.`)
const many = <T>(count: number, make: (k: number) => T): T[] => Array.from({ length: count }, (_, k) => make(k))
const later = 4_000_000_000_000

/** Makes a value: the commands, with `key` in the second place. */
const FORMS: Record<string, (key: string, i: number) => Words[]> = {
  'a short string': (key, i) => [['SET', key, unlike(i, 0, 20)]],
  'a long string': (key, i) => [['SET', key, unlike(i, 0, 3000)]],
  'a string with a buffer of its own': (key, i) => [['SET', key, unlike(i, 0, 70_000)]],
  'an appended string': (key, i) => [
    ['APPEND', key, unlike(i, 0, 500)],
    ['APPEND', key, unlike(i, 1, 40)],
  ],
  'a small hash': (key, i) => [['HSET', key, ...many(20, (k) => [unlike(i, k, 12), unlike(i, -k, 30)]).flat()]],
  'a large hash': (key, i) => [['HSET', key, ...many(300, (k) => [unlike(i, k, 12), unlike(i, -k, 200)]).flat()]],
  'a hash with long values': (key, i) => [
    ['HSET', key, ...many(5, (k) => [unlike(i, k, 9), unlike(i, -k, 5000)]).flat()],
  ],
  'a small hash whose fields expire': (key, i) => [
    ['HSET', key, ...many(20, (k) => [`field ${k}`, unlike(i, k, 30)]).flat()],
    ['HPEXPIREAT', key, later, 'FIELDS', 3, 'field 1', 'field 5', 'field 19'],
  ],
  'a large hash whose fields expire': (key, i) => [
    ['HSET', key, ...many(300, (k) => [`field ${k}`, unlike(i, k, 80)]).flat()],
    ['HPEXPIREAT', key, later, 'FIELDS', 3, 'field 1', 'field 5', 'field 199'],
  ],
  'a set of integers': (key, i) => [['SADD', key, ...many(100, (k) => 1000 * i + k)]],
  'a small set': (key, i) => [['SADD', key, ...many(30, (k) => unlike(i, k, 25))]],
  'a large set': (key, i) => [['SADD', key, ...many(400, (k) => unlike(i, k, 60))]],
  'a small sorted set': (key, i) => [['ZADD', key, ...many(30, (k) => [i + k / 7, unlike(i, k, 25)]).flat()]],
  'a large sorted set': (key, i) => [['ZADD', key, ...many(400, (k) => [(i * k) % 97, unlike(i, k, 40)]).flat()]],
  'a short list': (key, i) => [['RPUSH', key, ...many(10, (k) => unlike(i, k, 20))]],
  'a long list': (key, i) => [['RPUSH', key, ...many(300, (k) => unlike(i, k, 30 + (k % 200)))]],
  'a list of long elements': (key, i) => [['RPUSH', key, ...many(4, (k) => unlike(i, k, 6000))]],
  'a short stream': (key, i) =>
    many(5, (k) => ['XADD', key, `${k + 1}-0`, 'a', unlike(i, k, 20), 'b', unlike(i, -k, 9)]),
  'a long stream': (key, i) => many(250, (k) => ['XADD', key, `${k + 1}-0`, `f${k % 3}`, unlike(i, k, 40 + (k % 50))]),
  'a stream with groups and pending entries': (key, i) => [
    ...many(60, (k): Words => ['XADD', key, `${k + 1}-0`, 'f', unlike(i, k, 30)]),
    ['XGROUP', 'CREATE', key, 'one', 0],
    ['XGROUP', 'CREATE', key, 'two', '5-0'],
    ['XREADGROUP', 'GROUP', 'one', `c${i}`, 'COUNT', 40, 'STREAMS', key, '>'],
    ['XREADGROUP', 'GROUP', 'two', `d${i}`, 'COUNT', 3, 'STREAMS', key, '>'],
    ['XACK', key, 'one', '3-0', '7-0'],
  ],
}

/** Fills a database with values of all forms or of one, among strings that then are removed; returns the keys of the values. */
function leaveGaps(
  { engine }: Pick<TestEngine, 'engine'>,
  client: TestClient,
  forms: string[],
  bytes = BLOCK_BYTES,
): string[] {
  const keys: string[] = []
  const { arena } = engine.databases[0]!
  let fillers = 0
  for (let i = 0; arena.blockBytes < bytes; i++) {
    const key = `value ${i}`
    for (const command of FORMS[forms[i % forms.length]!]!(key, i)) expect(client.ask(...command)).not.toMatch(/^-/)
    keys.push(key)
    for (let k = 0; k < 4; k++) client.ask('SET', `filler ${fillers++}`, unlike(i, k, 100 + ((i * 7 + k * 811) % 9000)))
  }
  for (let i = 0; i < fillers; i++) client.ask('DEL', `filler ${i}`)
  return keys
}

function digests(client: TestClient, keys: string[]): string[] {
  return keys.map((key) => {
    const digest = client.ask('DEBUG', 'DIGEST-VALUE', key)
    expect(digest).toMatch(/^\*1\r\n\+[0-9a-f]{40}\r\n$/)
    return `${key} ${digest} ${client.ask('XINFO', 'STREAM', key, 'FULL', 'COUNT', 0)}`
  })
}

/** Lets pass what closes all gaps. */
function rest({ clock }: Pick<TestEngine, 'clock'>, client: TestClient): void {
  for (let i = 0; i < (RESTLESS ? 100 : 1); i++) client.ask('PING')
  clock.advance(QUIET_MS)
}

const ALL = Object.keys(FORMS)
/** Blocks of large sorted sets stay where they are, and their chunks with them. */
const MOVABLE = ALL.filter((form) => RESTLESS || form !== 'a large sorted set')

describe('values stay as they are while gaps are closed', () => {
  test.skipIf(RESTLESS)('of large hashes beside many strings that are deleted', () => {
    const run = createEngine(DEBUG)
    const client = run.connect()
    const hashes = many(40, (i) => `hash ${i}`)
    for (let k = 0; k < 40_000; k++) {
      client.ask('SET', `string ${k}`, unlike(k, 0, 800))
      client.ask('HSET', hashes[k % 40]!, `field ${k}`, unlike(-k, 1, 200))
    }
    const before = digests(client, hashes)
    for (let k = 0; k < 40_000; k++) client.ask('DEL', `string ${k}`)
    run.clock.advance(5000)
    expect(digests(client, hashes)).toEqual(before)
    run.engine.databases[0]!.check()
    run.engine.stop()
  })

  test.runIf(RESTLESS)('of all types, beside one another', () => {
    const run = createEngine(DEBUG)
    const client = run.connect()
    const [db] = run.engine.databases
    const keys = leaveGaps(run, client, MOVABLE)
    const gaps = db!.arena.gapBytes
    const before = digests(client, keys)
    rest(run, client)
    if (!RESTLESS) expect(db!.arena.gapBytes).toBeLessThan(gaps / 2)
    expect(digests(client, keys)).toEqual(before)
    db!.check()
    // Values that were moved can be changed like any other.
    for (const [i, key] of keys.entries()) {
      for (const command of FORMS[MOVABLE[i % MOVABLE.length]!]!(key, i + 1_000_000)) client.ask(...command)
    }
    db!.check()
    run.engine.stop()
  })

  test.runIf(RESTLESS).each(ALL)('%s', (form) => {
    const run = createEngine(DEBUG)
    const client = run.connect()
    const keys = leaveGaps(run, client, [form])
    const before = digests(client, keys)
    rest(run, client)
    expect(digests(client, keys)).toEqual(before)
    run.engine.databases[0]!.check()
    run.engine.stop()
  })

  test.runIf(RESTLESS)('after a checkpoint was gone back to', () => {
    const run = createEngine(DEBUG)
    const client = run.connect()
    const { checkpoints } = run.engine.data
    const keys = leaveGaps(run, client, ALL)
    const before = digests(client, keys)
    const checkpoint = checkpoints.begin()
    for (const [i, key] of keys.entries()) {
      if (i % 3 === 0) client.ask('DEL', key)
      else for (const command of FORMS[ALL[i % ALL.length]!]!(key, i + 1_000_000)) client.ask(...command)
    }
    rest(run, client)
    const payload = () => {
      throw new Error('there is no journal that is told')
    }
    run.engine.effects.propagation.remove(run.journal)
    checkpoints.rollback(checkpoint, client.client, payload)
    rest(run, client)
    expect(digests(client, keys)).toEqual(before)
    checkpoints.release(checkpoint)
    rest(run, client)
    expect(digests(client, keys)).toEqual(before)
    run.engine.databases[0]!.check()
    run.engine.stop()
  })

  test.runIf(RESTLESS)('in a branch, and in what it began with, whichever of them changes', () => {
    const run = createEngine(DEBUG)
    const client = run.connect()
    const keys = leaveGaps(run, client, ALL)
    const before = digests(client, keys)
    const checkpoint = run.engine.data.checkpoints.begin(true)
    const branch = createEngine(DEBUG)
    branch.engine.data.checkpoints.beginWith(checkpoint)
    const other = branch.connect()
    for (const [i, key] of keys.entries()) if (i % 2 === 0) client.ask('DEL', key)
    rest(run, client)
    rest(branch, other)
    expect(digests(other, keys)).toEqual(before)
    for (const [i, key] of keys.entries()) if (i % 2 === 1) other.ask('DEL', key)
    rest(branch, other)
    rest(run, client)
    const odd = (_: string, i: number): boolean => i % 2 === 1
    expect(digests(client, keys.filter(odd))).toEqual(before.filter(odd))
    branch.engine.stop()
    run.engine.data.checkpoints.release(checkpoint)
    rest(run, client)
    expect(digests(client, keys.filter(odd))).toEqual(before.filter(odd))
    run.engine.databases[0]!.check()
    run.engine.stop()
  })

  test.runIf(RESTLESS)(
    'while a snapshot and a rewrite walk, in what is loaded from them, and so at a replica',
    async () => {
      const disk = new MemoryDisk()
      const run = await startSaving({ disk, settings: { appendonly: 'yes', ...DEBUG }, tickMs: 1 })
      const client = run.connect()
      const keys = leaveGaps(run, client, ALL, BLOCK_BYTES / 8)
      let before: string[] = []
      // The walks begin with gaps that are not closed yet, and commands run between their slices.
      for (const begin of ['BGSAVE', 'BGREWRITEAOF']) {
        client.ask(begin)
        for (let i = 0; i < 60 && run.saving.busyWith !== 'nothing'; i++) {
          run.slice()
          const at = (i * 37) % keys.length
          if (i % 5 === 0) for (const command of FORMS[ALL[at % ALL.length]!]!(keys[at]!, i)) client.ask(...command)
          client.ask('SET', `filler ${i}`, unlike(i, 0, 400))
          client.ask('DEL', `filler ${i - 1}`)
        }
        await run.finish()
        rest(run, client)
        before = digests(client, keys)
      }
      run.engine.databases[0]!.check()
      run.engine.stop()
      const loaded = await startSaving({ disk, settings: { appendonly: 'yes', ...DEBUG } })
      compareLoaded(loaded, keys, before)
    },
  )
})

function compareLoaded(loaded: SavingEngine, keys: string[], before: string[]): void {
  const client = loaded.connect()
  rest(loaded, client)
  const digestOf = (line: string): string => line.slice(0, line.indexOf('\n'))
  expect(digests(client, keys).map(digestOf)).toEqual(before.map(digestOf))
  loaded.engine.databases[0]!.check()
  loaded.engine.stop()
}
