// A cluster in one command: three log servers (nats-server from the PATH), three brokers, and three
// programs, a shop, a worker and an audit, all on this machine. Each of the nine is killed with
// SIGKILL and started again, one after the other, under load. Before that, each broker hands over the
// lead under load, which costs the shop no error. At the end orders are counted.
//
//   shop ── BullMQ's add ──▶ queue ──▶ worker
//     └──── PUBLISH … ID ──▶ channel that keeps its messages ──▶ audit, which has a name
//
// Every job that was added is completed once (BullMQ may begin one twice), and every message is
// heard, in order.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Queue } from 'bullmq'
import { Redis, type RedisOptions } from 'ioredis'
import { brokersOn, logServers, Process, programOf } from './processes.ts'

/** Orders between two deaths. */
const ORDERS = 20
/** Planned handovers. */
const HANDOVERS = 3
const GIVE_UP_MS = 300_000

async function main(): Promise<boolean> {
  const dir = mkdtempSync(join(tmpdir(), 'respite-cluster-'))
  const { log, servers } = await logServers(dir)
  const { brokers, sentinels } = await brokersOn(log, dir)
  const words = JSON.stringify({ sentinels })
  const worker = new Process('worker', programOf('worker.mjs', words), dir)
  const audit = new Process('audit', programOf('audit.mjs', words), dir)

  let acknowledged = -1
  const begun: number[] = []
  const heard: number[] = []
  let readers = 0
  /** Requests of the shop that got an error, or no answer. */
  let errors = 0
  let handoverErrors = 0
  const startShop = (): Process => {
    // An acknowledged order is not repeated; any other is.
    const shop = new Process('shop', programOf('shop.mjs', JSON.stringify({ sentinels, first: acknowledged + 1 })), dir)
    shop.start((message) => {
      const told = message as { acknowledged: number } | { error: string }
      if ('error' in told) errors++
      else acknowledged = told.acknowledged
    })
    return shop
  }
  const startWorker = (): void => worker.start((message) => begun.push((message as { begun: number }).begun))
  const startAudit = (): void =>
    audit.start((message) => {
      if (message === 'ready') readers++
      else heard.push((message as { heard: number }).heard)
    })
  const more = async (): Promise<void> => {
    const [enough, enoughBegun] = [acknowledged + ORDERS, new Set(begun).size + ORDERS]
    await until(() => acknowledged >= enough && new Set(begun).size >= enoughBegun)
  }

  for (const one of [...servers, ...brokers]) one.start()
  startAudit()
  await until(() => readers > 0)
  startWorker()
  let shop = startShop()
  console.log('nine processes work')
  try {
    await more()
    const before = errors
    for (let i = 0; i < HANDOVERS; i++) {
      await handOver(sentinels)
      await more()
    }
    handoverErrors = errors - before
    console.log(`the lead was handed over ${HANDOVERS} times under load: ${handoverErrors} errors`)
    for (const one of [...servers, ...brokers]) {
      await more()
      await one.kill()
      await more()
      one.start()
      console.log(`${one.name} was killed, and is back`)
    }
    await more()
    await worker.kill()
    startWorker()
    console.log('worker was killed, and is back')
    await more()
    await audit.kill()
    startAudit()
    console.log('audit was killed, and is back')
    await more()
    await shop.kill()
    shop = startShop()
    console.log('shop was killed, and is back')
    await more()
    await shop.kill()
    return (await count(sentinels, acknowledged + 1, begun, heard)) && handoverErrors === 0
  } finally {
    for (const one of [shop, worker, audit, ...brokers, ...servers]) await one.kill()
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Asks the leader to hand over, and waits until another broker leads. */
async function handOver(sentinels: { host: string; port: number }[]): Promise<void> {
  const before = await leaderOf(sentinels)
  const leader = new Redis({ host: '127.0.0.1', port: before })
  leader.on('error', () => {})
  // The connection may end before the reply arrives.
  await leader.call('FAILOVER').catch(() => {})
  leader.disconnect()
  await until(async () => ![before, 0].includes(await leaderOf(sentinels)))
}

/** Asks each broker if it leads; 0 = none does at the moment. */
async function leaderOf(sentinels: { host: string; port: number }[]): Promise<number> {
  for (const { port } of sentinels) {
    const broker = new Redis({ port, maxRetriesPerRequest: 0, retryStrategy: () => null })
    broker.on('error', () => {})
    const role = await broker.call('ROLE').catch(() => [])
    broker.disconnect()
    if ((role as unknown[])[0] === 'master') return port
  }
  return 0
}

/** Waits until all orders are done, and reports losses and repetitions. */
async function count(
  sentinels: { host: string; port: number }[],
  orders: number,
  begun: readonly number[],
  heard: readonly number[],
): Promise<boolean> {
  const queue = new Queue<number, number>('orders', {
    connection: { sentinels, name: 'orders' } satisfies RedisOptions,
  })
  queue.on('error', () => {})
  const unfinished = async (): Promise<number> => {
    const { active = 0, delayed = 0, failed = 0, prioritized = 0, waiting = 0 } = await queue.getJobCounts()
    return active + delayed + failed + prioritized + waiting
  }
  await until(async () => (await unfinished()) === 0)
  await until(() => new Set(heard).size >= orders)
  const jobs = await queue.getCompleted(0, -1)
  await queue.close()
  const done = new Set(jobs.map(({ data }) => data))
  const all = Array.from({ length: orders }, (_, i) => i)
  const lost = all.filter((order) => !done.has(order)).length
  const twice = jobs.length - done.size
  const wrong = jobs.filter(({ data, returnvalue }) => returnvalue !== data ** 2).length
  const missed = all.filter((order) => !heard.includes(order)).length
  const firsts = [...new Set(heard)]
  const inOrder = firsts.every((order, i) => i === 0 || order > firsts[i - 1]!)
  console.log(`${orders} orders acknowledged`)
  console.log(
    `jobs: ${done.size} completed, ${lost} lost, ${twice} completed twice, ${wrong} wrong; ${begun.length - new Set(begun).size} begun again`,
  )
  console.log(
    `events: ${firsts.length} heard, ${missed} missed, ${inOrder ? 'in order' : 'out of order'}; ${heard.length - firsts.length} heard again`,
  )
  return lost + twice + wrong + missed === 0 && inOrder
}

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + GIVE_UP_MS; !(await isTrue()); await sleep(10)) {
    if (Date.now() > end) throw new Error('this takes too long')
  }
}

if (spawnSync('nats-server', ['--version']).error !== undefined) {
  console.log('nats-server is not on the PATH: this example needs version 2.15 or newer')
} else {
  const isWell = await main()
  console.log(isWell ? 'nothing was lost, and nothing done twice' : 'something went wrong')
  process.exit(isWell ? 0 : 1)
}
