// The alert rules that a broker can tell of itself, as docs/grafana/alerts.yaml has them for
// Prometheus: the same names, severities and times. Each says what is wrong and what to do.

import type { Engine } from '../commands/call.ts'
import type { KnownQueues } from './known-queues.ts'
import { lengthOf } from './known-queues.ts'

/** The counters that grow with the causes of alerts. */
export interface AlertCounters {
  readonly evictedKeys: number
  readonly memoryRefusals: number
  readonly disconnects: number
  readonly wrongPasswords: number
  readonly fullSyncs: number
  readonly failedJobs: number
}

/** The things that a rule looks at. */
export interface AlertView {
  readonly engine: Engine
  readonly queues: KnownQueues
  /** How much a counter has grown within the last minutes. */
  grown(counter: keyof AlertCounters, minutes: number): number
  /** Averages of the last minutes; null where nothing is known. */
  readonly loopDelayMs: number | null
  readonly fsyncMs: number | null
  readonly cpu: number | null
}

export interface AlertRule {
  readonly name: string
  readonly severity: 'warning' | 'critical'
  /** It must hold for so long. */
  readonly forMs: number
  readonly advice: string
  /** Says what is wrong; undefined = nothing is. */
  find(view: AlertView): string | undefined
}

const SECOND = 1000
const MINUTE = 60 * SECOND
const NEAR = 0.9
const BUSY_MS = 200
const SLOW_SYNC_MS = 1000
const LOG_BEHIND_MS = 5000
const WRONG_PASSWORDS = 20
const FAILED_JOBS = 100
const FULL_SYNCS = 3

