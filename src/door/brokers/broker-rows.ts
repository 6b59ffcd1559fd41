// The rows of `GET /v1/brokers`: this broker, those of its cluster or log, and those that
// `console-brokers` names, each once.

import type { Engine } from '../../commands/call.ts'
import { slotRanges } from '../../engine/cluster-view/slot-ranges.ts'
import type { Alert } from '../../monitoring/alerts.ts'
import type { Row } from '../../monitoring/sampled-columns.ts'
import { type BrokerReport, figuresByName, type ReportedFigures } from './broker-report.ts'
import type { Brokers } from './brokers.ts'
import type { KnownBroker } from './known-broker.ts'
import type { NamedBroker } from './named-broker.ts'
import { type Point, pointOf } from './trace.ts'

const ROWS_MAX = 256
const NOT_HEARD = 'it was not heard: is its console on?'
const NO_REPORTS = 'brokers without a log do not report to each other: console-brokers can name it'

export interface BrokerRow {
  readonly name: string
  readonly url: string | null
  address: string | null
  readonly shard: string | null
  /** This broker, one of its cluster, or one that the setting names. */
  readonly kind: 'self' | 'member' | 'named'
  readonly self: boolean
  role: string
  state: string | null
  readonly epoch: number | null
  readonly position: number | null
  /** Records of the log that it does not have yet, or bytes of the stream of a primary. */
  behind: number | null
  readonly behindUnit: 'records' | 'bytes'
  readonly lagMs: number | null
  readonly leaseMs: number | null
  slots: readonly (readonly [first: number, last: number])[]
  readonly release: string | null
  readonly startedAt: number | null
  /** Null = nothing is known of that. */
  readonly reachable: boolean | null
  /** Since when it is reachable, or is not; in Unix milliseconds. */
  readonly since: number | null
  /** Why it is not reachable, or has no figures. */
  readonly reason: string | null
  readonly figures: ReportedFigures | null
  readonly alerts: readonly Alert[]
  /** Figures for small charts, behind the time that was asked for. */
  readonly points: readonly Point[]
}

export type GivenRow = Partial<BrokerRow> & Pick<BrokerRow, 'name' | 'kind' | 'role'>

/** Returns the rows, with points behind a time. `name`: how this broker is called. */
export function brokerRows(engine: Engine, brokers: Brokers, history: readonly Point[], name: string, sinceMs: number) {
  const own = brokers.report
  const self = rowOf(own, { kind: 'self', self: true, name: own.name || name, reachable: true, since: own.startedAt })
  const rows: BrokerRow[] = [{ ...self, points: history.filter(([at]) => at > sinceMs) }]
  for (const known of brokers.heard.values()) {
    const { report } = known
    if (report !== undefined) rows.push(memberRow(brokers, known, report, sinceMs))
  }
  addLeader(engine, rows)
  addReplicas(engine, rows)
  addNodes(engine, rows)
  tellPositions(brokers, rows)
  const ids = new Set([own.id, ...Array.from(brokers.heard.values(), ({ report }) => report?.id)])
  for (const broker of brokers.named) if (!ids.has(broker.known.report?.id ?? '')) rows.push(namedRow(broker, sinceMs))
  return [rows[0]!, ...rows.slice(1).sort(inOrder)].slice(0, ROWS_MAX)
}

/** The points of this broker, from the rows that it keeps of itself. */
export function ownPoints(rows: readonly Row[], sinceMs: number): Point[] {
  return rows.filter(([at]) => (at ?? 0) > sinceMs).map((row) => pointOf(row[0] ?? 0, figuresByName(row)))
}

/** Makes a row; what is not given is not known. */
export function brokerRow(given: GivenRow): BrokerRow {
  return {
    url: null,
    address: null,
    shard: null,
    self: false,
    state: null,
    epoch: null,
    position: null,
    behind: null,
    behindUnit: 'records',
    lagMs: null,
    leaseMs: null,
    slots: [],
    release: null,
    startedAt: null,
    reachable: null,
    since: null,
    reason: null,
    figures: null,
    alerts: [],
    points: [],
    ...given,
  }
}

function rowOf({ id: _, ...report }: BrokerReport, given: Omit<GivenRow, 'role'>): BrokerRow {
  return brokerRow({ ...report, ...given })
}

function memberRow(brokers: Brokers, known: KnownBroker, report: BrokerReport, sinceMs: number): BrokerRow {
  const reachable = brokers.isReached(known)
  return rowOf(report, {
    name: report.name,
    kind: 'member',
    reachable,
    since: reachable ? known.reachedAt : known.heardAt,
    reason: reachable ? null : 'it is not heard any more',
    // Old figures would be taken for those of now.
    ...(reachable ? {} : { figures: null, leaseMs: null, lagMs: null, alerts: [] }),
    points: known.trace.behind(sinceMs),
  })
}

