import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Outlet } from '../../src/door/exchanges/exchange.ts'
import { WriteGatherer } from '../../src/door/streams/write-gatherer.ts'
import { FakeClock } from '../support/fake-clock.ts'

/** Notes what is written, and takes it when it is told to. */
class NotingOutlet implements Outlet {
  readonly writes: string[] = []
  backlogBytes = 0
  #close: () => void = () => {}

  write(text: string): void {
    this.writes.push(text)
  }

  whenDrained(tell: () => void): void {
    queueMicrotask(tell)
  }

  onClose(run: () => void): void {
    this.#close = run
  }

  end(when: 'flushed' | 'now'): void {
    this.writes.push(when)
    this.#close()
  }
}

function gathered(count: number) {
  const clock = new FakeClock()
  const gatherer = new WriteGatherer(clock)
  const notes = Array.from({ length: count }, () => new NotingOutlet())
  const outlets = notes.map((note) => gatherer.gather(note))
  return { clock, notes, outlets }
}

const written = (notes: readonly NotingOutlet[]): number => notes.filter(({ writes }) => writes.length > 0).length

describe('writes of streams', () => {
  test('few streams are written to at once, each time', () => {
    const { notes, outlets } = gathered(2)
    for (const text of ['a', 'b', 'c']) for (const outlet of outlets) outlet.write(text)
    expect(notes.map(({ writes }) => writes)).toEqual([
      ['a', 'b', 'c'],
      ['a', 'b', 'c'],
    ])
  })

  test('a message for many streams is written to some of them in each turn of the loop', async () => {
    const { notes, outlets } = gathered(1000)
    for (const outlet of outlets) outlet.write('a')
    const inFirstTurn = written(notes)
    expect(inFirstTurn).toBeLessThan(200)
    let before = inFirstTurn
    let turns = 0
    while (written(notes) < 1000) {
      await nextTurn()
      expect(written(notes) - before).toBeLessThan(200)
      before = written(notes)
      turns++
      expect(turns).toBeLessThan(20)
    }
    expect(notes.every(({ writes }) => writes.join() === 'a')).toBe(true)
  })

  test('of many streams, one that was written to a moment ago gathers for one frame, in order', async () => {
    const { clock, notes, outlets } = gathered(100)
    const [outlet] = outlets
    const [note] = notes
    for (const text of ['a', 'b', 'c']) outlet?.write(text)
    await nextTurn()
    expect(note?.writes).toEqual(['a'])
    clock.advance(20)
    expect(note?.writes).toEqual(['a', 'bc'])
    clock.advance(1000)
    outlet?.write('d')
    expect(note?.writes).toEqual(['a', 'bc', 'd'])
    expect(clock.timers).toBe(0)
  })

  test('a stream that has gathered much is written to before its frame is over', () => {
    const { notes, outlets } = gathered(100)
    outlets[0]?.write('a')
    for (let i = 0; i < 5; i++) outlets[0]?.write('x'.repeat(1000))
    expect(notes[0]?.writes).toEqual(['a', 'x'.repeat(5000)])
  })

  test('a stream that ends writes what it gathered, unless it ends at once', () => {
    const { clock, notes, outlets } = gathered(100)
    for (const outlet of outlets.slice(0, 2)) for (const text of ['a', 'b']) outlet.write(text)
    outlets[0]?.end('flushed')
    outlets[1]?.end('now')
    clock.advance(1000)
    expect(notes.slice(0, 2).map(({ writes }) => writes)).toEqual([
      ['a', 'b', 'flushed'],
      ['a', 'now'],
    ])
  })

  test('a stream tells that all was taken when what it gathered was taken, too', async () => {
    const { clock, notes, outlets } = gathered(100)
    const heard: string[] = []
    for (const text of ['a', 'b']) outlets[0]?.write(text)
    outlets[0]?.whenDrained(() => heard.push(notes[0]?.writes.join('') ?? ''))
    await nextTurn()
    expect(heard).toEqual([])
    clock.advance(20)
    await nextTurn()
    expect(heard).toEqual(['ab'])
  })

  test('when most streams have left, the others are written to at once again', () => {
    const { notes, outlets } = gathered(100)
    for (const outlet of outlets.slice(1)) outlet.end('now')
    for (const text of ['a', 'b']) outlets[0]?.write(text)
    expect(notes[0]?.writes).toEqual(['a', 'b'])
  })
})
