// The tests of BullMQ once more, below the wire: BullMQ must not notice.

import { afterAll, beforeAll, describe, vi } from 'vitest'

describe('in process', () => {
  // Before the target of each is set up.
  beforeAll(() => void vi.stubEnv('ECOSYSTEM_SERVER', 'in-process'))
  afterAll(() => void vi.unstubAllEnvs())
  // As modules of their own, because the worker that runs this file may have loaded them as files of tests.
  for (const name of ['jobs', 'options', 'events', 'flows']) {
    describe(name, async () => void (await import(`./bullmq-${name}.test.ts?in-process`)))
  }
})
