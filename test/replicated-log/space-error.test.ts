// The error for a stream that NATS servers refuse for want of room.

import { expect, test } from 'vitest'
import type { JetStreamOptions } from '../../src/replicated-log/jetstream/options.ts'
import type { ServerAnswer } from '../../src/replicated-log/jetstream/server-answers.ts'
import { spaceErrorFrom } from '../../src/replicated-log/jetstream/space-error.ts'
import { LogAway } from '../../src/replicated-log/log.ts'
import { LogUnfit } from '../../src/replicated-log/log-unfit.ts'

const MIB = 1024 * 1024
const OPTIONS = { stream: 'orders', bytesMax: 64 * MIB, replicas: 3 } as JetStreamOptions
const REFUSED = new Error('insufficient resources')

const server = (name: string, freeBytes: number): ServerAnswer =>
  ({
    server: { name },
    data: { config: { max_storage: 100 * MIB }, reserved_storage: 100 * MIB - freeBytes },
  }) as unknown as ServerAnswer

test('servers that lack room are named, with the room that they have', () => {
  const error = spaceErrorFrom([server('a', 64 * MIB), server('b', MIB), server('c', 64 * MIB)], OPTIONS, REFUSED)
  expect(error).toBeInstanceOf(LogUnfit)
  expect(error.message).toMatch(
    /^the log orders wants 64\.00M on each of 3 servers; free are 1\.00M of 100\.00M on b, 64\.00M /,
  )
  expect(spaceErrorFrom([], OPTIONS, REFUSED).message).toContain('; insufficient resources: give the address')
})

test('servers that refuse a stream that fits, because they have just met, are asked again', () => {
  const error = spaceErrorFrom(
    ['a', 'b', 'c'].map((name) => server(name, 64 * MIB)),
    OPTIONS,
    REFUSED,
  )
  expect(error).toBeInstanceOf(LogAway)
})
