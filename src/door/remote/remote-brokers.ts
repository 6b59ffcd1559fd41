// GET /v1/brokers of another server: the nodes of its cluster by CLUSTER NODES and CLUSTER SHARDS,
// else the primary and its replicas by ROLE and INFO replication.

import type { Figures } from '../../monitoring/monitor.ts'
import { figuresByName } from '../brokers/broker-report.ts'
import { type BrokerRow, brokerRow, type GivenRow, ownPoints } from '../brokers/broker-rows.ts'
import { TRACED } from '../brokers/trace.ts'
import { type Asker, mapOf, numberOf, textOf } from '../console/asker.ts'
import { answerJson, type Console, numberIn } from '../console/console.ts'
import type { ConsoleRequest } from '../console/endpoint.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { placeOf } from './remote-address.ts'
import { fieldsOfValue, infoOf } from './remote-info.ts'
import type { RemoteServer } from './remote-server.ts'

/** The states of a node that is there, in the words of CLUSTER NODES, ROLE and INFO. */
const REACHED: ReadonlySet<string> = new Set(['connected', 'online', 'link up'])
const NOT_ASKED = 'this console asks one server: connect another console to this one'

interface Row {
  readonly name: string
  readonly url: null
  readonly address: string | null
  readonly role: string
  readonly self: boolean
  readonly state: string | null
  /** Bytes. */
  readonly lag: number | null
  readonly slots: readonly (readonly [number, number])[]
}

export async function listRemoteBrokers(
  console: Console,
  remote: RemoteServer,
  { exchange, visitor }: ConsoleRequest,
): Promise<void> {
  const asker = await console.askerOf(exchange, visitor, 0)
  const [nodes] = await asker.tryAll([['CLUSTER', 'NODES']])
  const isRefused = nodes instanceof HttpError
  // A server that is in no cluster has no such command, or says that it is off.
  if (isRefused && nodes.status !== 400) throw nodes
  const brokers = isRefused ? await replicationOf(asker, remote) : await nodesOf(asker, textOf(nodes) ?? '', remote)
  const { engine, figures } = console
  const sinceMs = numberIn(exchange, 'since', 0, Number.MAX_SAFE_INTEGER)
  answerJson(exchange, {
    now: Math.floor(engine.environment.clock.now()),
    pointColumns: ['time', ...TRACED],
    brokers: brokers.map((row) => (row.self ? ownRow(row, figures, sinceMs) : otherRow(row))),
  })
}

/** The server that this console shows, with its figures. */
function ownRow(row: Row, { alerts, history, last }: Figures, sinceMs: number): BrokerRow {
  return brokerRow({
    ...shownRow(row),
    kind: 'self',
    reachable: true,
    figures: last === undefined ? null : figuresByName(last),
    alerts,
    points: ownPoints(history.fine, sinceMs),
  })
}

/** Another node: that server says of it whether it is there. */
function otherRow(row: Row): BrokerRow {
  const reachable = row.state === null ? null : REACHED.has(row.state)
  return brokerRow({ ...shownRow(row), kind: 'member', reachable, reason: NOT_ASKED })
}

function shownRow({ lag, ...row }: Row): Omit<GivenRow, 'kind'> {
  return { ...row, behind: lag, behindUnit: 'bytes' }
}

/** `ID host:port@bus,name flags primary ping pong epoch link slots…` */
async function nodesOf(asker: Asker, text: string, remote: RemoteServer): Promise<Row[]> {
  const offsets = await offsetsOf(asker)
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.map((line) => {
    const [id = '', place = '', flags = '', primary = '-', , , , link = '', ...slots] = line.trim().split(' ')
    const [address = '', name = ''] = place.split(',').map((part) => part.replace(/@\d+$/, ''))
    const words = flags.split(',')
    const isSelf = words.includes('myself')
    const [own, ahead] = [offsets.get(id), offsets.get(primary)]
    return {
      name: name || id.slice(0, 8),
      url: null,
      // A node alone does not know its own address.
      address: address.startsWith(':') ? (isSelf ? placeOf(remote.address) : null) : address,
      role: words.includes('slave') ? 'replica' : 'primary',
      self: isSelf,
      state: words.includes('fail') ? 'failed' : words.includes('fail?') ? 'in doubt' : link,
      lag: primary === '-' || own === undefined || ahead === undefined ? null : Math.max(0, ahead - own),
      slots: slots.flatMap((range): [number, number][] => {
        const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? []
        return first === undefined ? [] : [[Number(first), Number(last)]]
      }),
    }
  })
}

/** Node → its replication offset, where CLUSTER SHARDS tells it (Redis 7). */
async function offsetsOf(asker: Asker): Promise<ReadonlyMap<string, number>> {
  const offsets = new Map<string, number>()
  const [shards] = await asker.tryAll([['CLUSTER', 'SHARDS']])
  if (!Array.isArray(shards)) return offsets
  for (const shard of shards.map(mapOf))
    for (const node of ((shard.nodes ?? []) as unknown[]).map(mapOf)) {
      const offset = numberOf(node['replication-offset'])
      if (offset !== null) offsets.set(textOf(node.id) ?? '', offset)
    }
  return offsets
}

async function replicationOf(asker: Asker, remote: RemoteServer): Promise<Row[]> {
  const info = await infoOf(remote, 'replication')
  const address = placeOf(remote.address)
  const self = { name: address, url: null, address, self: true, lag: null, slots: [] }
  const [role] = await asker.tryAll([['ROLE']])
  const told = Array.isArray(role) ? role : []
  if (info.get('role') === 'slave') {
    const primary = `${info.get('master_host') ?? ''}:${info.get('master_port') ?? ''}`
    const link = info.get('master_link_status') === 'up' ? 'link up' : 'link down'
    return [
      { name: primary, url: null, address: primary, role: 'primary', self: false, state: null, lag: null, slots: [] },
      { ...self, role: 'replica', state: textOf(told[3]) ?? link },
    ]
  }
  const end = Number(info.get('master_repl_offset') ?? 0)
  const replicas = [...info].filter(([name]) => /^slave\d+$/.test(name)).map(([, value]) => fieldsOfValue(value))
  return [
    { ...self, role: 'primary', state: null },
    ...replicas.map((fields): Row => {
      const place = `${fields.get('ip') ?? ''}:${fields.get('port') ?? ''}`
      const lag = Math.max(0, end - Number(fields.get('offset') ?? end))
      return {
        ...self,
        name: place,
        address: place,
        role: 'replica',
        self: false,
        state: fields.get('state') ?? null,
        lag,
      }
    }),
  ]
}
