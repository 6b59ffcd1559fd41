// The servers of a replicated log for tests: three nats-servers or three etcds on loopback, each with files of its own, each of which can be
// killed, stopped for a while and begun again.

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type LogSystem,
  NATS_USER,
  type NatsOptions,
  prepareEtcd,
  prepareNats,
} from '../../src/prover/cluster/log-system.ts'
import { type Machine, portsOf } from '../../src/prover/cluster/machines.ts'
import type { TrialProcess } from '../../src/prover/cluster/trial-process.ts'
import { freePorts } from '../../src/util/free-ports.ts'

export { NATS_USER }

export interface LogServers {
  readonly servers: readonly TrialProcess[]
  /** Where clients reach them. */
  readonly addresses: readonly string[]
  /** The server that leads the log of this name; undefined when it is not known. */
  leader(name: string): Promise<TrialProcess | undefined>
  stop(): Promise<void>
}

/** Says whether a server of this name and at least this version is missing, and tells the reader so. In CI it must be there. */
function missing(program: string, versionNeeded: readonly [number, number], packages: string): boolean {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' })
  const [, major, minor] = /(\d+)\.(\d+)\.\d+/.exec(stdout ?? '') ?? []
  const isThere =
    major !== undefined &&
    (Number(major) > versionNeeded[0] || (Number(major) === versionNeeded[0] && Number(minor) >= versionNeeded[1]))
  if (isThere) return false
  const found = major === undefined ? 'not on the PATH' : `version ${major}.${minor}`
  const said = `${program} is ${found}, ${versionNeeded.join('.')} is needed (${packages})`
  if (process.env.CI) throw new Error(`${said}: in CI the tests of replicated logs may not be skipped`)
  console.warn(`skipped: ${said}`)
  return true
}

export const natsServerMissing = (): boolean => missing('nats-server', [2, 15], "Debian unstable's package nats-server")
export const etcdMissing = (): boolean => missing('etcd', [3, 4], "Debian's package etcd-server")

/** Returns the address of a log of 64 MB on nats-servers, as the configuration names it. */
export function natsLog({ addresses }: LogServers, stream: string): string {
  const places = addresses.map((address) => address.replace('nats://', '')).join(',')
  return `nats://${NATS_USER.user}:${NATS_USER.password}@${places}/${stream}?bytes=64mb`
}

/** Starts nats-servers that know each other, as docs/cluster.md says. */
export async function startNatsServers({
  count = 3,
  ...options
}: NatsOptions & { count?: number } = {}): Promise<LogServers> {
  return start('nats', count, (machines, directory) => prepareNats(machines, directory, options))
}

/** Starts etcds that know each other; with a quota for their database, if one is named. */
export async function startEtcds({
  count = 3,
  quotaBytes,
}: {
  count?: number
  quotaBytes?: number
} = {}): Promise<LogServers> {
  return start('etcd', count, (machines, directory) => prepareEtcd(machines, directory, { quotaBytes }))
}

async function start(
  kind: 'nats' | 'etcd',
  count: number,
  prepare: (machines: readonly Machine[], directory: string) => LogSystem,
): Promise<LogServers> {
  const directory = mkdtempSync(join(tmpdir(), `respite-${kind}-`))
  const ports = await freePorts(3 * count)
  const machines = Array.from({ length: count }, (_, i) => {
    const name = `${kind}-${i}`
    const dir = join(directory, name)
    mkdirSync(dir)
    return { name, host: '127.0.0.1', ports: portsOf(ports, i), dir, prefix: [] }
  })
  const { leader, members } = prepare(machines, directory)
  for (const member of members) member.start()
  return {
    servers: members,
    leader,
    addresses: members.map(({ address }) => `${kind === 'nats' ? '' : 'http://'}${address}`),
    async stop() {
      await Promise.all(members.map((member) => member.end()))
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
