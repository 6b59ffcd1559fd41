// The same programs through the real server's unix socket: parsing what a socket cuts, turns of the loop, writing out.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { commands } from '../../src/commands/index.ts'
import { type RunningServer, startServer } from '../../src/index.ts'
import { type RedisServer, redisServerMissing, startRedisServer } from '../support/redis-server.ts'
import { Generator } from './generator.ts'
import { readGrammars } from './grammar.ts'
import { SocketPeer } from './peers.ts'
import { compare, report } from './runner.ts'

const PROGRAMS = process.env.SOAK ? 200 : 12
const PROGRAM_COMMANDS = 800
/** Other programs than those of the engine's test. */
const FIRST_SEED = 1_000_001

describe.skipIf(redisServerMissing())(
  'the same random commands to the server and to redis-server, through sockets',
  () => {
    let redis: RedisServer
    let server: RunningServer
    let theirs: SocketPeer
    let ours: SocketPeer
    let directory: string

    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'respite-differential-'))
      const socketPath = join(directory, 'respite.sock')
      redis = await startRedisServer(['--enable-debug-command', 'yes'])
      theirs = new SocketPeer('redis-server', redis.socketPath)
      server = await startServer({ port: false, unixSocket: socketPath, config: { 'enable-debug-command': 'yes' } })
      ours = new SocketPeer('respite', socketPath)
    })

    afterAll(async () => {
      await ours?.stop()
      await theirs?.stop()
      await server?.close()
      await redis?.stop()
      rmSync(directory, { recursive: true, force: true })
    })

    test(`${PROGRAMS} programs of ${PROGRAM_COMMANDS} commands`, async () => {
      const generator = new Generator(await readGrammars(theirs), new Set(commands.map(({ name }) => name)))
      for (let seed = FIRST_SEED; seed < FIRST_SEED + PROGRAMS; seed++) {
        const program = generator.program(seed, PROGRAM_COMMANDS)
        const difference = await compare(ours, theirs, program.steps)
        if (difference !== undefined) expect.fail(await report(ours, theirs, program, difference))
      }
    }, 120_000)
  },
)
