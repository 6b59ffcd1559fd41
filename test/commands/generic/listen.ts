// Keyspace events as a test wants them: `0 del k`, in order.

import type { TestEngine } from '../../support/engine.ts'

/** Turns all events on and returns a function that takes those that came since. */
export function listen(test: TestEngine): () => string[] {
  test.engine.config.set('notify-keyspace-events', 'AEn')
  const subscriber = test.connect(3)
  subscriber.ask('PSUBSCRIBE', '__keyevent@*')
  return () =>
    [...subscriber.received().matchAll(/\r\n__keyevent@(\d+)__:(\w+)\r\n\$\d+\r\n([^\r]*)\r\n/g)].map(
      ([, database, event, key]) => `${database} ${event} ${key}`,
    )
}
