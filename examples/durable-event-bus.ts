// An event bus that forgets nothing: plain SUBSCRIBE and PUBLISH, unmodified clients, and channels
// that keep their messages. Three services in three client libraries (the third in Python, where it
// is installed) are killed with SIGKILL one after the other, and then the broker is, all under
// load. Each hears every order at least once, in order.
//
//   shop ── PUBLISH orders.created ──▶ channel "orders.*" keep 1h ──▶ billing (ioredis), shipping (node-redis), audit (redis-py)
//
// A service needs only a name for this: the broker remembers how far it has heard. Messages that it
// was sent in the second before it was killed are sent again (`redeliver`), because the broker
// cannot tell whether it had handled them.

import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'

/** Orders between two deaths. */
const ORDERS = 200
const GIVE_UP_MS = 60_000
const SERVICES = join(import.meta.dirname, 'services')

/** Starts the broker; it sends a message when it is there. */
function startBroker(dir: string, port: number): ChildProcess {
  return fork(join(SERVICES, 'broker.mjs'), [dir, String(port)], { execArgv: [] })
}

/**
 * A service, and the lines it has printed so far. It can be killed and started again any number of
 * times.
 */
class Service {
  readonly name: string
  readonly #command: readonly string[]
  #child: ChildProcess | undefined = undefined
  /** Orders in the order in which they were heard. */
  readonly heard: number[] = []
  /** How many it had heard when it was killed, or the broker was. */
  readonly broken: number[] = []

  constructor(name: string, ...command: string[]) {
    this.name = name
    this.#command = command
  }

  async start(): Promise<void> {
    const [program, ...words] = this.#command
    // Its input ends when this process does, and so does it.
    const child = spawn(program!, words, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child = child
    await new Promise<void>((resolve) => {
      createInterface(child.stdout!).on('line', (line) => {
        if (line === 'ready') resolve()
        else this.heard.push(Number(line))
      })
    })
  }

  async kill(): Promise<void> {
    const child = this.#child!
    child.kill('SIGKILL')
    await once(child, 'close')
    this.broken.push(this.heard.length)
  }
}

async function main(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'respite-bus-'))
  let broker = startBroker(dir, 0)
  const [port] = (await once(broker, 'message')) as [number]

  const services = [
    new Service('billing', process.execPath, join(SERVICES, 'billing.mjs'), String(port)),
    new Service('shipping', process.execPath, join(SERVICES, 'shipping.mjs'), String(port)),
  ]
  const python = ['python3', '/usr/bin/python3'].find((path) => spawnSync(path, ['-c', 'import redis']).status === 0)
  if (python !== undefined) {
    services.push(new Service('audit', python, join(SERVICES, 'audit.py'), String(port)))
  } else {
    console.log('audit is left out: there is no Python with redis-py here')
  }
  await Promise.all(services.map((service) => service.start()))

  // The shop publishes as fast as it is answered. An order without an answer is published again,
  // and may so be there twice.
  const shop = new Redis(port, { maxRetriesPerRequest: 0, retryStrategy: () => 20 })
  shop.on('error', () => {})
  let published = 0
  let again = 0
  let open = true
  const publishing = (async () => {
    for (let order = 0; open; order++) {
      while (
        !(await shop.publish('orders.created', String(order)).then(
          () => true,
          () => false,
        ))
      ) {
        again++
        await sleep(20)
      }
      published++
      if (order % 10 === 0) await sleep(5)
    }
  })()

  const more = (orders: number): Promise<void> => {
    const enough = published + orders
    return until(() => published >= enough)
  }

  for (const service of services) {
    await more(ORDERS)
    await service.kill()
    await more(ORDERS)
    await service.start()
    console.log(`${service.name} was killed, and is back`)
  }
  await more(ORDERS)
  broker.kill('SIGKILL')
  await once(broker, 'close')
  for (const service of services) service.broken.push(service.heard.length)
  broker = startBroker(dir, port)
  await once(broker, 'message')
  console.log('the broker was killed, and is back')
  await more(ORDERS)
  open = false
  await publishing

  await until(() => services.every(({ heard }) => new Set(heard).size === published))
  await sleep(200)
  let wrong = 0
  for (const { name, heard, broken } of services) {
    const backwards = heard.filter((order, i) => i > 0 && order < heard[i - 1]! && !broken.includes(i)).length
    const missing = published - new Set(heard).size
    wrong += missing + Math.max(0, backwards - again)
    console.log(
      `${name}: ${new Set(heard).size} orders heard, ${missing} missed, ${heard.length - published} again, ${backwards} out of order`,
    )
  }
  shop.disconnect()
  for (const service of services) await service.kill()
  broker.kill('SIGKILL')
  await once(broker, 'close')
  rmSync(dir, { recursive: true, force: true })
  console.log(wrong === 0 ? 'nothing was lost' : 'something went wrong')
  process.exitCode = wrong === 0 ? 0 : 1
}

async function until(isTrue: () => boolean): Promise<void> {
  for (const end = Date.now() + GIVE_UP_MS; !isTrue(); await sleep(5)) {
    if (Date.now() > end) throw new Error('this takes too long')
  }
}

await main()
