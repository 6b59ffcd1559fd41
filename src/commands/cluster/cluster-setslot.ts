// CLUSTER SETSLOT: how a slot moves. MIGRATE moves its keys meanwhile, called by another program.
//
//   target   SETSLOT s IMPORTING source      serves the slot to clients that send ASKING
//   source   SETSLOT s MIGRATING target      redirects clients that ask for keys that have moved
//   both     SETSLOT s NODE target           the slot is the target's
//   either   SETSLOT s STABLE                nothing moves

import type { ClusterNode } from '../../engine/cluster-view/cluster-view.ts'
import { ERR } from '../../protocol/errors.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { clusterOf, countKeys, mapOf, nodeAt, slotAt } from './cluster-arguments.ts'

const ACTION_AT = 3
const NODE_AT = 4
const REPLICA = ERR.of('You can use SETSLOT only with masters.')
const NOT_A_MASTER = ERR.of('Target node is not a master')
const INVALID_ACTION = ERR.of('Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP')

export const clusterSetslot = defineCommand({
  name: 'CLUSTER SETSLOT',
  summary: 'Gives a slot to a node, or lets its keys move.',
  group: 'cluster',
  since: '3.0.0',
  complexity: 'O(1)',
  arity: -4,
  flags: ['admin', 'stale', 'no_async_loading'],
  args: [
    { name: 'slot', type: 'integer' },
    {
      name: 'subcommand',
      type: 'oneof',
      args: [
        { name: 'importing', type: 'string', token: 'IMPORTING', shown: 'node-id' },
        { name: 'migrating', type: 'string', token: 'MIGRATING', shown: 'node-id' },
        { name: 'node', type: 'string', token: 'NODE', shown: 'node-id' },
        { name: 'stable', type: 'pure-token', token: 'STABLE' },
      ],
    },
  ],
  reply: 'status: OK',
  run(call) {
    const cluster = clusterOf(call)
    if (cluster.myself.primary !== undefined) throw REPLICA
    const slot = slotAt(call, 2)
    const { args } = call
    const namesNode = args.length === NODE_AT + 1
    if (namesNode && args.equalsIgnoreCase(ACTION_AT, 'MIGRATING')) migrate(call, slot)
    else if (namesNode && args.equalsIgnoreCase(ACTION_AT, 'IMPORTING')) receive(call, slot)
    else if (namesNode && args.equalsIgnoreCase(ACTION_AT, 'NODE')) settle(call, slot)
    else if (args.length === NODE_AT && args.equalsIgnoreCase(ACTION_AT, 'STABLE')) mapOf(cluster).close(slot)
    else throw INVALID_ACTION
    call.reply.ok()
  },
})

function migrate(call: Call, slot: number): void {
  const cluster = clusterOf(call)
  if (cluster.ownerOf(slot) !== cluster.myself) throw ERR.of(`I'm not the owner of hash slot ${slot}`)
  const node = primaryAt(call, "I don't know about node")
  mapOf(cluster).open(slot, 'migrating', node)
}

function receive(call: Call, slot: number): void {
  const cluster = clusterOf(call)
  if (cluster.ownerOf(slot) === cluster.myself) throw ERR.of(`I'm already the owner of hash slot ${slot}`)
  const node = primaryAt(call, "I don't know about node")
  mapOf(cluster).open(slot, 'importing', node)
}

function settle(call: Call, slot: number): void {
  const cluster = clusterOf(call)
  const node = primaryAt(call)
  const isEmpty = countKeys(call, slot) === 0
  if (cluster.ownerOf(slot) === cluster.myself && node !== cluster.myself && !isEmpty) {
    throw ERR.of(`Can't assign hashslot ${slot} to a different node while I still hold keys for this hash slot.`)
  }
  mapOf(cluster).settle(slot, node, isEmpty)
}

function primaryAt(call: Call, unknown?: string): ClusterNode {
  const node = nodeAt(call, NODE_AT, unknown)
  if (node.primary !== undefined) throw NOT_A_MASTER
  return node
}
