import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SubscriberList } from '../../src/broker/subscriber-list.ts'
import { FakeSubscriber } from './fake-subscriber.ts'

function names(list: SubscriberList): string[] {
  return list.members.filter((m) => m !== undefined).map((m) => (m as FakeSubscriber).name)
}

test('members stay in order of arrival when others leave', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(60), { maxLength: 300 }), (steps) => {
      const list = new SubscriberList('c')
      let model: FakeSubscriber[] = []
      const all = Array.from({ length: 61 }, (_, i) => new FakeSubscriber(String(i)))
      for (const step of steps) {
        const subscriber = all[step]!
        if (model.includes(subscriber)) {
          list.remove(subscriber)
          model = model.filter((m) => m !== subscriber)
        } else {
          list.add(subscriber)
          model.push(subscriber)
        }
        expect(names(list)).toEqual(model.map((m) => m.name))
        expect(list.count).toBe(model.length)
        expect(list.members.length).toBeLessThanOrEqual(2 * model.length + 1)
      }
    }),
  )
})

test('members do not move while the list is walked, and holes are swept out afterwards', () => {
  const list = new SubscriberList('c')
  const all = Array.from({ length: 100 }, (_, i) => new FakeSubscriber(String(i)))
  for (const subscriber of all) list.add(subscriber)
  list.hold()
  for (const subscriber of all.slice(0, 99)) list.remove(subscriber)
  expect(list.members[99]).toBe(all[99])
  list.release()
  expect(list.members).toEqual([all[99]])
  list.add(all[0]!)
  list.remove(all[99]!)
  expect(names(list)).toEqual(['0'])
})

test('100,000 subscribers leave in an instant, in any order', () => {
  const list = new SubscriberList('c')
  const all = Array.from({ length: 100_000 }, () => new FakeSubscriber(''))
  for (const subscriber of all) list.add(subscriber)
  const before = performance.now()
  for (let i = 0; i < all.length; i++) list.remove(all[(i * 7919) % all.length]!)
  expect(list.count).toBe(0)
  // Searching the list for each would take minutes.
  expect(performance.now() - before).toBeLessThan(2000)
})
