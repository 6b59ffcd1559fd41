// /v1/brokers: the nodes of the cluster or of the log, and brokers that `console-brokers` names.
// /v1/stalls: the last times at which all clients waited, with their causes.

import type { Engine } from '../../commands/call.ts'
import { STALL_MS_MIN } from '../../monitoring/stalls.ts'
import { SLOT_COUNT } from '../../util/tables/hash-slot.ts'
import { answerJson, type Console } from './console.ts'
import type { ConsoleRequest, Endpoint } from './endpoint.ts'

export const BROKER_ENDPOINTS: readonly Endpoint[] = [
  {
    method: 'GET',
    path: '/v1/brokers',
    summary: 'Lists the nodes of the cluster or of the log, and other brokers that console-brokers names.',
    answer: {
      brokers: [
        {
          name: 'string',
          url: 'string?',
          address: 'string?',
          role: 'string',
          self: 'boolean',
          state: 'string?',
          lag: 'integer?',
          slots: [['integer']],
        },
      ],
    },
    handle: listBrokers,
  },
  {
    method: 'GET',
    path: '/v1/stalls',
    summary: 'Lists the last stalls of the event loop, with what ran.',
    answer: {
      thresholdMs: 'integer',
      stalls: [{ at: 'integer', ms: 'integer', cause: 'string', what: 'string?', details: 'string?' }],
    },
    handle: listStalls,
  },
]

async function listStalls(console: Console, { exchange, visitor }: ConsoleRequest): Promise<void> {
  // A stall tells the words of a command, as the slow log does.
  await console.checkRight(exchange, visitor, ['SLOWLOG', 'LEN'])
  await console.checkRight(exchange, visitor, ['LATENCY', 'LATEST'])
  answerJson(exchange, { thresholdMs: STALL_MS_MIN, stalls: console.monitor.stalls.newest })
}

async function listBrokers(console: Console, { exchange, visitor }: ConsoleRequest): Promise<void> {
  await console.checkRight(exchange, visitor, ['INFO', 'replication'])
  const { engine } = console
  const nodes = engine.parts.cluster === null ? [itself(engine, exchange.localAddress)] : nodesOf(engine)
  answerJson(exchange, { brokers: [...nodes, ...othersOf(engine)] })
}

function itself({ config, effects, parts: { replication } }: Engine, address: string): object {
  const { following, node } = replication
  const role =
    node === undefined
      ? effects.role.isReplica
        ? 'replica'
        : 'primary'
      : node.state === 'leading'
        ? 'leader'
        : 'follower'
  return {
    name: config.get('cluster-announce-hostname') || address,
    url: null,
    address,
    role,
    self: true,
    state: node?.state ?? (following === undefined ? null : following.linkUp ? 'link up' : 'link down'),
    lag: node === undefined ? null : Math.round(node.lagMs),
    slots: [],
  }
}

function nodesOf({ parts: { cluster } }: Engine): object[] {
  if (cluster === null) return []
  const slots = new Map<object, [number, number][]>()
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const owner = cluster.ownerOf(slot)
    if (owner === undefined) continue
    const ranges = slots.get(owner) ?? []
    const last = ranges.at(-1)
    if (last?.[1] === slot - 1) last[1] = slot
    else ranges.push([slot, slot])
    slots.set(owner, ranges)
  }
  return [...cluster.nodes.values()].map((node) => ({
    name: node.hostname || node.id.slice(0, 8),
    url: null,
    address: node.ip === '' ? null : `${node.ip}:${node.port || node.tlsPort}`,
    role: node.primary === undefined ? 'primary' : 'replica',
    self: node === cluster.myself,
    state: node.health,
    lag: null,
    slots: slots.get(node) ?? [],
  }))
}

/** Words that are no NAME=URL of HTTP are left out: the page makes links of them. */
function othersOf({ config }: Engine): object[] {
  return config
    .get('console-brokers')
    .split(' ')
    .flatMap((word) => {
      const [, name, url] = /^([^=]+)=(https?:\/\/[^\s]+)$/.exec(word) ?? []
      if (name === undefined || url === undefined) return []
      return [{ name, url, address: null, role: 'other', self: false, state: null, lag: null, slots: [] }]
    })
}
