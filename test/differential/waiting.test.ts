// Those who wait, beside redis-server: who is served, in which order, with what, when keys come, go, are renamed, replaced or swapped.

import { describe, expect, test } from 'vitest'
import { redisServerDiffers, redisServerMissing } from '../support/redis-server.ts'
import type { Command, Step } from './program.ts'
import { compare, report } from './runner.ts'
import { usePeers } from './use-peers.ts'
import { reads, waitingProgram } from './waiting-programs.ts'

const PROGRAMS = Number(process.env.DIFFERENTIAL_PROGRAMS ?? 20)

describe.skipIf(redisServerMissing())('waiting clients, here and at redis-server', () => {
  const peers = usePeers()

  test.skipIf(redisServerDiffers('leaves those waiting whose key becomes of another type'))(
    'are answered alike, whatever becomes of the keys',
    async () => {
      const first = Number(process.env.DIFFERENTIAL_SEED ?? 101)
      const programs = process.env.DIFFERENTIAL_SEED === undefined ? PROGRAMS : 1
      for (let seed = first; seed < first + programs; seed++) {
        const program = waitingProgram(seed)
        const difference = await compare(peers.ours, peers.theirs, program.steps)
        if (difference !== undefined) expect.fail(await report(peers.ours, peers.theirs, program, difference))
      }
    },
    120_000,
  )

  test('for a list and for a stream under one name: each gets its own, and no client is asked for ever', async () => {
    const send = (connection: number, ...words: Command): Step => ({ kind: 'send', connection, commands: [words] })
    const steps = [
      send(1, 'BLPOP', 'k', '0'),
      send(2, 'XREAD', 'BLOCK', '0', 'STREAMS', 'k', '$'),
      send(3, 'BZPOPMIN', 'k', '0'),
      send(0, 'XGROUP', 'CREATE', 'k', 'g', '$', 'MKSTREAM'),
      send(4, ...reads(['XREADGROUP', 'GROUP', 'g', 'alice'], ['k'], '>')),
      send(5, ...reads(['XREADGROUP', 'GROUP', 'g', 'bob'], ['k'], '>')),
      send(0, 'XADD', 'k', '1-1', 'f', 'v'),
      send(0, 'RPUSH', 'other', 'a'),
      send(0, 'RENAME', 'other', 'k'),
      send(0, 'ZADD', 'k', '1', 'a'),
    ]
    expect(await compare(peers.ours, peers.theirs, steps)).toBeUndefined()
  })
})
