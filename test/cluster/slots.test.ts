// Keys by slot: counts and names match the data after any commands, and nothing is kept without a
// cluster.

import { describe, expect, test } from 'vitest'
import { removeKeysOfSlot } from '../../src/engine/data/slot-removal.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { Random } from '../../src/util/numbers/random.ts'
import { hashSlotOf } from '../../src/util/tables/hash-slot.ts'
import { createEngine } from '../support/engine.ts'
import { bulk, createNode, FIRST } from './node.ts'

const slotOf = (key: string): number => hashSlotOf(Bytes.from(key))
const alone = `${FIRST} :7001@17001 myself,master - 0 0 1 connected 0-16383\n`

test.each([
  ['foo', 12182],
  ['', 0],
  ['123456789', 0x31c3],
  ['{user}.a', 5474],
  ['user', 5474],
  ['a{user}{other}', 5474],
  ['{}foo', slotOf('{}foo')],
  ['{foo', slotOf('{foo')],
  ['x{{bar}}', slotOf('{bar')],
])('the slot of %j is %d', (key, slot) => {
  expect(slotOf(key)).toBe(slot)
  const reply = createNode(alone).connect().ask('CLUSTER', 'KEYSLOT', key)
  expect(reply).toBe(`:${slot}\r\n`)
})

describe('after random commands', () => {
  test.each([1, 2, 3])('slots count and name exactly their keys (seed %d)', (seed) => {
    const { engine, connect, clock } = createNode(alone)
    const client = connect()
    const chance = new Random(seed)
    const keys = Array.from({ length: 60 }, (_, i) => `{${i % 7}}${i}`)
    const pick = () => keys[chance.below(keys.length)]!
    for (let i = 0; i < 600; i++) {
      const key = pick()
      const other = keys.find((word) => word !== key && slotOf(word) === slotOf(key))!
      switch (chance.below(9)) {
        case 0:
          client.ask('RPUSH', key, 'x'.repeat(chance.below(3000)))
          break
        case 1:
          client.ask('DEL', key)
          break
        case 2:
          client.ask('RENAME', key, other)
          break
        case 3:
          client.ask('COPY', key, other, 'REPLACE')
          break
        case 4:
          client.ask('SET', key, 'v', 'PX', 50)
          break
        case 5:
          clock.advance(10)
          break
        case 6:
          if (chance.below(60) === 0) client.ask('FLUSHALL')
          break
        default:
          client.ask('SET', key, 'v'.repeat(chance.below(200)))
      }
    }
    engine.databases[0]!.check()
    const known = keys.filter((key) => engine.databases[0]!.keys.find(Bytes.from(key)) >= 0)
    for (const tag of ['0', '1', '2', '3', '4', '5', '6']) {
      const slot = slotOf(tag)
      const expected = known.filter((key) => slotOf(key) === slot)
      expect(client.ask('CLUSTER', 'COUNTKEYSINSLOT', slot)).toBe(`:${expected.length}\r\n`)
      const named = client.ask('CLUSTER', 'GETKEYSINSLOT', slot, 100)
      expect([...named.matchAll(/\{\d\}\d+/g)].map(String).sort()).toEqual(expected.sort())
    }
  })
})

test('a restored checkpoint has its keys in their slots', () => {
  const { engine, connect } = createNode(alone)
  const client = connect()
  client.ask('SET', 'bar', 1)
  const { contents } = engine.databases[0]!
  const state = contents.keep(false)
  client.ask('DEL', 'bar')
  client.ask('SET', '{bar}2', 1)
  client.ask('SET', '{bar}3', 1)
  contents.restore(state)
  engine.databases[0]!.check()
  expect(client.ask('CLUSTER', 'GETKEYSINSLOT', 5061, 10)).toBe(`*1\r\n${bulk('bar')}`)
})

test('a slot that is taken away is emptied in bounded steps, each key as by DEL', () => {
  const { engine, connect, journal } = createNode(alone)
  const client = connect()
  for (const key of ['bar', '{bar}2', '{bar}3', 'foo']) client.ask('SET', key, 1)
  const [watcher, listener] = [connect(), connect()]
  client.ask('CONFIG', 'SET', 'notify-keyspace-events', 'KEA')
  listener.ask('SUBSCRIBE', '__keyevent@0__:del')
  watcher.ask('WATCH', 'bar')
  journal.take()
  expect(removeKeysOfSlot(engine.data.dataset, engine.databases[0]!, 5061, 2)).toBe(2)
  expect(removeKeysOfSlot(engine.data.dataset, engine.databases[0]!, 5061, 2)).toBe(1)
  engine.endTurn()
  expect(journal.take()).toEqual(['0 DEL {bar}3', '0 DEL {bar}2', '0 DEL bar'])
  expect(listener.received()).toContain(bulk('{bar}2'))
  watcher.ask('MULTI')
  expect(watcher.ask('EXEC')).toBe('*-1\r\n')
  expect(client.ask('DBSIZE')).toBe(':1\r\n')
})

test('without a cluster no slots are kept', () => {
  expect(createEngine().engine.databases[0]!.keys.slots).toBe(null)
})
