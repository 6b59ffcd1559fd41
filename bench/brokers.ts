// How fast do brokers take messages that they keep, each acknowledged, when they sync alike?

import { type Contestant, contestants, OTHER_BROKERS, only, Running } from './contestants.ts'
import { type Answer, besideBest, judged, perSecond, type Question, type Row, type Scale, tell } from './question.ts'
import { missingNote, type Syncing, syncs } from './rival-servers.ts'

/** The target beside JetStream, of the version that syncs when it is told to. */
const TIMES_NATS = 2

const WORKS: readonly { syncing: Syncing; shown: string }[] = [
  { syncing: 'always', shown: 'synced before each is acknowledged' },
  { syncing: 'everysec', shown: 'synced every second' },
  { syncing: 'default', shown: 'synced as each broker has it' },
]

/**
 * Whether it can be told to sync like this. RabbitMQ confirms what it has synced, and has no other
 * way.
 */
function takesPart({ kind, other }: Contestant, syncing: Syncing): boolean {
  if (kind === 'respite' || kind === 'redis' || syncing === 'default') return true
  if (kind === 'rabbitmq') return syncing === 'always'
  return syncs(other!)
}

async function ask(scale: Scale): Promise<Answer> {
  const rows: Row[] = []
  const commandLines: string[] = []
  const failures: string[] = []
  const all = contestants()
  for (const { syncing, shown } of WORKS) {
    const some = all.filter((contestant) => takesPart(contestant, syncing))
    const running = await Running.start(some, syncing)
    commandLines.push(...running.commandLines)
    failures.push(...running.failures)
    let found: Map<string, number[]>
    try {
      found = only(await running.measure('kept', 0, scale), 'perSecond', all)
    } finally {
      await running.stop()
    }
    const row = besideBest(`published, kept and acknowledged, 256 on their way; ${shown}`, found, 'more', perSecond)
    const nats = some.find(({ kind }) => kind === 'nats')
    rows.push(
      nats === undefined || found.get(nats.name)!.length === 0 || syncing === 'default'
        ? row
        : judged(row, found, nats.name, TIMES_NATS),
    )
    tell(rows.at(-1)!)
  }
  return {
    title: 'As a queue: messages that are kept, beside other brokers',
    rivals: all.slice(1).map(({ name }) => name),
    commandLines,
    rows,
    notes: [
      '64 bytes of payload; one publisher; raw sockets for each protocol (bench/protocols/), so that no client library is measured.',
      'Respite: PUBLISH to a channel with the rule `keep 1h`. redis-server: XADD, its substitute. NATS: a stream of JetStream on disk. Mosquitto: quality of service 1 for a lasting session that is away. RabbitMQ: a durable queue, persistent messages, confirms.',
      'As each has it: Respite and redis-server sync every second, with the append-only file on; NATS every two minutes; mosquitto writes its whole memory to disk every half hour. NATS can be told from 2.10 on when to sync.',
      ...failures,
      ...missingNote(OTHER_BROKERS),
    ],
  }
}

export const brokers: Question = { name: 'brokers', ask }
