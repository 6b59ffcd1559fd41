// What does TLS cost, beside redis-server's own?
//
// Both encrypt with the same certificate, and redis-benchmark speaks TLS to both. Not every redis-server can: asked is the first on the PATH
// whose redis-benchmark can.

import { spawnSync } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { certificateFile } from '../test/support/tls/certificates.ts'
import { COMMON, redisBenchmark } from './commands.ts'
import { rounds } from './pairs.ts'
import {
  type Answer,
  besideBest,
  type Found,
  judged,
  perSecond,
  type Question,
  type Row,
  type Scale,
  tell,
} from './question.ts'
import { freePort, NO_PERSISTENCE, processorSeconds, redisVersion, type Server, startServer } from './servers.ts'

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

  async function compare(test: string, depth: number): Promise<Row[]> {
    const run = async (name: Name, count: number): Promise<{ rate: number; microseconds: number }> => {
      const { server, tlsPort } = sides.get(name)!
      const before = processorSeconds(server.pid)
      const words = [...CLIENT_TLS, ...COMMON, '-P', String(depth), '-t', test.toLowerCase(), '-n', String(count)]
      const { perSecond: rate } = await redisBenchmark(tlsPort, words, test, join(folder!, 'redis-benchmark'))
      return { rate, microseconds: ((processorSeconds(server.pid) - before) * 1e6) / count }
    }
    const calibration = scale.quick ? 1000 : CALIBRATION_REQUESTS
    for (const name of NAMES) await run(name, calibration)
    const count = Math.max(1000, Math.round((await run('redis-server', calibration)).rate * scale.seconds))
    const loads = await rounds(NAMES, (name) => run(name, count))
    const found = (of: 'rate' | 'microseconds'): Found<Name> =>
      new Map(NAMES.map((name) => [name, loads.get(name)!.map((load) => load[of])]))
    const what = `${test} over TLS, P=${depth}`
    const speed = besideBest(what, found('rate'), 'more', perSecond)
    const microseconds = (value: number): string => `${value.toFixed(2)} µs`
    const both = [
      depth === 16 ? judged(speed, found('rate'), 'redis-server', LEAST) : speed,
      besideBest(`${what}: server time a request`, found('microseconds'), 'less', microseconds),
    ]
    both.forEach(tell)
    return both
  }
}

function folderWithTls(): string | undefined {
  return process.env.PATH?.split(delimiter).find((folder) => {
    const { stdout } = spawnSync(join(folder, 'redis-benchmark'), ['--help'], { encoding: 'utf8' })
    return stdout?.includes('--tls ')
  })
}

export const tls: Question = { name: 'tls', ask }
