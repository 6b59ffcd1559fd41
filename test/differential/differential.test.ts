// The engine in this process and redis-server get the same random commands: replies are equal to the byte.
//
//   DIFFERENTIAL_SEED=n      one program alone, as the report of a difference says
//   DIFFERENTIAL_COMMANDS=n  more or fewer commands than CI's

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { commands } from '../../src/commands/index.ts'
import { type RedisServer, redisServerMissing, startRedisServer } from '../support/redis-server.ts'
import { Generator } from './generator.ts'
import { readGrammars } from './grammar.ts'
import { EnginePeer, SocketPeer } from './peers.ts'
import { compare, report } from './runner.ts'

const COMMANDS = Number(process.env.DIFFERENTIAL_COMMANDS ?? (process.env.SOAK ? 5_000_000 : 500_000))
const PROGRAM_COMMANDS = 1000
const PARTS = 8

describe.skipIf(redisServerMissing())('the same random commands to the engine and to redis-server', () => {
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
    test(`seed ${process.env.DIFFERENTIAL_SEED}`, () => run(Number(process.env.DIFFERENTIAL_SEED)), 600_000)
    return
  }

  const programs = Math.ceil(COMMANDS / PROGRAM_COMMANDS)
  for (let part = 0; part < PARTS; part++) {
    const first = 1 + Math.floor((programs * part) / PARTS)
    const last = Math.floor((programs * (part + 1)) / PARTS)
    test(`seeds ${first} to ${last} (${PROGRAM_COMMANDS} commands each)`, async () => {
      for (let seed = first; seed <= last; seed++) await run(seed)
    }, 600_000)
  }
})
