// Brokers that are measured beside each other: Respite, redis-server, and whichever of the others
// the machine has.

import { startChild } from './child.ts'
import type { BrokersInput, BrokersReport } from './children/brokers.ts'
import { rounds } from './pairs.ts'
import type { Scale } from './question.ts'
import { type BrokerKind, type Installed, installed, type Syncing, startOther } from './rival-servers.ts'
import { processorSeconds, redisVersion, startServer } from './servers.ts'

export interface Contestant {
  /** With its version, as the page names it. */
  readonly name: string
  readonly kind: BrokerKind
  /** Which program it is; ours and redis-server are found by themselves. */
  readonly other?: Installed
}

export const OTHER_BROKERS = ['nats', 'mosquitto', 'rabbitmq'] as const

/** Ours first. NATS may be there in several versions. */
export function contestants(): Contestant[] {
  return [
    { name: 'respite', kind: 'respite' },
    { name: `redis-server ${redisVersion()}`, kind: 'redis' },
    ...OTHER_BROKERS.flatMap((kind) => installed(kind).map((other) => ({ name: other.name, kind, other }))),
  ]
}

interface Started {
  port: number
  commandLine: string
  worked(): number
  stop(): Promise<void>
}

/**
 * The settings of a server of Redis's protocol: the append-only file is on. Beside servers that
 * sync as they like, it is synced every second.
 */
const optionsOf = (syncing: Syncing): string[] => [
  ...['--save', '', '--appendonly', 'yes'],
  ...['--appendfsync', syncing === 'always' ? 'always' : 'everysec'],
]
const RULE = ['--channel', 'kept.* keep 1h']

async function start({ kind, other }: Contestant, syncing: Syncing): Promise<Started> {
  if (other !== undefined) return startOther(other, syncing)
  const options = optionsOf(syncing)
  const server =
    kind === 'respite' ? await startServer('respite', [...options, ...RULE]) : await startServer('redis', options)
  return { ...server, worked: () => processorSeconds(server.pid) }
}

export interface Measured {
  perSecond: number
  /** Microseconds of the server's processor for each that was acknowledged or heard. */
  micros: number
}

/** Brokers that have been started. */
export class Running {
  readonly #servers: ReadonlyMap<string, { contestant: Contestant; server: Started }>
  /** The commands that started them, and the names of those that did not start. */
  readonly commandLines: readonly string[]
  readonly failures: readonly string[]

  private constructor(
    servers: ReadonlyMap<string, { contestant: Contestant; server: Started }>,
    failures: readonly string[],
  ) {
    this.#servers = servers
    this.commandLines = [...servers.values()].map(({ server }) => server.commandLine)
    this.failures = failures
  }

  /** Starts all that can be started: a rival that fails leaves its column empty. */
  static async start(all: readonly Contestant[], syncing: Syncing = 'default'): Promise<Running> {
    const servers = new Map<string, { contestant: Contestant; server: Started }>()
    const failures: string[] = []
    for (const contestant of all) {
      try {
        servers.set(contestant.name, { contestant, server: await start(contestant, syncing) })
      } catch (error) {
        failures.push(`${contestant.name} did not start: ${(error as Error).message}`)
        console.error(`  ${failures.at(-1)}`)
      }
    }
    return new Running(servers, failures)
  }

  /** Measures one thing of all of them, round by round. */
  measure(what: BrokersInput['what'], subscribers: number, { seconds }: Scale): Promise<Map<string, Measured[]>> {
    return rounds([...this.#servers.keys()], async (name) => {
      const { contestant, server } = this.#servers.get(name)!
      const before = server.worked()
      const input: BrokersInput = { port: server.port, broker: contestant.kind, what, seconds, subscribers }
      const { perSecond, total } = await startChild<BrokersReport>('brokers', input).result
      return { perSecond, micros: ((server.worked() - before) * 1e6) / total }
    })
  }

  async stop(): Promise<void> {
    for (const { server } of this.#servers.values()) await server.stop()
  }
}

/** One of the things that were measured, of all of them; who was not measured has none. */
export function only(
  found: ReadonlyMap<string, readonly Measured[]>,
  key: keyof Measured,
  all: readonly Contestant[],
): Map<string, number[]> {
  return new Map(all.map(({ name }) => [name, (found.get(name) ?? []).map((value) => value[key])]))
}
