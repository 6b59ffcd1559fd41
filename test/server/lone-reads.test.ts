import { expect, test } from 'vitest'
import { LoneReads } from '../../src/server/lone-reads.ts'
import { Source } from '../../src/util/bytes.ts'
import { createEngine, encode } from '../support/engine.ts'

/** Reads with turns that end when asked. */
function reads(): { lone: LoneReads; endTurn: () => void } {
  const later: (() => void)[] = []
  const lone = new LoneReads((run) => later.push(run))
  return {
    lone,
    endTurn() {
      for (const run of later.splice(0)) run()
    },
  }
}

test('reads that come one a turn are expected alone, until a turn is watched again', () => {
  const { lone, endTurn } = reads()
  expect(lone.next()).toBe(false)
  endTurn()
  const answers: boolean[] = []
  for (let i = 0; i < 100; i++) {
    answers.push(lone.next())
    endTurn()
  }
  expect(answers.filter((alone) => alone)).toHaveLength(97)
  expect(answers.indexOf(false)).toBe(32)
})

test('reads that come with others are not, for a longer while', () => {
  const { lone, endTurn } = reads()
  for (let turn = 0; turn < 200; turn++) {
    expect(lone.next()).toBe(false)
    expect(lone.next()).toBe(false)
    endTurn()
  }
})

test('company that comes and goes is noticed', () => {
  const { lone, endTurn } = reads()
  const turn = (count: number): boolean[] => {
    const answers = Array.from({ length: count }, () => lone.next())
    endTurn()
    return answers
  }
  for (let i = 0; i < 40; i++) turn(1)
  let late = 0
  while (turn(2).includes(true)) late++
  expect(late).toBeLessThan(17)
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
