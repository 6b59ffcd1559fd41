// The table in rewrite.ts, row by row: what a start finds when everything ends behind each step.

import { expect, test } from 'vitest'
import { dump } from '../support/dump.ts'
import { DIRECTORY, MANIFEST, start } from '../support/journal.ts'
import { type MemoryDisk, settled } from '../support/memory-disk.ts'
import { startSaving } from '../support/saving.ts'

const OLD = 'file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n'
const BOTH = `${OLD}file appendonly.aof.2.incr.aof seq 2 type i\n`
const NEW = 'file appendonly.aof.2.base.rdb seq 2 type b\n'
const NEXT = 'file appendonly.aof.2.incr.aof seq 2 type i\n'
const HISTORY = 'file appendonly.aof.1.base.rdb seq 1 type h\nfile appendonly.aof.1.incr.aof seq 1 type h\n'

const FILES = {
  empty: 'appendonly.aof.1.base.rdb',
  first: 'appendonly.aof.1.incr.aof',
  second: 'appendonly.aof.2.incr.aof',
  temporary: 'temp-appendonly.aof.2.base.rdb',
  base: 'appendonly.aof.2.base.rdb',
}

interface Row {
  step: number
  what: string
  /** The call of the disk before which everything ends, and how often it must have come before. */
  before: RegExp
  nth?: number
  manifest: string
  files: (keyof typeof FILES)[]
  /** What was acknowledged by then: before the rewrite, and after the switch. */
  list: string[]
}

const ROWS: Row[] = [
  {
    step: 1,
    what: 'the next increment is there, and no manifest names it',
    before: /^rename .*temp-appendonly\.aof\.manifest/,
    manifest: OLD,
    files: ['empty', 'first', 'second'],
    list: ['before'],
  },
  {
    step: 2,
    what: 'the manifest names it, empty',
    before: /^sync .*1\.incr\.aof/,
    manifest: BOTH,
    files: ['empty', 'first', 'second'],
    list: ['before'],
  },
  {
    step: 3,
    what: 'the journal goes on in it',
    before: /^(write|sync) .*temp-.*base/,
    manifest: BOTH,
    files: ['empty', 'first', 'second', 'temporary'],
    list: ['before', 'meanwhile', 'after'],
  },
  {
    step: 4,
    what: 'the image is whole, under its temporary name',
    before: /^rename .*temp-.*base/,
    manifest: BOTH,
    files: ['empty', 'first', 'second', 'temporary'],
    list: ['before', 'meanwhile', 'after'],
  },
  {
    step: 5,
    what: 'the base has its name, and the manifest does not know it',
    before: /^rename .*temp-appendonly\.aof\.manifest/,
    nth: 2,
    manifest: BOTH,
    files: ['empty', 'base', 'first', 'second'],
    list: ['before', 'meanwhile', 'after'],
  },
  {
    step: 6,
    what: 'the manifest names base and increment, and what they replace as history',
    before: /^remove .*1\.base\.rdb/,
    manifest: NEW + HISTORY + NEXT,
    files: ['empty', 'base', 'first', 'second'],
    list: ['before', 'meanwhile', 'after'],
  },
  {
    step: 7,
    what: 'history is removed, and the manifest still names it',
    before: /^rename .*temp-appendonly\.aof\.manifest/,
    nth: 3,
    manifest: NEW + HISTORY + NEXT,
    files: ['base', 'second'],
    list: ['before', 'meanwhile', 'after'],
  },
  {
    step: 8,
    what: 'the manifest forgets it',
    before: /^the end$/,
    manifest: NEW + NEXT,
    files: ['base', 'second'],
    list: ['before', 'meanwhile', 'after'],
  },
]

/** Rewrites while a client writes under `always`; every call of the disk is told before it is done. */
async function rewriteTelling(tell: (call: string, disk: MemoryDisk) => void): Promise<void> {
  const { connect, disk, finish, slice, saving } = await startSaving({
    settings: { appendonly: 'yes', appendfsync: 'always' },
  })
  const client = connect()
  const push = async (word: string): Promise<void> => {
    let reply = client.ask('RPUSH', 'list', word)
    for (let i = 0; reply === '' && i < 20; i++) {
      await settled()
      reply = client.received()
    }
    expect(reply).toMatch(/^:/)
  }
  await push('before')
  disk.fault = (operation, file) => {
    tell(`${operation} ${file}`, disk)
    return undefined
  }
  client.ask('BGREWRITEAOF')
  // The walk waits for slices, so nothing of the image is written until the switch has been.
  await settled()
  await push('meanwhile')
  slice()
  await push('after')
  await finish()
  expect(saving.status.lastRewriteOk).toBe(true)
  tell('the end', disk)
}

test.each(ROWS)('behind step $step: $what', async ({ before, nth = 1, manifest, files, list }) => {
  let seen = 0
  let found: MemoryDisk[] = []
  await rewriteTelling((call, disk) => {
    if (before.test(call) && ++seen === nth) found = [disk.copy(), disk.powerCut()]
  })
  expect(found).toHaveLength(2)
  const [killed, cut] = found as [MemoryDisk, MemoryDisk]
  // What the step says is on the disk, is; the other disk only misses names that were not made durable yet.
  expect(killed.get(MANIFEST).toString()).toBe(manifest)
  const names = killed.files.map((name) => name.slice(DIRECTORY.length + 1))
  expect(names.filter((name) => !name.includes('manifest'))).toEqual(files.map((name) => FILES[name]).sort())
  for (const disk of [killed, cut]) {
    const { engine, aof } = await start(disk)
    const kept = `list *${list.length}\r\n${list.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`
    expect(dump(engine)).toEqual({ '0 list': kept })
    await aof.close()
  }
})
