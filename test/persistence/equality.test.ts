// What was journaled replays to the same data: random commands, then a second engine on the same disk.

import { expect, test } from 'vitest'
import { Random } from '../../src/util/numbers/random.ts'
import { dump } from '../support/dump.ts'
import { encode, type TestClient } from '../support/engine.ts'
import { start } from '../support/journal.ts'
import { MemoryDisk } from '../support/memory-disk.ts'

const KEYS = ['a', 'b', 'c', 'd', 'e', 'f']
const VALUES = ['', '0', '7', '-3', '2.5', 'text', '\x00\xff\r\n', 'x'.repeat(300)]

type Words = (string | number)[]

/** One random command; most of them fit what is there now and then. */
function randomCommand(random: Random, nowMs: number): Words {
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)]!
  const key = () => pick(KEYS)
  const value = () => pick(VALUES)
  const index = () => random.below(9) - 4
  const end = () => pick(['LEFT', 'RIGHT'])
  const seconds = () => pick([-1, 1, 5, 100, 100_000])
  const moment = () => Math.floor(nowMs) + pick([-5000, 800, 4000, 1_000_000])
  const commands: (() => Words)[] = [
    () => ['SET', key(), value()],
    () => ['SET', key(), value(), 'EX', Math.abs(seconds())],
    () => ['SET', key(), value(), 'PXAT', Math.max(1, moment()), 'GET'],
    () => ['SET', key(), value(), 'KEEPTTL', pick(['NX', 'XX'])],
    () => ['SETEX', key(), 10, value()],
    () => ['PSETEX', key(), 700, value()],
    () => ['SETNX', key(), value()],
    () => ['GETSET', key(), value()],
    () => ['GETDEL', key()],
    () => ['GETEX', key(), 'PX', 1500],
    () => ['GETEX', key(), 'PERSIST'],
    () => ['APPEND', key(), value()],
    () => ['SETRANGE', key(), random.below(20), value()],
    () => ['INCR', key()],
    () => ['DECRBY', key(), index()],
    () => ['INCRBYFLOAT', key(), '0.1'],
    () => ['MSET', key(), value(), key(), value()],
    () => ['MSETNX', key(), value(), key(), value()],
    () => ['RPUSH', key(), value(), value()],
    () => ['LPUSH', key(), value(), 'job'],
    () => ['LPUSHX', key(), value()],
    () => ['LPOP', key()],
    () => ['RPOP', key(), random.below(3)],
    () => ['LREM', key(), index(), value()],
    () => ['LTRIM', key(), index(), index()],
    () => ['LSET', key(), index(), value()],
    () => ['LINSERT', key(), pick(['BEFORE', 'AFTER']), value(), value()],
    () => ['LMOVE', key(), key(), end(), end()],
    () => ['RPOPLPUSH', key(), key()],
    () => ['LMPOP', 2, key(), key(), end(), 'COUNT', 2],
    () => ['DEL', key(), key()],
    () => ['UNLINK', key()],
    () => ['EXPIRE', key(), seconds(), pick(['NX', 'XX', 'GT', 'LT'])],
    () => ['PEXPIRE', key(), 900],
    () => ['PEXPIREAT', key(), moment()],
    () => ['PERSIST', key()],
    () => ['RENAME', key(), key()],
    () => ['RENAMENX', key(), key()],
    () => ['COPY', key(), key(), 'DB', random.below(3), 'REPLACE'],
    () => ['MOVE', key(), random.below(3)],
    () => ['SELECT', random.below(3)],
    () => ['GET', key()],
  ]
  if (random.below(200) === 0) return ['SWAPDB', 0, 1]
  if (random.below(400) === 0) return [pick(['FLUSHDB', 'FLUSHALL'])]
  return pick(commands)()
}

/** Whoever waits takes what comes. */
function park(random: Random, client: TestClient): void {
  if (client.client.requests.parked) return
  const key = KEYS[random.below(KEYS.length)]!
  const other = KEYS[random.below(KEYS.length)]!
  const command: Words[] = [
    ['BLPOP', key, other, '0'],
    ['BLMOVE', key, other, 'LEFT', 'RIGHT', '0'],
    ['BLMPOP', '0', 2, key, other, 'RIGHT', 'COUNT', 3],
  ]
  client.ask(...command[random.below(3)]!)
}

test.each([1, 2, 3, 4, 5, 6])(
  'random commands, parked clients, transactions and passing time (seed %i)',
  async (seed) => {
    const random = new Random(seed)
    let disk = new MemoryDisk()
    let now = 0
    for (let life = 0; life < 3; life++) {
      const { engine, clock, connect, journal } = await start(disk, { appendfsync: 'no' })
      clock.advance(now - clock.monotonic())
      engine.endTurn()
      const worker = connect()
      const parked = [connect(), connect()]
      for (let i = 0; i < 600; i++) {
        if (random.below(8) === 0) {
          let pipeline = encode(['MULTI'])
          for (let n = random.below(5); n > 0; n--) pipeline += encode(randomCommand(random, clock.now()))
          worker.sendRaw(pipeline + encode([random.below(6) === 0 ? 'DISCARD' : 'EXEC']))
        } else {
          const reply = worker.ask(...randomCommand(random, clock.now()))
          expect(reply).not.toContain('unknown command')
        }
        if (random.below(20) === 0) park(random, parked[random.below(2)]!)
        if (random.below(10) === 0) clock.advance(random.below(900))
      }
      // What is due by now goes in both.
      clock.advance(1)
      for (const client of parked) client.disconnect()
      engine.endTurn()
      expect(journal.status.bufferedBytes).toBe(0)
      now = clock.monotonic()
      const before = dump(engine)
      disk = disk.copy()
      const again = await start(disk.copy())
      again.clock.advance(now)
      again.engine.endTurn()
      expect(dump(again.engine)).toEqual(before)
      expect(Object.keys(before).length).toBeGreaterThan(0)
    }
  },
)
