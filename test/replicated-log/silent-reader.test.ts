import { expect, test } from 'vitest'
import { stopWhenSilent } from '../../src/replicated-log/jetstream/silent-reader.ts'

/** A reader that tells of these events, one after the other, until it is stopped. */
function readerOf(...types: string[]) {
  const told: string[] = []
  const reader = {
    isStopped: false,
    async *status() {
      for (const type of types) {
        if (reader.isStopped) return
        told.push(type)
        yield { type }
      }
    },
    stop() {
      reader.isStopped = true
    },
  }
  return { reader, told }
}

test('a reader of a log is stopped at the first heartbeats that it misses', async () => {
  const { reader, told } = readerOf('next', 'heartbeats_missed', 'ordered_consumer_recreated')
  await stopWhenSilent(reader)
  expect(reader.isStopped).toBe(true)
  expect(told).toEqual(['next', 'heartbeats_missed'])
})

test('a reader of a log that hears heartbeats goes on', async () => {
  const { reader } = readerOf('next', 'debug')
  await stopWhenSilent(reader)
  expect(reader.isStopped).toBe(false)
})