function namedRow({ address: { name, page }, failsSince, failure, known }: NamedBroker, sinceMs: number): BrokerRow {
  const { report } = known
  if (report === undefined)
    return brokerRow({
      name,
      url: page,
      kind: 'named',
      role: '',
      reachable: failure === undefined ? null : false,
      since: failure === undefined ? null : failsSince,
      reason: failure ?? 'it is being asked',
    })
  const points = known.trace.behind(sinceMs)
  if (failure === undefined)
    return rowOf(report, { name, url: page, kind: 'named', reachable: true, since: known.reachedAt, points })
  const none = { figures: null, leaseMs: null, lagMs: null, alerts: [] }
  return rowOf(report, {
    name,
    url: page,
    kind: 'named',
    reachable: false,
    since: failsSince,
    reason: failure,
    ...none,
    points,
  })
}

/** The leader of the log, where it has sent no report. */
function addLeader({ parts: { broadcast, replication } }: Engine, rows: BrokerRow[]): void {
  const address = replication.node?.leaderAddress ?? ''
  const found = rows.find((each) => each.address === address)
  if (address === '' || found !== undefined) return
  rows.push(
    brokerRow({
      name: address,
      address,
      kind: 'member',
      role: 'leader',
      shard: broadcast?.shard ?? null,
      reason: NOT_HEARD,
    }),
  )
}

/** Servers that follow this one by PSYNC, and the one that it follows. */
function addReplicas({ effects, parts: { replication } }: Engine, rows: BrokerRow[]): void {
  const { following, node } = replication
  if (node !== undefined) return
  const common = { kind: 'member', behindUnit: 'bytes', reason: NO_REPORTS } as const
  for (const { address: ip, offset, port, state } of replication.replicas.statuses) {
    const address = `${ip}:${port}`
    const behind = Math.max(0, effects.history.offset - offset)
    rows.push(
      brokerRow({ ...common, name: address, address, role: 'replica', state, behind, reachable: state === 'online' }),
    )
  }
  if (following === undefined) return
  const address = `${following.host}:${following.port}`
  const state = following.linkUp ? 'link up' : 'link down'
  rows.push(brokerRow({ ...common, name: address, address, role: 'primary', state, reachable: following.linkUp }))
}

/** Nodes of the cluster's map: their slots, and those that have sent no report. */
function addNodes({ parts: { cluster } }: Engine, rows: BrokerRow[]): void {
  if (cluster === null) return
  const ranges = slotRanges({ ownerOf: (slot) => cluster.ownerOf(slot) })
  for (const node of cluster.nodes.values()) {
    const address = node.ip === '' ? null : `${node.ip}:${node.port || node.tlsPort}`
    const isOwn = node === cluster.myself
    let found = isOwn ? rows[0] : rows.find((each) => address !== null && each.address === address)
    if (found === undefined) {
      found = brokerRow({
        name: node.hostname || (address ?? node.id.slice(0, 8)),
        address,
        kind: 'member',
        role: node.primary === undefined ? 'primary' : 'replica',
        state: node.health,
        epoch: node.epoch,
        reason: NOT_HEARD,
      })
      rows.push(found)
    }
    found.slots = ranges.filter(({ owner }) => owner === node).map(({ first, last }) => [first, last] as const)
  }
}

/** Says how many records each follower is behind the leader of its shard. */
function tellPositions(brokers: Brokers, rows: readonly BrokerRow[]): void {
  for (const each of rows) {
    if (each.role !== 'follower' || each.position === null || each.reachable !== true) continue
    const leader = rows.find(({ reachable, role, shard }) => role === 'leader' && reachable && shard === each.shard)
    if (leader === undefined) continue
    // This broker's own position is that of now.
    const heardMs = brokers.heard.get(each.address ?? '')?.heardMs ?? Number.POSITIVE_INFINITY
    const known = leader.self ? brokers.own : brokers.heard.get(leader.address ?? '')
    const position = known?.positionBefore(heardMs) ?? null
    if (position !== null) each.behind = Math.max(0, position - each.position)
  }
}

/** Members before named ones, by shards and names. */
function inOrder(a: BrokerRow, b: BrokerRow): number {
  if (a.kind !== b.kind) return a.kind === 'member' ? -1 : 1
  return (a.shard ?? '').localeCompare(b.shard ?? '') || a.name.localeCompare(b.name)
}
