// A search over very many jobs while another client works: a million with SOAK=1. With fewer the
// same is looked at, but for the times that only a quiet machine keeps.

import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { startServer } from '../../../src/index.ts'
import { freePort } from '../../../src/util/free-ports.ts'

const JOBS = process.env.SOAK === '1' ? 1_000_000 : 10_000
const AT_ONCE = 5000
const FILL = `
for i = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  local data = '{"to":"user' .. i .. '@example.com","body":"some text of a usual length, as a job may have it"}'
  redis.call('HSET', 'bull:big:' .. i, 'name', 'send', 'data', data, 'timestamp', i, 'finishedOn', i)
  redis.call('ZADD', 'bull:big:completed', i, i)
end`

test('is answered in slices, between which others are served', { timeout: 600_000 }, async () => {
  const httpPort = await freePort()
  const config = { 'http-port': String(httpPort), console: 'yes', save: '', requirepass: 'secret' }
  const server = await startServer({ port: 0, config })
  onTestFinished(() => server.close())
  const redis = new Redis({ port: server.port, password: 'secret' })
  onTestFinished(() => redis.disconnect())
  await redis.hset('bull:big:meta', 'version', 'bullmq:6')
  for (let i = 1; i <= JOBS; i += AT_ONCE) await redis.eval(FILL, 0, i, i + AT_ONCE - 1)
  const headers = { Authorization: 'Bearer default:secret' }
  const search = async (query: string): Promise<string[]> =>
    (await (await fetch(`http://127.0.0.1:${httpPort}/v1/queues/big/jobs?${query}`, { headers })).text())
      .trim()
      .split('\n')

  const turns = new Set<number>()
  let isOver = false
  const pinging = (async () => {
    for (let i = 0; !isOver; i++) {
      await redis.ping()
      turns.add(i)
    }
  })()
  const lines = await search('text=user77@')
  isOver = true
  await pinging
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({ end: { looked: JOBS, of: JOBS, matched: 1, cursor: null } })
  expect(lines.filter((line) => line.includes('"job"'))).toHaveLength(1)
  // A client that asks all the time is served between slices, of which there is one for a thousand jobs at least.
  expect(turns.size).toBeGreaterThan(JOBS / 2000)
  const byTime = await search(`from=${JOBS - 5}&to=${JOBS}&limit=10`)
  expect(JSON.parse(byTime.at(-1)!)).toMatchObject({ end: { looked: 6, of: 6, matched: 6 } })
})