export const ALERT_RULES: readonly AlertRule[] = [
  {
    name: 'RespiteCannotWrite',
    severity: 'critical',
    forMs: 10 * SECOND,
    advice:
      'Make room on the disk; writes go on by themselves within seconds. For another error than a full disk, copy the directory away and change the disk.',
    find: ({ engine }) => {
      const { failure } = engine.effects.durability.progress
      return failure === undefined ? undefined : `Writes are refused: the journal cannot be written (${failure}).`
    },
  },
  {
    name: 'RespiteSnapshotFailed',
    severity: 'critical',
    forMs: 0,
    advice: 'The log names the reason. Make room on the disk, then run BGSAVE.',
    find: ({ engine }) => (engine.parts.saving?.status.lastSaveOk === false ? 'The last snapshot failed.' : undefined),
  },
  {
    name: 'RespiteRewriteFailed',
    severity: 'warning',
    forMs: 5 * MINUTE,
    advice: 'The log names the reason. Make room on the disk, then run BGREWRITEAOF.',
    find: ({ engine }) =>
      engine.parts.saving?.status.lastRewriteOk === false
        ? 'The append-only file could not be rewritten, and grows.'
        : undefined,
  },
  {
    name: 'RespiteSlowDisk',
    severity: 'warning',
    forMs: 5 * MINUTE,
    advice: 'Find what else writes to the disk. Keys that need not be `always` can get a rule of their own.',
    find: ({ fsyncMs }) =>
      fsyncMs !== null && fsyncMs > SLOW_SYNC_MS ? `A sync of the journal takes ${inSeconds(fsyncMs)}.` : undefined,
  },
  {
    name: 'RespiteMemoryNearLimit',
    severity: 'warning',
    forMs: 5 * MINUTE,
    advice: 'Look for a queue that grows. Else set maxmemory higher, if the machine has the memory.',
    find: ({ engine }) => {
      const max = engine.config.get('maxmemory')
      const share = max === 0 ? 0 : engine.upkeep.memory.usedBytes / max
      return share > NEAR ? `${percent(share)} of maxmemory are used.` : undefined
    },
  },
  {
    name: 'RespiteEvicts',
    severity: 'warning',
    forMs: 5 * MINUTE,
    advice: 'A cache may do that. Else set maxmemory-policy noeviction, and give more memory.',
    find: ({ grown }) => {
      const keys = grown('evictedKeys', 5)
      return keys > 0 ? `Memory is short: ${keys} keys were removed within 5 minutes.` : undefined
    },
  },
  {
    name: 'RespiteOutOfMemoryReplies',
    severity: 'critical',
    forMs: 0,
    advice: 'Delete data, or set maxmemory higher, now.',
    find: ({ grown }) => {
      const refusals = grown('memoryRefusals', 5)
      return refusals > 0 ? `There is no memory: ${refusals} writes were refused within 5 minutes.` : undefined
    },
  },
  {
    name: 'RespiteBusy',
    severity: 'warning',
    forMs: 5 * MINUTE,
    advice: 'Look at the slow log for a slow script or a command on a large value, and at the CPU of other processes.',
    find: ({ loopDelayMs }) =>
      loopDelayMs !== null && loopDelayMs > BUSY_MS ? `Clients wait up to ${inSeconds(loopDelayMs)}.` : undefined,
  },
  {
    name: 'RespiteAtFullLoad',
    severity: 'warning',
    forMs: 15 * MINUTE,
    advice: 'See which commands take the time. Spread keys over two servers, or send less.',
    find: ({ cpu }) => (cpu !== null && cpu > NEAR ? 'A whole core is used.' : undefined),
  },
  {
    name: 'RespiteConnectionsNearLimit',
    severity: 'warning',
    forMs: 5 * MINUTE,
    advice: 'See in the list of clients which program does not close its connections. Else set maxclients higher.',
    find: ({ engine }) => {
      const { size } = engine.clients.connected
      const max = engine.config.get('maxclients')
      return size / max > NEAR ? `${size} of ${max} connections are taken.` : undefined
    },
  },
  {
    name: 'RespiteSlowReaders',
    severity: 'warning',
    forMs: 0,
    advice:
      'The log has their addresses. Make readers faster, send fewer messages, or raise client-output-buffer-limit.',
    find: ({ grown }) => {
      const clients = grown('disconnects', 5)
      return clients > 0 ? `${clients} clients that did not read were closed within 5 minutes.` : undefined
    },
  },
  {
    name: 'RespiteLoginsFail',
    severity: 'warning',
    forMs: 0,
    advice: 'ACL LOG shows where from. Close the port to them, or mend the password of that client.',
    find: ({ grown }) => {
      const logins = grown('wrongPasswords', 5)
      return logins > WRONG_PASSWORDS ? `${logins} logins had a wrong password within 5 minutes.` : undefined
    },
  },
  {
    name: 'RespiteQueueStuck',
    severity: 'warning',
    forMs: 10 * MINUTE,
    advice: 'See whether the workers run, and whether the queue is paused.',
    find: ({ queues }) => {
      for (const { db, name } of queues.bullmq)
        if (lengthOf(db, `${name}:wait`) > 0 && lengthOf(db, `${name}:active`) === 0)
          return `Jobs of ${shown(name)} wait, and no worker takes one.`
      return undefined
    },
  },
  {
    name: 'RespiteJobsFail',
    severity: 'warning',
    forMs: 0,
    advice: 'Look at the failed jobs of the queue: each has its reason.',
    find: ({ grown }) => {
      const jobs = grown('failedJobs', 15)
      return jobs > FAILED_JOBS ? `${jobs} jobs failed within 15 minutes.` : undefined
    },
  },
  {
    name: 'RespiteReplicaLinkDown',
    severity: 'critical',
    forMs: MINUTE,
    advice:
      'The log of this replica says why each attempt failed. See whether the primary is up, and the password right.',
    find: ({ engine }) => {
      const { following } = engine.parts.replication
      return following?.linkUp === false
        ? `The primary ${following.host}:${following.port} is not heard: the data here is old.`
        : undefined
    },
  },
  {
    name: 'RespiteFullSyncs',
    severity: 'warning',
    forMs: 0,
    advice: 'Set repl-backlog-size or client-output-buffer-limit replica higher: the log names the reason.',
    find: ({ grown }) => {
      const syncs = grown('fullSyncs', 15)
      return syncs > FULL_SYNCS ? `Replicas needed ${syncs} full synchronisations within 15 minutes.` : undefined
    },
  },
  {
    name: 'RespiteLeaseOut',
    severity: 'critical',
    forMs: 15 * SECOND,
    advice: 'Look at the servers of the log, and at the network to them. It goes on by itself.',
    find: ({ engine }) => {
      const { node } = engine.parts.replication
      return node?.state === 'leading' && node.leaseLeftMs === 0
        ? 'This node leads without a lease: its clients wait.'
        : undefined
    },
  },
  {
    name: 'RespiteLogBehind',
    severity: 'warning',
    forMs: 15 * SECOND,
    advice: 'Look at the servers of the log, their disks, and the network to them. log-max-lag bounds the loss.',
    find: ({ engine }) => {
      const { node } = engine.parts.replication
      return node?.state === 'leading' && node.lagMs > LOG_BEHIND_MS
        ? `The log lacks writes of the last ${inSeconds(node.lagMs)}.`
        : undefined
    },
  },
  {
    name: 'RespiteNodeStopped',
    severity: 'critical',
    forMs: 0,
    advice: 'INFO replication has the reason (log_failure); docs/cluster.md lists the reasons.',
    find: ({ engine }) => {
      const { node } = engine.parts.replication
      return node?.state === 'stopped'
        ? `This node has left its log (${node.failure ?? 'no reason is known'}).`
        : undefined
    },
  },
]

function inSeconds(ms: number): string {
  return ms < SECOND ? `${Math.round(ms)} ms` : `${(ms / SECOND).toFixed(1)} s`
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

/** Bytes of a key as text. */
function shown(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8')
}
