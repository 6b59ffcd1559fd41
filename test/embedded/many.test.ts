// One broker after the other in one process, as a suite of tests opens them: nothing of a closed one stays. With SOAK=1 a thousand of them.

import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { openBroker } from '../../src/index.ts'
import { collectGarbage } from '../../src/util/memory/collect-garbage.ts'

const BROKERS = process.env.SOAK === '1' ? 1000 : 30
/** What the others leave to be collected later, and what V8 learns. One broker that stays takes a megabyte or more. */
const GROWTH_BYTES_MAX = 10 * 1024 * 1024

/** Uses what is made when it is first used: data, a listener, a script, ioredis's stream. */
async function useOne(): Promise<void> {
  const broker = await openBroker()
  await broker.call('SET', 'a', 'b')
  await broker.subscribe('news', () => {})
  await broker.call('EVAL', "return redis.call('get', KEYS[1])", 1, 'a')
  broker.connect().write('PING\r\n')
  await broker.close()
}

async function bytesHeld(): Promise<number> {
  await setImmediate()
  collectGarbage()
  collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

test('closed brokers leave no memory, no timer and no handle behind', async () => {
  await useOne()
  const [bytes, resources] = [await bytesHeld(), process.getActiveResourcesInfo().length]
  for (let i = 0; i < BROKERS; i++) await useOne()
  expect((await bytesHeld()) - bytes).toBeLessThan(GROWTH_BYTES_MAX)
  // Fewer are what other tests leave.
  expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(resources)
})
