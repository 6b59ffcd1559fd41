// As a console: how long does a search through a queue's jobs take, and who waits meanwhile?
//
// The jobs have the fields that BullMQ gives a job which is done. All searches read every field that
// a text is looked for in; the word of the first occurs in every job, that of the second in none.

import { freePort } from '../src/util/free-ports.ts'
import { startChild } from './child.ts'
import { percentile } from './pairs.ts'
import { type Answer, bounded, NOTHING, type Question, type Row, type Scale } from './question.ts'
import { processorSeconds, type Server, startServer } from './servers.ts'

const FIRST_MS_MAX = 200
const ALL_MS_MAX = 5000
const PING_MS_MAX = 10
const JOBS_AT_ONCE = 2000
const ROUNDS = 3

const FILL = `
for i = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  local data = '{"to":"user' .. i .. '@example.com","body":"some text of a usual length, as a job may have it"}'
  redis.call('HSET', 'bull:big:' .. i, 'name', 'send', 'data', data, 'opts', '{"attempts":3}', 'timestamp', i, 'delay', 0,
    'priority', 0, 'atm', 1, 'ats', 1, 'processedOn', i, 'finishedOn', i, 'returnvalue', '{"ok":true}')
  redis.call('ZADD', 'bull:big:completed', i, i)
end`

interface Searched {
  readonly firstMs: number
  readonly allMs: number
}

async function search(httpPort: number, query: string, jobs: number): Promise<Searched> {
  const began = performance.now()
  const answer = await fetch(`http://127.0.0.1:${httpPort}/v1/queues/big/jobs?${query}`)
  const texts: string[] = []
  let firstMs = Number.NaN
  const decoder = new TextDecoder()
  for await (const part of answer.body!) {
    const text = decoder.decode(part as Uint8Array, { stream: true })
    if (Number.isNaN(firstMs) && text.includes('"job"')) firstMs = performance.now() - began
    texts.push(text)
  }
  const all = texts.join('')
  if (!query.includes('limit') && !all.includes(`"looked":${jobs},"of":${jobs},"matched":0`))
    throw new Error(`not all was looked at: ${all.slice(-200)}`)
  return { firstMs, allMs: performance.now() - began }
}

async function fill({ asker }: Server, jobs: number): Promise<void> {
  await asker.ask('HSET', 'bull:big:meta', 'version', 'bullmq:6')
  for (let i = 1; i <= jobs; i += JOBS_AT_ONCE)
    await asker.ask('EVAL', FILL, '0', String(i), String(Math.min(jobs, i + JOBS_AT_ONCE - 1)))
}

async function ask({ keys: jobs }: Scale): Promise<Answer> {
  const httpPort = await freePort()
  const options = ['--http-port', String(httpPort), '--console', 'yes', '--save', '']
  const server = await startServer('respite', options)
  const idle = await startServer('respite', [])
  try {
    await fill(server, jobs)
    const first: number[] = []
    const all: number[] = []
    const worked: number[] = []
    await search(httpPort, 'text=no+such+word', jobs)
    const pings = [server, idle].map(({ port }) =>
      startChild<{ latencies: number[] }>('ping', { port, words: ['PING'], everyMs: 1 }),
    )
    for (const { ready } of pings) await ready
    for (let i = 0; i < ROUNDS; i++) {
      first.push((await search(httpPort, 'text=usual+length&limit=200', jobs)).firstMs)
      const before = processorSeconds(server.pid)
      all.push((await search(httpPort, 'text=no+such+word', jobs)).allMs)
      worked.push(processorSeconds(server.pid) - before)
    }
    for (const child of pings) child.finish()
    const [beside, alone] = (await Promise.all(pings.map(({ result }) => result))).map(({ latencies }) => latencies)
    const least = (values: readonly number[]): number => Math.min(...values)
    const ping = (which: string, of: (latencies: readonly number[]) => number): Row => ({
      ...bounded(`a PING beside the search, ${which}`, of(beside!), PING_MS_MAX, 'ms', NOTHING),
      respite: `${of(beside!).toFixed(1)} ms (of an idle server meanwhile: ${of(alone!).toFixed(1)} ms)`,
    })
    const rows = [
      bounded('until the first jobs are there', least(first), FIRST_MS_MAX, 'ms', NOTHING),
      bounded('until all have been looked at', least(all), ALL_MS_MAX, 'ms', NOTHING),
      bounded('processor time of that', least(worked) * 1000, ALL_MS_MAX, 'ms', NOTHING),
      ping('p99', (latencies) => percentile([...latencies], 99)),
      ping('the longest', (latencies) => latencies.at(-1)!),
    ]
    for (const { what, respite } of rows) console.log(`  ${what}: ${respite}`)
    return {
      title: `As a console: a search through ${jobs.toLocaleString('en')} jobs of BullMQ`,
      commandLines: [server.commandLine.replace(String(httpPort), '<port>')],
      rows,
      notes: [
        `\`GET /v1/queues/big/jobs?text=…\`, the best of ${ROUNDS} rounds; a PING each millisecond, from a process of its own. Redis has no such search.`,
      ],
    }
  } finally {
    await server.stop()
    await idle.stop()
  }
}

export const consoleSearch: Question = { name: 'console', ask }
