// The servers of a log, set up as in docs/cluster.md: nats-servers or etcds that know each other,
// each on a machine of its own.

import { writeFileSync } from 'node:fs'
import type { Machine } from './machines.ts'
import { TrialProcess } from './trial-process.ts'

export type LogKind = 'nats' | 'etcd'

export interface LogSystem {
  readonly members: readonly TrialProcess[]
  /** The address for a broker's configuration, with the name of the log. */
  address(name: string): string
  /**
   * The member that leads the log of this name; undefined when there is none or it is not known.
   */
  leader(name: string): Promise<TrialProcess | undefined>
}

/** The user of a log in NATS. */
export const NATS_USER = { user: 'respite', password: 'secret' } as const

export interface NatsOptions {
  /** As in the servers' configuration file. */
  readonly syncInterval?: string
  /** The size of the largest message. Default: 1 MiB, as the servers have it. */
  readonly maxPayloadBytes?: number
  /** Whether the account of the log may ask how the servers sync. */
  readonly mayAsk?: boolean
  /** The user's permissions, as in the configuration file. Default: everything. */
  readonly permissions?: string
}

/** The time limit for asking a server about the leader. */
const ASK_TIMEOUT_MS = 1000

/** Prepares servers; `dir` is for their configuration and output. */
export function prepareLog(kind: LogKind, machines: readonly Machine[], dir: string): LogSystem {
  return kind === 'nats' ? prepareNats(machines, dir) : prepareEtcd(machines, dir)
}

export function prepareNats(
  machines: readonly Machine[],
  dir: string,
  {
    syncInterval = 'always',
    maxPayloadBytes = 1024 * 1024,
    mayAsk = true,
    permissions = '{ publish: ">", subscribe: ">" }',
  }: NatsOptions = {},
): LogSystem {
  const routes = machines.map(({ host, ports }) => `"nats://${host}:${ports[1]}"`)
  const question = '"$SYS.REQ.SERVER.PING.JSZ"'
  const members = machines.map((machine) => {
    const { host, name, ports, prefix } = machine
    const file = `${dir}/${name}.conf`
    const lines = [
      `server_name: ${name}`,
      `listen: "${host}:${ports[0]}"`,
      `http: "${host}:${ports[2]}"`,
      `max_payload: ${maxPayloadBytes}`,
      `jetstream { store_dir: ${JSON.stringify(`${machine.dir}/nats`)}, sync_interval: ${syncInterval}, max_file_store: 4GB }`,
      machines.length > 1 ? `cluster { name: log, listen: "${host}:${ports[1]}", routes: [${routes}] }` : '',
      'accounts {',
      `  SYS { exports: [ ${mayAsk ? `{ service: ${question}, response: stream, accounts: [LOG] }` : ''} ] }`,
      '  LOG {',
      '    jetstream: enabled',
      `    users: [ { user: ${NATS_USER.user}, password: ${NATS_USER.password}, permissions: ${permissions} } ]`,
      mayAsk ? `    imports: [ { service: { account: SYS, subject: ${question} } } ]` : '',
      '  }',
      '}',
      'system_account: SYS',
    ]
    writeFileSync(file, lines.join('\n'))
    return new TrialProcess({
      name,
      host,
      port: ports[0],
      command: [...prefix, 'nats-server', '-c', file],
      logFile: `${dir}/${name}.log`,
    })
  })
  const places = members.map(({ address }) => address).join(',')
  return {
    members,
    address: (name) => `nats://${NATS_USER.user}:${NATS_USER.password}@${places}/${name}?bytes=1gb`,
    async leader(name) {
      for (const [i, { host, ports }] of machines.entries()) {
        const member = members[i]
        if (member === undefined || !member.isUp || member.isPaused) continue
        const said = await askJson(`http://${host}:${ports[2]}/jsz?streams=true`)
        const leader = leaderOf(said, name)
        const found = members.find((member) => member.name === leader)
        if (found !== undefined) return found
      }
      return undefined
    },
  }
}

/** The leader of a stream, in a server's report. */
function leaderOf(said: unknown, stream: string): string | undefined {
  interface Stream {
    name: string
    cluster?: { leader?: string }
  }
  const { account_details: accounts = [] } = (said ?? {}) as { account_details?: { stream_detail?: Stream[] }[] }
  const streams = accounts.flatMap(({ stream_detail: details = [] }) => details)
  return streams.find(({ name }) => name === stream)?.cluster?.leader
}

export function prepareEtcd(
  machines: readonly Machine[],
  dir: string,
  { quotaBytes }: { quotaBytes?: number | undefined } = {},
): LogSystem {
  const peer = ({ host, ports }: Machine): string => `http://${host}:${ports[1]}`
  const cluster = machines.map((machine) => `${machine.name}=${peer(machine)}`).join(',')
  const members = machines.map((machine) => {
    const { host, name, ports, prefix } = machine
    const client = `http://${host}:${ports[0]}`
    const options = {
      name,
      'data-dir': `${machine.dir}/etcd`,
      'listen-client-urls': client,
      'advertise-client-urls': client,
      'listen-peer-urls': peer(machine),
      'initial-advertise-peer-urls': peer(machine),
      'initial-cluster': cluster,
      'log-level': 'error',
      ...(quotaBytes !== undefined && { 'quota-backend-bytes': quotaBytes }),
    }
    const words = Object.entries(options).map(([option, value]) => `--${option}=${value}`)
    return new TrialProcess({
      name,
      host,
      port: ports[0],
      command: [...prefix, 'etcd', ...words],
      logFile: `${dir}/${name}.log`,
    })
  })
  return {
    members,
    address: (name) => `etcd://${members.map(({ address }) => address).join(',')}/${name}`,
    async leader() {
      const status = await Promise.all(
        members.map(async ({ address, isPaused, isUp }) =>
          isUp && !isPaused ? await askJson(`http://${address}/v3/maintenance/status`, '{}') : undefined,
        ),
      )
      const known = status as ({ leader?: string; header?: { member_id?: string } } | undefined)[]
      const at = known.findIndex((one) => one?.leader !== undefined && one.leader === one.header?.member_id)
      return members[at]
    },
  }
}

/** The JSON answer of an HTTP server; undefined when there is none. */
async function askJson(url: string, body?: string): Promise<unknown> {
  try {
    const request = {
      signal: AbortSignal.timeout(ASK_TIMEOUT_MS),
      ...(body === undefined ? {} : { method: 'POST', body }),
    }
    return (await (await fetch(url, request)).json()) as unknown
  } catch {
    // The server is down or paused: another one knows the leader.
    return undefined
  }
}
