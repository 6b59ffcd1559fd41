// The target of a follower's redirections: the door of the node that takes writes, if it is known.
//
// Nodes tell each other the addresses of their data, not of their doors. So all doors of a cluster
// must have the same port.

import { logKey } from '../../channels/log/channel-keys.ts'
import type { Engine } from '../../commands/call.ts'
import { preferredEndpoint } from '../../engine/cluster-view/node-address.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { hashSlotOf } from '../../util/tables/hash-slot.ts'
import { statusOf } from '../clients/error-status.ts'
import type { Exchange } from '../exchanges/exchange.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { latin1Of } from './names.ts'

const SEVERAL_SHARDS = 'the kept channels of a stream lie in one shard: give them a hash tag in common, as in {chat}.1'

/**
 * Returns the address of the leader's door; undefined if it is unknown. `refusal` is this node's
 * reply.
 */
export function leaderDoor(engine: Engine, exchange: Exchange, refusal: string): string | undefined {
  const address = refusal.startsWith('MOVED ') ? refusal.split(' ')[2] : leaderAddress(engine)
  const host = address?.replace(/:\d+$/, '')
  if (host === undefined || host === '') return undefined
  const port = engine.config.get(exchange.isEncrypted ? 'http-tls-port' : 'http-port')
  if (port === 0) return undefined
  const isBare = host.includes(':') && !host.startsWith('[')
  return `${exchange.isEncrypted ? 'https' : 'http'}://${isBare ? `[${host}]` : host}:${port}`
}

/**
 * Throws HttpError at a node that follows another: a message that is published here would be heard
 * here alone. Nodes of a cluster tell each other of messages themselves.
 */
export function checkLeads(engine: Engine, exchange: Exchange): void {
  if (engine.effects.role.isReplica && !engine.config.get('cluster-enabled'))
    throw elsewhere(engine, exchange, "READONLY You can't write against a read only replica.")
}

/**
 * Throws HttpError if the kept channels of a stream lie in another shard, which alone knows what was
 * missed, or in several.
 */
export function checkShard(engine: Engine, exchange: Exchange, names: readonly string[]): void {
  const { channels, cluster } = engine.parts
  if (cluster === null) return
  const kept = names.map(latin1Of).filter((name) => channels.keeps(Bytes.from(name)))
  const slots = kept.map((name) => hashSlotOf(Bytes.from(logKey('channel', name))))
  const [slot] = slots
  if (slot === undefined) return
  const owner = cluster.ownerOf(slot)
  if (slots.some((each) => cluster.ownerOf(each) !== owner)) throw new HttpError(400, SEVERAL_SHARDS)
  if (owner === undefined) throw new HttpError(503, 'CLUSTERDOWN Hash slot not served')
  if (owner === cluster.myself || owner === cluster.myself.primary) return
  throw elsewhere(engine, exchange, `MOVED ${slot} ${preferredEndpoint(owner, engine.config) ?? ''}:${owner.port}`)
}

/** Returns the answer to a request that this node refused: 307 with the leader's door, where it is known. */
export function elsewhere(engine: Engine, exchange: Exchange, refusal: string): HttpError {
  const door = isElsewhere(refusal) ? leaderDoor(engine, exchange, refusal) : undefined
  if (door === undefined) return new HttpError(statusOf(refusal), refusal)
  const query = exchange.query.size === 0 ? '' : `?${exchange.query.toString()}`
  return new HttpError(307, refusal, { Location: `${door}${exchange.path}${query}` })
}

/** Returns true if a node's reply says that another node takes writes. */
function isElsewhere(refusal: string): boolean {
  return refusal.startsWith('READONLY ') || refusal.startsWith('MOVED ')
}

function leaderAddress({ parts: { replication } }: Engine): string | undefined {
  const node = replication?.node
  if (node !== undefined) return node.leaderAddress
  const following = replication?.following
  return following === undefined ? undefined : `${following.host}:${following.port}`
}
