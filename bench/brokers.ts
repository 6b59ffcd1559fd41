// How fast is it beside brokers that speak other protocols: messages that are kept and acknowledged, fan-out, patterns?

import { startChild } from './child.ts'
import type { BrokersInput, BrokersReport } from './children/brokers.ts'
import { median, PAIRS } from './pairs.ts'
import { type Answer, atLeast, perSecond, type Question, type Row, type Scale } from './question.ts'
import { type BrokerName, OTHERS, type Other, startOther, versionOf } from './rival-brokers.ts'
import { startServer } from './servers.ts'

const SUBSCRIBERS = 100
const PATTERNS = 1000
/** What is kept is on disk within a second, as with the default of each of the others. */
const OPTIONS = ['--appendonly', 'yes', '--save', '']
const RULE = ['--channel', 'kept.* keep 1h']

const NAMES: Readonly<Record<BrokerName, string>> = {
  respite: 'respite',
  redis: 'redis-server',
  nats: 'nats-server',
  mosquitto: 'mosquitto',
  rabbitmq: 'rabbitmq-server',
}

const WHATS = ['kept', 'fan-out', 'patterns'] as const
const TITLES: Readonly<Record<(typeof WHATS)[number], string>> = {
  kept: 'published, kept and acknowledged, 256 on their way',
  'fan-out': `heard by ${SUBSCRIBERS} subscribers, all together`,
  patterns: `heard by one of ${PATTERNS + 1} patterns`,
}

/** The target beside JetStream. Mosquitto and RabbitMQ are shown for the reader. */
const KEPT_TIMES_NATS = 2

/** The rounds of all brokers, one after the other: what disturbs the machine disturbs all of them. */
async function measure(
  brokers: readonly BrokerName[],
  what: BrokersInput['what'],
  scale: Scale,
  lines: Set<string>,
): Promise<Map<BrokerName, number[]>> {
  const found = new Map<BrokerName, number[]>(brokers.map((broker) => [broker, []]))
  for (let i = 0; i < PAIRS; i++) {
    for (const broker of brokers) found.get(broker)!.push(await once(broker, what, scale, lines))
  }
  return found
}

async function ask(scale: Scale): Promise<Answer> {
  const rows: Row[] = []
  const lines = new Set<string>()
  const installed = OTHERS.filter((other) => versionOf(other) !== undefined)
  const missing = OTHERS.filter((other) => !installed.includes(other)).map((other) => NAMES[other])
  const versions = installed.map((other) => `${NAMES[other]} ${versionOf(other)}`)
  for (const what of WHATS) {
    const found = await measure(['respite', 'redis', ...installed], what, scale, lines)
    const ours = found.get('respite')!
    for (const rival of ['redis', ...installed] as const) {
      const theirs = found.get(rival)!
      const ratio = median(ours.map((value, i) => value / theirs[i]!))
      const least = rival === 'nats' && what === 'kept' ? KEPT_TIMES_NATS : 1
      const title = `${TITLES[what]} : ${NAMES[rival]}`
      const row = atLeast(title, ratio, least, perSecond(median(ours)), perSecond(median(theirs)))
      if (rival !== 'redis' && !(rival === 'nats' && what === 'kept')) {
        row.target = ''
        row.met = undefined
      }
      rows.push(row)
      console.log(`  ${row.what}: ${row.respite} : ${row.redis} = ${row.figure}`)
    }
  }
  return {
    title: 'Beside other brokers',
    commandLines: [...lines],
    rows,
    notes: [
      `The second column is that of the broker that the row names: redis-server${versions.map((one) => `, ${one}`).join('')}. 64 bytes of payload; one publisher; raw sockets for each protocol (bench/protocols/), so that no client library is measured.`,
      'Kept: a channel with a rule, a stream (XADD), a stream of JetStream on disk, quality of service 1 for a lasting session that is away (which mosquitto writes to disk every half hour), a durable queue with confirms. redis-server and respite sync every second, NATS every two minutes.',
      ...(missing.length === 0 ? [] : [`Not installed, so left out: ${missing.join(', ')}.`]),
    ],
  }
}

async function once(broker: BrokerName, what: BrokersInput['what'], scale: Scale, lines: Set<string>): Promise<number> {
  const server =
    broker === 'respite' || broker === 'redis'
      ? await startServer(broker, broker === 'respite' ? [...OPTIONS, ...RULE] : OPTIONS)
      : await startOther(broker satisfies Other)
  lines.add(server.commandLine)
  const subscribers = what === 'fan-out' ? SUBSCRIBERS : PATTERNS
  try {
    const input: BrokersInput = { port: server.port, broker, what, seconds: scale.seconds, subscribers }
    return (await startChild<BrokersReport>('brokers', input).result).perSecond
  } finally {
    await server.stop()
  }
}

export const brokers: Question = { name: 'brokers', ask }
