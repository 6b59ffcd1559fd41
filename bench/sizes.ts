// How fast are commands for a thousand connections, and with values of up to 256 KiB?

import { compare } from './commands.ts'
import type { Answer, Question, Row, Scale } from './question.ts'
import { RIVALS, type Rival, type Server, startServer } from './servers.ts'

const PIPELINES = [1, 16]
/** Less is clearly worse than redis-server. */
const LEAST = 0.8
const MANY_CONNECTIONS = 1000
/**
 * Values of so many KiB: a few hundred of the largest fit into any machine, and into no cache of a
 * processor.
 */
const SIZES = [
  { kib: 1, keys: 10_000, calibration: 20_000 },
  { kib: 16, keys: 1000, calibration: 5000 },
  { kib: 256, keys: 200, calibration: 1000 },
] as const

async function ask(scale: Scale): Promise<Answer> {
  const servers = new Map<Rival, Server>()
  for (const rival of RIVALS) servers.set(rival, await startServer(rival))
  const rows: Row[] = []
  const test = async (name: string, what: string, calibration: number, words: readonly string[]) => {
    for (const pipeline of PIPELINES) {
      const options = [...words, '-P', String(pipeline), '-t', name.toLowerCase()]
      const shown = `${name}, ${what}, P=${pipeline}`
      const row = await compare({ what: shown, options, line: name, least: LEAST, servers, scale, calibration })
      rows.push(...row)
    }
  }
  try {
    const many = ['-c', String(MANY_CONNECTIONS), '-d', '64', '-r', '100000']
    for (const name of ['SET', 'GET', 'LPUSH']) await test(name, `${MANY_CONNECTIONS} connections`, 20_000, many)
    for (const { kib, keys, calibration } of SIZES) {
      const words = ['-c', '50', '-d', String(kib * 1024), '-r', String(keys)]
      for (const name of ['SET', 'GET']) await test(name, `${kib} KiB`, calibration, words)
    }
    return {
      title: 'A thousand connections, and values of 1 to 256 KiB',
      commandLines: [
        ...RIVALS.map((rival) => servers.get(rival)!.commandLine),
        `redis-benchmark -c ${MANY_CONNECTIONS} -d 64 -r 100000 -P <1 or 16> -t <test> -n <requests for ${scale.seconds} s> --csv`,
        'redis-benchmark -c 50 -d <bytes> -r <keys> -P <1 or 16> -t <test> -n <requests> --csv',
      ],
      rows,
      notes: [
        `Keys that values of a size are spread over: ${SIZES.map(({ kib, keys }) => `${keys} of ${kib} KiB`).join(', ')}. GET finds what SET left.`,
      ],
    }
  } finally {
    for (const server of servers.values()) await server.stop()
  }
}

export const sizes: Question = { name: 'sizes', ask }
