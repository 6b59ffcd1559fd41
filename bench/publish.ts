// How many messages a second reach 1 to 1000 subscribers? What do 10,000 patterns cost the
// publisher?

import { startChild } from './child.ts'
import { alternate, medianOf, ratio } from './pairs.ts'
import { type Answer, atLeast, perSecond, type Question, type Row, type Scale } from './question.ts'
import { RIVALS, type Rival, type Server, startServer } from './servers.ts'

const SUBSCRIBERS = [1, 10, 100, 1000]
const PATTERNS = 10_000
const PATTERN_RATIO = 100
const PAYLOAD_BYTES = 64

async function ask(scale: Scale): Promise<Answer> {
  const servers = new Map<Rival, Server>()
  for (const rival of RIVALS) servers.set(rival, await startServer(rival))
  const rows: Row[] = []
  const run = (rival: Rival, subscribers: number, patterns: number) =>
    startChild<{ delivered: number; published: number }>('publish', {
      port: servers.get(rival)!.port,
      seconds: scale.seconds,
      subscribers,
      patterns,
      payloadBytes: PAYLOAD_BYTES,
    }).result
  const add = (row: Row) => {
    rows.push(row)
    console.log(`  ${row.what}: ${row.respite} : ${row.redis} = ${row.figure}`)
  }
  try {
    for (const subscribers of SUBSCRIBERS) {
      const pairs = await alternate(async (rival) => (await run(rival, subscribers, 0)).delivered)
      const what = `messages delivered, ${subscribers} subscriber${subscribers === 1 ? '' : 's'}`
      add(atLeast(what, ratio(pairs), 1, perSecond(medianOf(pairs, 'respite')), perSecond(medianOf(pairs, 'redis'))))
    }
    const patterns = scale.quick ? 500 : PATTERNS
    const pairs = await alternate(async (rival) => (await run(rival, 0, patterns)).published)
    const what = `PUBLISH, ${patterns} patterns of which one matches`
    add(
      atLeast(
        what,
        ratio(pairs),
        PATTERN_RATIO,
        perSecond(medianOf(pairs, 'respite')),
        perSecond(medianOf(pairs, 'redis')),
      ),
    )
    return {
      title: 'Publish and subscribe',
      commandLines: RIVALS.map((rival) => servers.get(rival)!.commandLine),
      rows,
      notes: [
        `${PAYLOAD_BYTES} bytes of payload. Subscribers and one pipelining publisher share a process of their own (bench/children/publish.ts); it publishes as fast as they receive.`,
        'Patterns have a literal beginning each (`orders.region-00017.*`), as patterns in use have.',
      ],
    }
  } finally {
    for (const server of servers.values()) await server.stop()
  }
}

export const publish: Question = { name: 'publish', ask }
