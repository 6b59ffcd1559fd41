// What does it cost a program to keep a state of a million keys, to go back to it, and to begin a
// second broker with it?
//
// In this process, with the built library: there is no rival to compare with.

import type { Broker } from '../src/index.ts'
import { median } from './pairs.ts'
import { type Answer, bounded, type Question, type Row, type Scale } from './question.ts'

const ROUNDS = 9
/** The promise of docs/embedding.md for a million keys. */
const KEEPING_MS_MAX = 10
/** Changes that are gone back on. */
const CHANGES = [1, 1000]
const ROLLBACK_MS_MAX = 10

async function ask(scale: Scale): Promise<Answer> {
  const library = new URL('../dist/index.js', import.meta.url).href
  const { openBroker } = (await import(library)) as typeof import('../src/index.ts')
  const broker = await openBroker({ config: { 'enable-debug-command': 'yes' } })
  await broker.call('DEBUG', 'POPULATE', scale.keys)
  const rows: Row[] = []
  const kept: number[] = []
  for (const changes of CHANGES) {
    const back: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const begunMs = performance.now()
      const moment = await broker.checkpoint()
      kept.push(performance.now() - begunMs)
      await change(broker, changes, scale.keys)
      const changedMs = performance.now()
      await moment.rollback()
      back.push(performance.now() - changedMs)
      await moment.release()
    }
    rows.push(bounded(`rollback after ${changes} changes`, median(back), ROLLBACK_MS_MAX, 'ms', 'none'))
  }
  rows.unshift(bounded('checkpoint', median(kept), KEEPING_MS_MAX, 'ms', 'none'))
  const branched: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const begunMs = performance.now()
    const branch = await broker.branch()
    branched.push(performance.now() - begunMs)
    await branch.close()
  }
  rows.push(bounded('branch', median(branched), KEEPING_MS_MAX, 'ms', 'none'))
  await broker.close()
  for (const { what, respite } of rows) console.log(`  ${what}: ${respite}`)
  return {
    title: `Moments and branches of ${scale.keys.toLocaleString('en')} keys`,
    commandLines: [],
    rows,
    notes: ['Changes are SETs of keys all over the data, so that a thousand of them concern every page of the index.'],
  }
}

async function change(broker: Broker, changes: number, keys: number): Promise<void> {
  const step = Math.max(1, Math.floor(keys / changes))
  const calls: Promise<unknown>[] = []
  for (let i = 0; i < changes; i++) calls.push(broker.call('SET', `key:${(i * step) % keys}`, 'changed'))
  await Promise.all(calls)
}

export const moments: Question = { name: 'moments', ask }
