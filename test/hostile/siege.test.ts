// Whoever sends scripts cannot end the server, keep it to themselves or fill it, nor can they make it forget anything.
//
// Programs by chance (hostile-programs.ts) run one after the other on a server with little memory, while somebody else asks
// PING. SIEGE_SEED repeats a run, SIEGE_PROGRAMS says how many of each kind; a soak runs many more.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Random } from '../../src/util/numbers/random.ts'
import { encode } from '../support/engine.ts'
import { seedOf } from '../support/seed.ts'
import { eventually, RawConnection, temporaryDirectory } from '../support/server.ts'
import { HEARD_AFTER_MS, residentBytes, startBesieged, Watch } from './besieged-server.ts'
import { contents } from './contents.ts'
import { type HostileProgram, hostileProgram, KINDS, type Kind } from './hostile-programs.ts'

const SEED = seedOf('SIEGE_SEED')
const PROGRAMS = Number(process.env.SIEGE_PROGRAMS ?? (process.env.SOAK === undefined ? 5 : 2000))
/** What memory comes back to, of what it was. */
const MEMORY_RATIO_MAX = 1.5

/** What is there before: something for the programs to be slow with, and something to be lost. */
async function fill(client: RawConnection): Promise<void> {
  const numbers = Array.from({ length: 100_000 }, (_, i) => (i * 7919) % 100_003)
  const requests = [
    ['RPUSH', 'numbers', ...numbers],
    ['SADD', 'members', ...numbers.slice(0, 20_000)],
    ['SET', 'text', 'abc'.repeat(10_000)],
    ['HSET', 'hash', 'field', 'value'],
    ['ZADD', 'scores', 1, 'one', 2, 'two'],
    ['XGROUP', 'CREATE', 'stream', 'group', 0, 'MKSTREAM'],
  ]
  for (const request of requests) {
    client.send(encode(request))
    await client.takeLine()
  }
}

/** What a failure says of a program. */
function describe({ kind, source, args }: HostileProgram): string {
  const short = source.length > 300 ? `${source.slice(0, 300)}… (${source.length} characters)` : source
  return `${kind}: ${short} ARGV: ${args.map((arg) => arg.slice(0, 40)).join(' ')}`
}

test.each(Object.keys(KINDS) as Kind[])(
  'programs that are %s end neither the server nor its patience',
  async (kind) => {
    const random = new Random(SEED)
    const dir = temporaryDirectory()
    const data = join(dir, 'data')
    mkdirSync(data)
    const server = await startBesieged(data)
    const client = await RawConnection.open(server.socketPath)
    await fill(client)
    const watch = await Watch.begin(server)
    // The compiler, the libraries and the memory they take once and for all.
    const benign = encode(['EVAL', "return cjson.encode({string.rep('x', 100), #ARGV})", 0, 'x'.repeat(1_000_000)])
    for (let i = 0; i < 30; i++) {
      client.send(benign)
      await client.takeLine()
      await client.takeLine()
    }
    client.send(encode(['MEMORY', 'PURGE']))
    await client.takeLine()
    const before = residentBytes(server.child.pid!)

    for (let i = 0; i < PROGRAMS; i++) {
      const program = hostileProgram(random, kind)
      const what = `SIEGE_SEED=${SEED} ${describe(program)}`
      watch.during = what
      const caller = await RawConnection.open(server.socketPath)
      caller.send(encode(['EVAL', program.source, 0, ...program.args]))
      const answer = await caller.takeLine()
      expect(answer, `${what}\n${server.output()}`).toMatch(/^[-+:$*_#,%~=]/)
      caller.socket.destroy()
    }
    watch.during = 'the end'
    await watch.end()
    expect(watch.longestMs, watch.longestDuring).toBeLessThan(HEARD_AFTER_MS)
    expect(watch.pings).toBeGreaterThan(PROGRAMS)

    const held = await contents(client)
    client.send(encode(['DEL', ...Object.keys(held).filter((key) => key.startsWith('hostile:')), 'none']))
    await client.takeLine()
    let resident = 0
    await eventually(async () => {
      client.send(encode(['MEMORY', 'PURGE']))
      await client.takeLine()
      resident = residentBytes(server.child.pid!)
      return resident < before * MEMORY_RATIO_MAX
    }, `memory: ${before} bytes before, now less than ${MEMORY_RATIO_MAX} times that`).catch((error: Error) => {
      throw new Error(`${error.message} (${resident})`)
    })

    const left = await contents(client)
    server.child.kill('SIGKILL')
    await server.exited
    const again = await startBesieged(data)
    expect(await contents(await RawConnection.open(again.socketPath))).toEqual(left)
  },
  process.env.SOAK === undefined ? 120_000 : 24 * 3_600_000,
)
