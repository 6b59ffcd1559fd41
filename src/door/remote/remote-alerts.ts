// The alert rules that INFO tells of another server, with the names, bounds and advice of those of
// Respite (src/monitoring/alert-rules.ts) where they are alike.

import type { Alert } from '../../monitoring/alerts.ts'
import { type Info, numberOfField } from './remote-info.ts'

interface RemoteRule {
  readonly name: string
  readonly severity: Alert['severity']
  readonly advice: string
  /**
   * Says what is wrong; undefined = nothing is. `grown` tells how much a counter has grown since
   * the last look.
   */
  find(info: Info, grown: (name: string) => number): string | undefined
}

const NEAR = 0.9

const RULES: readonly RemoteRule[] = [
  {
    name: 'RespiteCannotWrite',
    severity: 'critical',
    advice: 'Make room on the disk, and look into the log of the server.',
    find: (info) =>
      info.get('aof_enabled') === '1' && info.get('aof_last_write_status') === 'err'
        ? 'The append-only file cannot be written.'
        : undefined,
  },
  {
    name: 'RespiteSnapshotFailed',
    severity: 'critical',
    advice: 'The log of the server names the reason. Make room on the disk, then run BGSAVE.',
    find: (info) => (info.get('rdb_last_bgsave_status') === 'err' ? 'The last snapshot failed.' : undefined),
  },
  {
    name: 'RespiteRewriteFailed',
    severity: 'warning',
    advice: 'The log of the server names the reason. Make room on the disk, then run BGREWRITEAOF.',
    find: (info) =>
      info.get('aof_enabled') === '1' && info.get('aof_last_bgrewrite_status') === 'err'
        ? 'The append-only file could not be rewritten, and grows.'
        : undefined,
  },
  {
    name: 'RespiteMemoryNearLimit',
    severity: 'warning',
    advice: 'Look for a queue that grows. Else set maxmemory higher, if the machine has the memory.',
    find: (info) => near(info, 'used_memory', 'maxmemory', 'of maxmemory are used'),
  },
  {
    name: 'RespiteConnectionsNearLimit',
    severity: 'warning',
    advice: 'See in the list of clients which program does not close its connections. Else set maxclients higher.',
    find: (info) => near(info, 'connected_clients', 'maxclients', 'of the connections are taken'),
  },
  {
    name: 'RespiteEvicts',
    severity: 'warning',
    advice: 'A cache may do that. Else set maxmemory-policy noeviction, and give more memory.',
    find: (_, grown) => {
      const keys = grown('evicted_keys')
      return keys > 0 ? `Memory is short: ${keys} keys were removed.` : undefined
    },
  },
  {
    name: 'RespiteConnectionsRefused',
    severity: 'critical',
    advice: 'Set maxclients higher, or close connections that are not used.',
    find: (_, grown) => {
      const clients = grown('rejected_connections')
      return clients > 0 ? `${clients} connections were refused: there are too many.` : undefined
    },
  },
  {
    name: 'RespiteReplicaLinkDown',
    severity: 'critical',
    advice: 'The log of this replica says why. See whether the primary is up, and the password right.',
    find: (info) =>
      info.get('role') === 'slave' && info.get('master_link_status') === 'down'
        ? `The primary ${info.get('master_host') ?? ''}:${info.get('master_port') ?? ''} is not heard: the data here is old.`
        : undefined,
  },
]

export class RemoteAlerts {
  /** Rule → since when it holds, in Unix milliseconds. */
  readonly #began = new Map<string, number>()
  #current: readonly Alert[] = []
  #before: Info | undefined = undefined

  get current(): readonly Alert[] {
    return this.#current
  }

  /** Looks at all rules. Returns true if what they say has changed. */
  look(info: Info, nowMs: number): boolean {
    const grown = (name: string): number => {
      const [now, last] = [numberOfField(info, name), this.#before && numberOfField(this.#before, name)]
      return typeof now === 'number' && typeof last === 'number' ? Math.max(0, now - last) : 0
    }
    const found = RULES.flatMap(({ advice, find, name, severity }) => {
      const summary = find(info, grown)
      return summary === undefined ? [] : [{ rule: name, severity, summary, advice }]
    })
    this.#before = info
    return this.#set(found, nowMs)
  }

  /** The server does not answer. Returns true if that is news. */
  unreached(message: string, nowMs: number): boolean {
    const summary = `${message.charAt(0).toUpperCase()}${message.slice(1)}.`
    const advice = 'See whether it runs, and whether the address is right. The console asks again each second.'
    return this.#set([{ rule: 'RespiteDown', severity: 'critical', summary, advice }], nowMs)
  }

  #set(found: readonly Omit<Alert, 'since'>[], nowMs: number): boolean {
    for (const rule of this.#began.keys()) if (!found.some((alert) => alert.rule === rule)) this.#began.delete(rule)
    const alerts = found.map((alert) => {
      const since = this.#began.get(alert.rule) ?? Math.round(nowMs)
      this.#began.set(alert.rule, since)
      return { ...alert, since }
    })
    const hasChanged = JSON.stringify(alerts) !== JSON.stringify(this.#current)
    this.#current = alerts
    return hasChanged
  }
}

function near(info: Info, used: string, max: string, what: string): string | undefined {
  const [now, bound] = [numberOfField(info, used), numberOfField(info, max)]
  if (now === null || bound === null || bound === 0 || now / bound <= NEAR) return undefined
  return `${Math.round((now / bound) * 100)} % ${what}.`
}
