// The report of a broker about itself: its role, its last row of figures, and the alerts that hold.
// The brokers of a cluster send it to each other, and `GET /v1/brokers/self` answers it.

import type { Engine } from '../../commands/call.ts'
import { RESPITE_VERSION } from '../../config/version.ts'
import { ownAddress } from '../../engine/cluster-view/own-address.ts'
import type { Alert } from '../../monitoring/alerts.ts'
import type { Figures } from '../../monitoring/monitor.ts'
import { COLUMNS, type Column, type Row } from '../../monitoring/sampled-columns.ts'

/** Longer texts in a report of another broker are cut. */
const TEXT_LENGTH_MAX = 500
const ALERTS_MAX = 20
/** Values of `http-bind` that stand for all addresses. */
const ANY: ReadonlySet<string> = new Set(['*', '::*', '0.0.0.0', '::'])

export interface BrokerReport {
  /** A random word of the process. */
  readonly id: string
  readonly name: string
  /** `host:port` of the data; null = it has no port. */
  readonly address: string | null
  /** The address of its console; null = not known. */
  readonly url: string | null
  readonly shard: string | null
  /** The release of Respite. */
  readonly release: string
  /** `leader` and `follower` of a log; `primary` and `replica` elsewhere. */
  readonly role: string
  /** More about the role; null = there is no more to say. */
  readonly state: string | null
  readonly epoch: number | null
  /** The position in the log; without a log the offset of replication. */
  readonly position: number | null
  /** How long the leader may still answer without hearing from the log. */
  readonly leaseMs: number | null
  /** The age of the oldest effects that the log does not have. */
  readonly lagMs: number | null
  /** Unix milliseconds. */
  readonly startedAt: number
  /** The last row of figures by name; null before the first. */
  readonly figures: ReportedFigures | null
  readonly alerts: readonly Alert[]
}

export type ReportedFigures = Readonly<Partial<Record<Column, number | null>>>

/** Makes the report of this broker. */
export function reportOf(engine: Engine, { alerts, last }: Figures): BrokerReport {
  const { config, effects, environment, parts } = engine
  const { node } = parts.replication
  const address = addressOf(engine)
  const isSingle = config.get('shard-name') === '' && parts.broadcast === undefined
  return {
    id: environment.runId,
    name: config.get('cluster-announce-hostname') || (address ?? ''),
    address,
    url: urlOf(engine, address),
    shard: isSingle ? null : (parts.broadcast?.shard ?? config.get('shard-name')),
    release: RESPITE_VERSION,
    ...roleOf(engine),
    epoch: node?.epoch ?? parts.cluster?.epoch ?? null,
    position: node?.position ?? effects.history.offset,
    leaseMs: node?.state === 'leading' ? Math.floor(node.leaseLeftMs) : null,
    lagMs: node === undefined ? null : Math.round(node.lagMs),
    startedAt: Math.round(environment.startedMs),
    figures: last === undefined ? null : figuresByName(last),
    alerts: alerts.slice(0, ALERTS_MAX),
  }
}

/** Names the figures of a row. */
export function figuresByName(row: Row): ReportedFigures {
  return Object.fromEntries(COLUMNS.map((name, i) => [name, row[i] ?? null]))
}

function roleOf({ effects, parts: { replication } }: Engine): Pick<BrokerReport, 'role' | 'state'> {
  const { following, node } = replication
  if (node === undefined) {
    const state = following === undefined ? null : following.linkUp ? 'link up' : 'link down'
    return { role: effects.role.isReplica ? 'replica' : 'primary', state }
  }
  switch (node.state) {
    case 'leading':
      return { role: 'leader', state: node.leaseLeftMs > 0 ? null : 'without a lease' }
    case 'stopped':
      return { role: 'stopped', state: node.failure ?? null }
    case 'standing':
      return { role: 'follower', state: 'stands to lead' }
    default:
      return { role: 'follower', state: following?.linkUp === true ? null : 'hears no leader' }
  }
}

function addressOf({ config, parts }: Engine): string | null {
  if (parts.broadcast !== undefined) return parts.broadcast.address
  const { tcpPort = 0, tlsPort = 0 } = parts.host.describe?.() ?? {}
  const port = config.get('replica-announce-port') || tcpPort || tlsPort
  return port === 0 ? null : `${ownAddress(config)}:${port}`
}

/** The console's address for other machines; null where its ports are not open to them. */
function urlOf({ config }: Engine, address: string | null): string | null {
  const port = config.get('http-tls-port') || config.get('http-port')
  if (address === null || port === 0) return null
  const host = address.slice(0, address.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1')
  const bound = config.get('http-bind').split(' ')
  if (!bound.some((each) => ANY.has(each) || each === host)) return null
  const scheme = config.get('http-tls-port') === 0 ? 'http' : 'https'
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}${config.get('console-path')}/console/`
}

/** Reads the report of another broker; undefined = it is none. Nothing in it is trusted. */
export function readReport(value: unknown): BrokerReport | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const told = value as Readonly<Record<string, unknown>>
  const id = textOf(told.id)
  const role = textOf(told.role)
  if (id === null || role === null) return undefined
  const address = textOf(told.address)
  return {
    id,
    name: textOf(told.name) || (address ?? ''),
    address,
    url: httpUrl(told.url),
    shard: textOf(told.shard),
    release: textOf(told.release) ?? '',
    role,
    state: textOf(told.state),
    epoch: numberOf(told.epoch),
    position: numberOf(told.position),
    leaseMs: numberOf(told.leaseMs),
    lagMs: numberOf(told.lagMs),
    startedAt: numberOf(told.startedAt) ?? 0,
    figures: figuresOf(told.figures),
    alerts: Array.isArray(told.alerts) ? told.alerts.slice(0, ALERTS_MAX).flatMap(alertOf) : [],
  }
}

/** An address of HTTP without user and password, because a page makes a link of it; null = it is none. */
export function httpUrl(value: unknown): string | null {
  if (typeof value !== 'string' || value.length > TEXT_LENGTH_MAX || !URL.canParse(value)) return null
  const url = new URL(value)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return null
  url.username = ''
  url.password = ''
  return url.href
}

function figuresOf(value: unknown): ReportedFigures | null {
  if (typeof value !== 'object' || value === null) return null
  const told = value as Readonly<Record<string, unknown>>
  return Object.fromEntries(COLUMNS.map((name) => [name, numberOf(told[name])]))
}

function alertOf(value: unknown): Alert[] {
  if (typeof value !== 'object' || value === null) return []
  const { advice, rule, severity, since, summary } = value as Readonly<Record<string, unknown>>
  const said = textOf(summary)
  if (said === null) return []
  return [
    {
      rule: textOf(rule) ?? '',
      severity: severity === 'critical' ? 'critical' : 'warning',
      since: numberOf(since) ?? 0,
      summary: said,
      advice: textOf(advice) ?? '',
    },
  ]
}

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value.slice(0, TEXT_LENGTH_MAX) : null)

const numberOf = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : null)
