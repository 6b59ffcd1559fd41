// The harness itself: two redis-servers never differ, and a difference is found, named and made short.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RedisServer, redisServerMissing, startRedisServer } from '../support/redis-server.ts'
import { Generator } from './generator.ts'
import { type Grammar, readGrammars } from './grammar.ts'
import { SocketPeer } from './peers.ts'
import type { Step } from './program.ts'
import { compare, report } from './runner.ts'

describe.skipIf(redisServerMissing())('differential harness', () => {
  let servers: RedisServer[]
  let peers: SocketPeer[]
  let grammars: Map<string, Grammar>

  beforeAll(async () => {
    const options = ['--enable-debug-command', 'yes']
    servers = [await startRedisServer(options), await startRedisServer(options)]
    peers = servers.map((server, i) => new SocketPeer(`redis-server ${'AB'[i]}`, server.socketPath))
    grammars = await readGrammars(peers[0]!)
  })

  afterAll(async () => {
    for (const peer of peers) await peer.stop()
    for (const server of servers) await server.stop()
  })

  test('two redis-servers give equal replies to random programs', async () => {
    const known = [...grammars].filter(([, { group }]) =>
      /^(string|list|generic|connection|server|pubsub)$/.test(group),
    )
    const generator = new Generator(grammars, new Set(known.map(([name]) => name)))
    const [a, b] = peers as [SocketPeer, SocketPeer]
    for (let seed = 1; seed <= Number(process.env.HARNESS_EPISODES ?? 8); seed++) {
      const program = generator.program(seed, 800)
      const difference = await compare(a, b, program.steps)
      if (difference !== undefined) expect.fail(await report(a, b, program, difference))
    }
  })

  test('a difference is named with the few commands that lead to it', async () => {
    const [a, b] = peers as [SocketPeer, SocketPeer]
    const noise = (name: string): Step => ({
      kind: 'send',
      connection: 3,
      commands: [
        ['SET', name, 'x'],
        ['GET', name],
      ],
    })
    const id: Step = { kind: 'send', connection: 3, commands: [['PING'], ['CLIENT', 'ID'], ['PING']] }
    await a.reset(1)
    const steps = [noise('a'), noise('b'), id, noise('c')]
    const difference = await compare(a, b, steps)
    expect(difference).toMatchObject({ step: 2, connection: 3 })
    const text = await report(a, b, { seed: 7, steps }, difference!)
    expect(text).toContain('in the last of 1 steps')
    expect(text).toContain('CLIENT ID')
    expect(text).not.toContain('SET')
  })
})
