// The records of a cluster's proof: what clients did to a broker without faults contradicts nothing,
// and each kind of loss in what the broker holds is found.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { prepareBrokers } from '../../src/prover/cluster/broker.ts'
import { Connection } from '../../src/prover/cluster/connection.ts'
import { Machines } from '../../src/prover/cluster/machines.ts'
import { Recorder, requestFor } from '../../src/prover/cluster/recorder.ts'
import type { TrialProcess } from '../../src/prover/cluster/trial-process.ts'
import type { Reply } from '../../src/prover/durability/write-methods.ts'
import { Random } from '../../src/util/numbers/random.ts'
import { program } from '../support/build.ts'
import { eventually } from '../support/server.ts'

const CLIENTS = 8
const WRITES = 1500
const ASK_MS = 10_000
const EVENTS = 'channel:{__keyevent@0__:rpush}'

type Entry = [id: string, fields: [name: string, text: string]]

describe('the records of what clients did', () => {
  let dir: string
  let broker: TrialProcess
  let recorder: Recorder
  let held: Map<string, Reply>

  async function ask(requests: readonly (readonly string[])[]): Promise<Reply[]> {
    const connection = new Connection(broker.host, broker.port)
    return connection.ask(requests, ASK_MS).finally(() => connection.end())
  }

  async function readAll(): Promise<Map<string, Reply>> {
    const { keys } = recorder
    const values = await ask(keys.map(requestFor))
    return new Map(keys.map((key, i) => [key, values[i]!]))
  }

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'respite-recorder-'))
    const { all } = await Machines.plain(['broker'], dir)
    const settings = { appendfsync: 'no', log: '', 'log-snapshots': '' }
    const options = { dir, log: '', program: [process.execPath, program()], settings, snapshots: '' }
    broker = prepareBrokers(all, options)[0]!
    broker.start()
    await eventually(
      () =>
        ask([['PING']]).then(
          ([reply]) => reply === 'PONG',
          () => false,
        ),
      'a broker',
    )
    recorder = new Recorder([broker], new Random(27), 'prove:1:')
    recorder.start(CLIENTS)
    await eventually(() => recorder.totals.acknowledged > WRITES, 'writes')
    // Some messages wait for their time still.
    await recorder.stop()
    await recorder.stopListening(await readAll())
    held = await readAll()
  })

  afterAll(async () => {
    await broker?.end()
    rmSync(dir, { recursive: true, force: true })
  })

  const entriesIn = (key: string): Entry[] => (held.get(key) ?? []) as Entry[]
  /** The first key of a kind that holds something. */
  const keyOf = (pattern: RegExp): string =>
    [...held.keys()].find((key) => pattern.test(key) && ((held.get(key) ?? []) as Reply[]).length > 4)!
  /** What is found when one key holds something else. */
  const problemsWith = (key: string, value: Reply): string =>
    recorder.problems(new Map(held).set(key, value)).join('\n')

  test('contradict nothing', () => {
    expect(recorder.problems(held)).toEqual([])
    expect(recorder.totals.reads).toBeGreaterThan(0)
  })

  test.each([
    ['PUBLISH', /^channel:\{prove:1:kept:/],
    ['SPUBLISH', /^schannel:\{prove:1:shard-kept:/],
  ])('find a kept message of %s that is lost, twice there, or at another place', (_, pattern) => {
    const key = keyOf(pattern)
    const entries = entriesIn(key)
    const text = entries[2]![1][1]
    expect(problemsWith(key, entries.toSpliced(2, 1))).toMatch(/ was acknowledged but is lost| a read .* saw /)
    expect(problemsWith(key, [...entries, entries[2]!])).toContain(`${text} is in the list twice`)
    expect(problemsWith(key, entries.toReversed())).toMatch(/ comes at \d+, and \d+ was reached| saw /)
  })

  test('find an event that was not kept, and one too many', () => {
    const entries = entriesIn(EVENTS)
    expect(problemsWith(EVENTS, entries.slice(1))).toMatch(/elements, and \d+ events of RPUSH are kept/)
    expect(problemsWith(EVENTS, [...entries, entries[0]!])).toMatch(/elements, and \d+ events of RPUSH are kept/)
  })

  test('find a scheduled message that was published, and is still there to be published', () => {
    const key = keyOf(/^channel:\{prove:1:kept:/)
    const [, [, text]] = entriesIn(key)[0]!
    const waiting = [`${'1'.repeat(16)} ${text}`]
    expect(problemsWith(`scheduled-texts:${key}`, waiting)).toContain(`${text} was published, and is scheduled`)
  })

  test('find half a transaction of a message and an element', () => {
    const channels = [...held.keys()].filter((key) => /^channel:\{prove:1:kept:/.test(key))
    const texts = new Set(channels.flatMap((key) => entriesIn(key).map(([, [, text]]) => text)))
    const lists = [...held.keys()].filter((key) => /^prove:1:list:/.test(key))
    const list = lists.find((key) => (held.get(key) as string[]).some((element) => texts.has(element)))!
    const elements = held.get(list) as string[]
    const both = elements.find((element) => texts.has(element))!
    expect(
      problemsWith(
        list,
        elements.filter((element) => element !== both),
      ),
    ).toContain(`half a transaction is there: ${both} in prove:1:kept:`)
  })

  test('find a message that a named subscriber missed, because its position was removed while it was away', async () => {
    const deaf = new Recorder([broker], new Random(28), 'prove:2:', { hearingMs: 1 })
    deaf.start(CLIENTS)
    const forget = [
      ['CLIENT', 'KILL', 'TYPE', 'pubsub'],
      ['DEL', 'places:pattern:{prove:2:kept:*}'],
    ]
    await eventually(async () => {
      await ask(forget)
      return deaf.totals.acknowledged > WRITES
    }, 'writes')
    await deaf.stop()
    const { keys } = deaf
    const values = await ask(keys.map(requestFor))
    const left = new Map(keys.map((key, i) => [key, values[i]!]))
    await deaf.stopListening(left)
    expect(deaf.problems(left).join('\n')).toMatch(/listener-\d has not heard /)
  })
})
