// SENTINEL MASTERS, MASTER, REPLICAS, SLAVES, SENTINELS: nodes of the shard, each as names and
// values. Fields that need a pinging Sentinel are reported as if the node had just answered.

import type { SentinelNode, SentinelView } from '../../engine/cluster-view/sentinel-view.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { ipOf, isOffered, namedShard, portOf, shardOf } from './shard-arguments.ts'

/** Sentinel's defaults, which tools show. */
const DOWN_AFTER_MS = 30_000
const FAILOVER_TIMEOUT_MS = 180_000

type Fields = readonly (readonly [string, string | number])[]

function reply(call: Call, fields: Fields): void {
  call.reply.map(fields.length)
  for (const [name, value] of fields) {
    call.reply.text(name)
    call.reply.text(String(value))
  }
}

function common(call: Call, node: SentinelNode, name: string, role: string): Fields {
  return [
    ['name', name],
    ['ip', ipOf(call, node)],
    ['port', portOf(call, node)],
    ['runid', node.id],
    ['flags', node.isUp ? role : `s_down,${role}`],
    ['link-pending-commands', 0],
    ['link-refcount', 1],
    ['last-ping-sent', 0],
    ['last-ok-ping-reply', 0],
    ['last-ping-reply', 0],
    ['down-after-milliseconds', DOWN_AFTER_MS],
  ]
}

function replyPrimary(call: Call, shard: SentinelView): void {
  reply(call, [
    ...common(call, shard.primary, shard.name, 'master'),
    ['info-refresh', 0],
    ['role-reported', 'master'],
    ['role-reported-time', 0],
    ['config-epoch', shard.epoch],
    ['num-slaves', shard.replicas.length],
    ['num-other-sentinels', shard.others.length],
    ['quorum', 1 + Math.floor((1 + shard.others.length) / 2)],
    ['failover-timeout', FAILOVER_TIMEOUT_MS],
    ['parallel-syncs', 1],
  ])
}

function nameOf(call: Call, node: SentinelNode): string {
  return `${ipOf(call, node)}:${portOf(call, node)}`
}

function replyReplicas(call: Call): void {
  const shard = namedShard(call)
  const { primary, replicas } = shard
  call.reply.array(replicas.length)
  for (const replica of replicas) {
    reply(call, [
      ...common(call, replica, nameOf(call, replica), 'slave'),
      ['info-refresh', 0],
      ['role-reported', 'slave'],
      ['role-reported-time', 0],
      ['master-link-down-time', 0],
      ['master-link-status', replica.isUp ? 'ok' : 'err'],
      ['master-host', ipOf(call, primary)],
      ['master-port', portOf(call, primary)],
      ['slave-priority', replica.priority],
      ['slave-repl-offset', replica.replicationOffset],
      ['replica-announced', 1],
    ])
  }
}

const spec = {
  group: 'sentinel',
  flags: ['admin'],
  complexity: 'O(N) with N nodes',
  isOffered,
} as const satisfies Partial<CommandSpec>

const ofMaster = {
  ...spec,
  arity: 3,
  args: [{ name: 'master-name', type: 'string' }],
} as const satisfies Partial<CommandSpec>

export const sentinelMasters = defineCommand({
  ...spec,
  name: 'SENTINEL MASTERS',
  summary: 'Describes the primary of the shard.',
  since: '2.8.4',
  arity: 2,
  reply: 'array: a map for each, of which there is one',
  run(call) {
    const shard = shardOf(call)
    call.reply.array(1)
    replyPrimary(call, shard)
  },
})

export const sentinelMaster = defineCommand({
  ...ofMaster,
  name: 'SENTINEL MASTER',
  summary: 'Describes the primary of the shard of that name.',
  since: '2.8.4',
  reply: 'map: names and values',
  run: (call) => replyPrimary(call, namedShard(call)),
})

export const sentinelReplicas = defineCommand({
  ...ofMaster,
  name: 'SENTINEL REPLICAS',
  summary: 'Describes the replicas of the shard of that name.',
  since: '5.0.0',
  reply: 'array: a map for each',
  run: replyReplicas,
})

export const sentinelSlaves = defineCommand({
  ...ofMaster,
  name: 'SENTINEL SLAVES',
  summary: 'Describes the replicas of the shard of that name.',
  since: '2.8.0',
  deprecated: { since: '5.0.0', instead: '`SENTINEL REPLICAS`' },
  reply: 'array: a map for each',
  run: replyReplicas,
})

export const sentinelSentinels = defineCommand({
  ...ofMaster,
  name: 'SENTINEL SENTINELS',
  summary: 'Describes the other nodes that can be asked.',
  since: '2.8.4',
  reply: 'array: a map for each',
  run(call) {
    const { others } = namedShard(call)
    call.reply.array(others.length)
    for (const other of others) {
      reply(call, [
        ...common(call, other, other.id || nameOf(call, other), 'sentinel'),
        ['last-hello-message', 0],
        ['voted-leader', '?'],
        ['voted-leader-epoch', 0],
      ])
    }
  },
})
