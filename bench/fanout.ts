// As a bus: how many messages a second do brokers deliver to 1 to 1000 subscribers, and by
// patterns, and what does each cost the server?

import { contestants, OTHER_BROKERS, only, Running } from './contestants.ts'
import { type Answer, besideBest, perSecond, type Question, type Row, type Scale, tell } from './question.ts'
import { missingNote } from './rival-servers.ts'

const PATTERNS = 1000

const WORKS = [
  { what: 'unheard', subscribers: 0, shown: 'published, nobody listens' },
  { what: 'fan-out', subscribers: 1, shown: 'heard by 1 subscriber' },
  { what: 'fan-out', subscribers: 10, shown: 'heard by 10 subscribers, all together' },
  { what: 'fan-out', subscribers: 100, shown: 'heard by 100 subscribers, all together' },
  { what: 'fan-out', subscribers: 1000, shown: 'heard by 1000 subscribers, all together' },
  { what: 'patterns', subscribers: PATTERNS, shown: `heard by one of ${PATTERNS + 1} patterns` },
] as const

async function ask(scale: Scale): Promise<readonly Answer[]> {
  const all = contestants()
  const running = await Running.start(all)
  const speed: Row[] = []
  const cost: Row[] = []
  try {
    for (const { what, subscribers, shown } of WORKS) {
      const found = await running.measure(what, subscribers, scale)
      const row = besideBest(shown, only(found, 'perSecond', all), 'more', perSecond)
      tell(row)
      speed.push(row)
      const micros = (value: number): string => `${value.toFixed(2)} µs`
      cost.push(besideBest(shown, only(found, 'micros', all), 'less', micros))
    }
  } finally {
    await running.stop()
  }
  const rivals = all.slice(1).map(({ name }) => name)
  return [
    {
      title: 'As a bus: messages a second beside other brokers',
      rivals,
      commandLines: [...running.commandLines],
      rows: speed,
      notes: [
        '64 bytes of payload; one publisher, 256 messages ahead of the slowest at most; raw sockets for each protocol (bench/protocols/), so that no client library is measured. Publisher and subscribers are one process beside the server.',
        'Nothing of it is kept. RabbitMQ confirms each message here, which costs it. Where no subscriber listens, NATS and mosquitto are asked by a PING after each sixteenth message whether they have taken it.',
        `Patterns: as \`orders.*.created\`, a star for one word; of the ${PATTERNS + 1} one matches.`,
        ...running.failures,
        ...missingNote(OTHER_BROKERS),
      ],
    },
    {
      title: 'As a bus: server time a message beside other brokers',
      rivals,
      commandLines: [],
      rows: cost,
      notes: [
        'Of the same runs: user and system time of the server, all its threads and processes together, connecting included, for each message that was taken or delivered. Below one is better.',
      ],
    },
  ]
}

export const fanout: Question = { name: 'fanout', ask }
