import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Signal, Waiter, WaitingRoom } from '../../src/queues/waiting-room.ts'

const FOREVER = Number.POSITIVE_INFINITY

function waiter(name: string, keys: string[], deadlineMs = FOREVER, onTimeout: () => void = () => {}): Waiter<string> {
  return new Waiter(name, keys, deadlineMs, onTimeout)
}

function line(room: WaitingRoom<string>, key: string): string[] {
  const names: string[] = []
  room.forEachOn(key, (waiting) => {
    names.push(waiting.owner)
    return true
  })
  return names
}

describe('a waiting room', () => {
  test('keeps each key in order of arrival, a key named twice once', () => {
    const room = new WaitingRoom<string>()
    const a = waiter('a', ['x', 'y', 'x'])
    room.park(a)
    room.park(waiter('b', ['y']))
    room.park(waiter('c', ['x', 'y']))
    expect(line(room, 'x')).toEqual(['a', 'c'])
    expect(line(room, 'y')).toEqual(['a', 'b', 'c'])
    room.leave(a)
    room.leave(a)
    expect(line(room, 'x')).toEqual(['c'])
    expect(line(room, 'y')).toEqual(['b', 'c'])
    expect([room.count, room.awaitedKeys]).toEqual([2, 2])
  })

  test('keeps keys and signals side by side, a signal known by identity', () => {
    const room = new WaitingRoom<string>()
    const [sync, other] = [new Signal('a sync'), new Signal('a sync')]
    const both = new Waiter('both', [sync, 'x', sync], FOREVER, () => {})
    room.park(both)
    room.park(new Waiter('one', [sync], FOREVER, () => {}))
    for (const topic of [other, sync, 'x', sync]) room.markReady(topic)
    expect(room.takeReady()).toEqual([sync, 'x'])
    expect(room.hasReady).toBe(false)
    const names: string[] = []
    room.forEachOn(sync, ({ owner }) => names.push(owner) > 0)
    expect(names).toEqual(['both', 'one'])
    expect([room.count, room.awaitedKeys, room.awaitedTopics]).toEqual([2, 1, 2])
    room.check()
    room.leave(both)
    expect([[...room.keys()], [...room.signals()]]).toEqual([[], [sync]])
  })

  test('sends one to the end of its lines; a walk under way visits no waiter twice', () => {
    const room = new WaitingRoom<string>()
    const waiters = ['a', 'b', 'c'].map((name) => waiter(name, ['x', 'y'], name === 'a' ? 5 : FOREVER))
    for (const one of waiters) room.park(one)
    room.requeue(waiters[0]!)
    expect([line(room, 'x'), line(room, 'y')]).toEqual([
      ['b', 'c', 'a'],
      ['b', 'c', 'a'],
    ])
    expect(room.earliestDeadlineMs).toBe(5)
    const visited: string[] = []
    room.forEachOn('x', (one) => {
      visited.push(one.owner)
      room.requeue(one)
      return true
    })
    expect(visited).toEqual(['b', 'c', 'a'])
    expect(line(room, 'y')).toEqual(['b', 'c', 'a'])
  })

  test('marks a key once, only while it has waiters, in order of the marks', () => {
    const room = new WaitingRoom<string>()
    room.markReady('x')
    expect(room.hasReady).toBe(false)
    room.park(waiter('a', ['x', 'y']))
    room.markReady('y')
    room.markReady('x')
    room.markReady('y')
    room.markReady('z')
    expect(room.takeReady()).toEqual(['y', 'x'])
    expect(room.hasReady).toBe(false)
    room.markReady('y')
    expect(room.takeReady()).toEqual(['y'])
  })

  test('continues with the right waiter when others leave during a walk', () => {
    const room = new WaitingRoom<string>()
    const waiters = ['a', 'b', 'c', 'd', 'e'].map((name) => waiter(name, ['x']))
    for (const one of waiters) room.park(one)
    const visited: string[] = []
    room.forEachOn('x', (one) => {
      visited.push(one.owner)
      // The visited waiter leaves and takes the next two along.
      if (one.owner === 'a') for (const gone of waiters.slice(0, 3)) room.leave(gone)
      if (one.owner === 'd') room.leave(waiters[4]!)
      return true
    })
    expect(visited).toEqual(['a', 'd'])
    expect(line(room, 'x')).toEqual(['d'])
  })

  test('stops a walk on request', () => {
    const room = new WaitingRoom<string>()
    for (const name of ['a', 'b', 'c']) room.park(waiter(name, ['x']))
    const visited: string[] = []
    room.forEachOn('x', (one) => visited.push(one.owner) < 2)
    expect(visited).toEqual(['a', 'b'])
    expect(line(room, 'x')).toEqual(['a', 'b', 'c'])
  })

  test('removes waiters by their deadlines, each before it is told', () => {
    const room = new WaitingRoom<string>()
    const told: string[] = []
    for (const [name, deadline] of [
      ['late', 300],
      ['early', 100],
      ['middle', 200],
    ] as const) {
      const one = waiter(name, ['x'], deadline, () => told.push(`${name} ${line(room, 'x').includes(name)}`))
      room.park(one)
    }
    room.park(waiter('never', ['x']))
    expect(room.earliestDeadlineMs).toBe(100)
    room.expire(99)
    expect(told).toEqual([])
    room.expire(200)
    expect(told).toEqual(['early false', 'middle false'])
    expect(room.earliestDeadlineMs).toBe(300)
    room.expire(1e9)
    expect(line(room, 'x')).toEqual(['never'])
    expect(room.earliestDeadlineMs).toBe(FOREVER)
  })

  test('agrees with plain arrays, whatever comes and goes', () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant('park' as const),
        keys: fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 4 }),
        deadline: fc.option(fc.integer({ min: 1, max: 50 }), { nil: FOREVER }),
      }),
      fc.record({ do: fc.constant('leave' as const), which: fc.nat(30) }),
      fc.record({ do: fc.constant('expire' as const), now: fc.integer({ min: 1, max: 50 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const room = new WaitingRoom<string>()
        let model: Waiter<string>[] = []
        let number = 0
        for (const one of steps) {
          if (one.do === 'park') {
            const parked = waiter(`w${number++}`, one.keys, one.deadline, () => {
              model = model.filter((kept) => kept !== parked)
            })
            room.park(parked)
            model.push(parked)
          } else if (one.do === 'leave') {
            const leaving = model[one.which % Math.max(1, model.length)]
            if (leaving !== undefined) {
              room.leave(leaving)
              model = model.filter((kept) => kept !== leaving)
            }
          } else {
            room.expire(one.now)
            expect(model.filter((kept) => kept.deadlineMs <= one.now)).toEqual([])
          }
          room.check()
          expect(room.count).toBe(model.length)
          expect(room.earliestDeadlineMs).toBe(Math.min(FOREVER, ...model.map((kept) => kept.deadlineMs)))
          for (const key of 'abcd') {
            const expected = model.filter((kept) => kept.topics.includes(key)).map((kept) => kept.owner)
            expect(line(room, key)).toEqual(expected)
            expect(room.isAwaited(key)).toBe(expected.length > 0)
          }
        }
      }),
      { numRuns: 200 },
    )
  })
})
