// `respite/testing`: a broker for each file of tests, reset before each test.
//
//   import { useBroker } from 'respite/testing'
//   const broker = useBroker()
//
// The broker lives in the process of the test. It has no port and no files, so files that run in
// parallel do not meet.

import { type Broker, type BrokerOptions, openBroker } from '../index.ts'

/** The hooks of a test runner: jest has them as globals, vitest exports them. */
export interface TestHooks {
  beforeAll(run: () => Promise<void>): unknown
  afterEach(run: () => Promise<void>): unknown
  afterAll(run: () => Promise<void>): unknown
}

export interface UseBrokerOptions extends BrokerOptions {
  /**
   * The test runner's module with the hooks to use, such as `vitest`. Default: the global hooks.
   */
  hooks?: TestHooks
  /** Writes the initial data of every test. */
  fill?: (broker: Broker) => Promise<unknown>
}

/**
 * Opens a broker before the tests of a file, resets it after each test, and closes it at the end.
 *
 * Returns the broker. It can be used once it is open: in tests, and in hooks that are registered
 * later.
 */
export function useBroker({ hooks, fill, ...options }: UseBrokerOptions = {}): Broker {
  const { beforeAll, afterEach, afterAll } = hooks ?? globalHooks()
  let broker: Broker | undefined
  let restore: (() => Promise<void>) | undefined
  beforeAll(async () => {
    broker = await openBroker(options)
    restore = await remember(broker, fill)
  })
  afterEach(async () => restore?.())
  afterAll(async () => broker?.close())
  return standIn(() => {
    if (broker === undefined) throw new Error('useBroker(): the broker is open in tests and in hooks, not before')
    return broker
  })
}

/** Writes the initial data, and returns a function that restores it. */
async function remember(broker: Broker, fill: UseBrokerOptions['fill']): Promise<() => Promise<void>> {
  await fill?.(broker)
  const beginning = await broker.checkpoint()
  // Functions are no data, so they are restored by themselves.
  const functions = (await broker.callBuffer('FUNCTION', 'DUMP')) as Buffer
  return async () => {
    await beginning.rollback()
    await broker.call('FUNCTION', 'RESTORE', functions, 'FLUSH')
  }
}

function globalHooks(): TestHooks {
  const { beforeAll, afterEach, afterAll } = globalThis as Partial<TestHooks>
  if (beforeAll === undefined || afterEach === undefined || afterAll === undefined) {
    throw new Error('useBroker(): no global hooks; with vitest: import * as hooks from "vitest", useBroker({ hooks })')
  }
  return { beforeAll, afterEach, afterAll }
}

/** Forwards everything to a broker that is opened later. */
function standIn(broker: () => Broker): Broker {
  return new Proxy({} as Broker, {
    get(_, name) {
      const opened = broker()
      const value: unknown = Reflect.get(opened, name, opened)
      // A class (Connector) is no method.
      return typeof value === 'function' && name !== 'Connector' ? value.bind(opened) : value
    },
  })
}
