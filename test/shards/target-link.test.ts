// The connection of a move to the other shard's leader: silence ends it, so that the move is tried
// again.

import { expect, test } from 'vitest'
import type { Connection } from '../../src/replication/connection.ts'
import { LinkError, TargetLink } from '../../src/shards/target-link.ts'
import { SimWorld } from '../replicated-log/sim-clock.ts'

test('a target that can neither be reached nor refuses is given up', async () => {
  const world = new SimWorld()
  let isClosed = false
  const connection: Connection = {
    address: '',
    localAddress: '',
    descriptor: -1,
    write() {},
    pause() {},
    resume() {},
    close() {
      isClosed = true
    },
  }
  const to = { host: 'nowhere', port: 1 }
  const opened = TargetLink.open({ dial: () => connection, to, clock: world, credentials: [], silenceMs: 100 })
  const failure = opened.catch((error: unknown) => error)
  await world.runTo(150)
  expect(isClosed).toBe(true)
  expect(await failure).toEqual(new LinkError('the other side is silent'))
})
