import { expect, test } from 'vitest'
import { EarlyFlush } from '../../src/server/connection/early-flush.ts'
import { Source } from '../../src/util/bytes/bytes.ts'
import { createEngine, encode } from '../support/engine.ts'

/** Reads with turns that end when asked, after which a millisecond passes. */
function reads(): { next: () => boolean; endTurn: () => void } {
  const later: (() => void)[] = []
  let nowMs = 0
  const lone = new EarlyFlush({ monotonic: () => nowMs }, (run) => later.push(run))
  return {
    next() {
      const isAlone = lone.next()
      if (isAlone) lone.answered()
      return isAlone
    },
    endTurn() {
      for (const run of later.splice(0)) run()
      nowMs++
    },
  }
}

test('reads that come one a turn are expected alone, until a turn is watched again', () => {
  const { next, endTurn } = reads()
  expect(next()).toBe(false)
  endTurn()
  const answers: boolean[] = []
  for (let i = 0; i < 100; i++) {
    answers.push(next())
    endTurn()
  }
  expect(answers.filter((alone) => alone)).toHaveLength(97)
  expect(answers.indexOf(false)).toBe(32)
})

test('reads that come with others are not, for a longer while', () => {
  const { next, endTurn } = reads()
  for (let turn = 0; turn < 200; turn++) {
    expect(next()).toBe(false)
    expect(next()).toBe(false)
    endTurn()
  }
})

test('one that comes at the heels of a lone one came with it: only the first is taken to be alone', () => {
  const { next, endTurn } = reads()
  next()
  endTurn()
  expect(next()).toBe(true)
  for (let i = 0; i < 256; i++) expect(next()).toBe(false)
})

test('company that comes and goes is noticed', () => {
  const { next, endTurn } = reads()
  const turn = (count: number): boolean[] => {
    const answers = Array.from({ length: count }, () => next())
    endTurn()
    return answers
  }
  for (let i = 0; i < 40; i++) turn(1)
  expect(turn(2)).toEqual([true, false])
  expect(turn(2)).toEqual([false, false])
  for (let i = 0; i < 300; i++) turn(1)
  expect(turn(1)).toEqual([true])
})

test('a read that is alone ends its turn: replies have left when it returns, the journal before them', () => {
  const { engine, journal, connect } = createEngine()
  const client = connect()
  const order: string[] = []
  const write = journal.write.bind(journal)
  journal.write = () => {
    order.push('journal')
    return write()
  }
  client.write = (bytes) => {
    order.push(bytes.toString('latin1'))
    return true
  }
  const request = Buffer.from(encode(['SET', 'k', 'v']) + encode(['GET', 'k']), 'latin1')
  engine.receive(client.client, new Source(request), 0, request.length, true)
  expect(order).toEqual(['journal', '+OK\r\n$1\r\nv\r\n'])
  engine.receive(client.client, new Source(request), 0, request.length)
  expect(order).toHaveLength(2)
  engine.receive(client.client, new Source(request), 0, request.length, true)
  // The turn was to be ended already: others may be in it.
  expect(order).toHaveLength(2)
  engine.endTurn()
  expect(order).toEqual(['journal', '+OK\r\n$1\r\nv\r\n', 'journal', '+OK\r\n$1\r\nv\r\n+OK\r\n$1\r\nv\r\n'])
})
