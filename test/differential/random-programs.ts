// The engine in this process and redis-server get the same random commands: replies are equal to the byte.
//
//   DIFFERENTIAL_SEED=n      one program alone, as the report of a difference says
//   DIFFERENTIAL_COMMANDS=n  more or fewer commands than CI's
//
// Two files run a half of the programs each, for two cores.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { commands } from '../../src/commands/index.ts'
import { RESTLESS } from '../../src/util/restless.ts'
import { type RedisServer, redisServerMissing, startRedisServer } from '../support/redis-server.ts'
import { Generator } from './generator.ts'
import { readGrammars } from './grammar.ts'
import { EnginePeer, SocketPeer } from './peers.ts'
import { compare, report } from './runner.ts'

const COMMANDS = Number(
  process.env.DIFFERENTIAL_COMMANDS ?? (process.env.SOAK ? 5_000_000 : RESTLESS ? 10_000 : 50_000),
)
const PROGRAM_COMMANDS = 1000
const PARTS = 8

/** The tests of the first or the second half of the programs. */
export function testPrograms(half: 1 | 2): void {
  describe.skipIf(redisServerMissing())('the same random commands to the engine and to redis-server', () =>
    programs(half),
  )
}

function programs(half: 1 | 2): void {
  let server: RedisServer
  let theirs: SocketPeer
  let ours: EnginePeer
  let generator: Generator

  beforeAll(async () => {
    server = await startRedisServer(['--enable-debug-command', 'yes'])
    theirs = new SocketPeer('redis-server', server.socketPath)
    ours = new EnginePeer()
    generator = new Generator(await readGrammars(theirs), new Set(commands.map(({ name }) => name)))
  })

  afterAll(async () => {
    await theirs?.stop()
    await ours?.stop()
    await server?.stop()
  })

  const run = async (seed: number): Promise<void> => {
    const program = generator.program(seed, PROGRAM_COMMANDS)
    const difference = await compare(ours, theirs, program.steps)
    if (difference !== undefined) expect.fail(await report(ours, theirs, program, difference))
  }

  if (process.env.DIFFERENTIAL_SEED !== undefined) {
    const seed = Number(process.env.DIFFERENTIAL_SEED)
    test.runIf(half === 1)(`seed ${seed}`, () => run(seed), 600_000)
    return
  }

  const count = Math.ceil(COMMANDS / PROGRAM_COMMANDS)
  const from = half === 1 ? 0 : PARTS / 2
  for (let part = from; part < from + PARTS / 2; part++) {
    const first = 1 + Math.floor((count * part) / PARTS)
    const last = Math.floor((count * (part + 1)) / PARTS)
    test(`seeds ${first} to ${last} (${PROGRAM_COMMANDS} commands each)`, async () => {
      for (let seed = first; seed <= last; seed++) await run(seed)
    }, 600_000)
  }
}
