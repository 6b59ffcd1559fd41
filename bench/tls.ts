// What does TLS cost, beside redis-server's own?
//
// Both encrypt with the same certificate, and redis-benchmark speaks TLS to both. Not every
// redis-server can: asked is the first on the PATH whose redis-benchmark can.

import { spawnSync } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { freePort } from '../src/util/free-ports.ts'
import { certificateFile } from '../test/support/tls/certificates.ts'
import { type CostedLoad, compareLoads, costed } from './loads.ts'
import type { Answer, Question, Row, Scale } from './question.ts'
import { COMMON, redisBenchmark } from './redis-benchmark.ts'
import { NO_PERSISTENCE, redisVersion, type Server, startServer } from './servers.ts'

const NAMES = ['respite', 'redis-server'] as const
type Name = (typeof NAMES)[number]

const DEPTHS = [1, 16]
/** At P=16. */
const LEAST = 0.9
const CALIBRATION_REQUESTS = 20_000

const SERVER_TLS = ['cert', 'key', 'ca-cert'].flatMap((what) => [
  `--tls-${what}-file`,
  certificateFile({ cert: 'server.crt', key: 'server.key', 'ca-cert': 'authority.crt' }[what]!),
])
const CLIENT_TLS = ['--tls', '--cacert', certificateFile('authority.crt')]

interface Encrypting {
  readonly server: Server
  readonly tlsPort: number
}

async function ask(scale: Scale): Promise<Answer> {
  const folder = folderWithTls()
  if (folder === undefined) throw new Error('no redis-benchmark on the PATH knows --tls; that of Debian does')
  const program = join(folder, 'redis-server')
  const rival = `redis-server ${redisVersion(program)}`
  const start = async (name: Name): Promise<Encrypting> => {
    const tlsPort = await freePort()
    const options = [...NO_PERSISTENCE, '--tls-port', String(tlsPort), '--tls-auth-clients', 'no', ...SERVER_TLS]
    const server = await startServer(name === 'respite' ? 'respite' : 'redis', options, undefined, program)
    return { server, tlsPort }
  }
  const sides = new Map<Name, Encrypting>()
  const rows: Row[] = []
  try {
    for (const name of NAMES) sides.set(name, await start(name))
    for (const depth of DEPTHS) {
      for (const test of ['SET', 'GET']) rows.push(...(await compare(test, depth)))
    }
  } finally {
    for (const { server } of sides.values()) await server.stop()
  }
  return {
    title: 'TLS',
    rivals: [rival],
    commandLines: [
      'respite --save "" --appendonly no --tls-port … --tls-auth-clients no --tls-cert-file … --tls-key-file … --tls-ca-cert-file …',
      'redis-server, the same words',
      `redis-benchmark --tls --cacert … ${COMMON.join(' ')} -P <1 or 16> -t <test> -n <requests for ${scale.seconds} s> --csv`,
    ],
    rows,
    notes: [
      `${rival} is the one at hand that speaks TLS. All connections are there before the clock runs: handshakes are not measured.`,
    ],
  }

  function compare(test: string, depth: number): Promise<Row[]> {
    const run = (name: Name, count: number): Promise<CostedLoad> => {
      const { server, tlsPort } = sides.get(name)!
      const words = [...CLIENT_TLS, ...COMMON, '-P', String(depth), '-t', test.toLowerCase(), '-n', String(count)]
      return costed(server.pid, count, () => redisBenchmark(tlsPort, words, test, join(folder!, 'redis-benchmark')))
    }
    const what = `${test} over TLS, P=${depth}`
    const least = depth === 16 ? LEAST : undefined
    return compareLoads({ what, names: NAMES, calibration: CALIBRATION_REQUESTS, least, run }, scale)
  }
}

function folderWithTls(): string | undefined {
  return process.env.PATH?.split(delimiter).find((folder) => {
    const { stdout } = spawnSync(join(folder, 'redis-benchmark'), ['--help'], { encoding: 'utf8' })
    return stdout?.includes('--tls ')
  })
}

export const tls: Question = { name: 'tls', ask }
