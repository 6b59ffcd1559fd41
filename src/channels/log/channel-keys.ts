// The names of the keys that hold a kept channel's messages, read positions, schedule and recent
// ids.
//
//   channel:{orders.eu}           the messages of a channel                        (stream)
//   schannel:{orders.eu}          the messages of a shard channel                  (stream)
//   places:channel:{orders.eu}    the read positions of named subscribers          (hash)
//   places:pattern:{orders.*}     the same, for subscribers of a pattern           (hash)
//   scheduled:channel:{orders.eu}       when each scheduled message is due   (sorted set)
//   scheduled-texts:channel:{orders.eu} the scheduled messages, by their ids       (hash)
//   ids:channel:{orders.eu}       the ids of recently published messages           (hash)
//
// The braces put the key in the cluster slot of the channel itself. A name with braces of its own
// keeps them behind a second colon: `channel::{user1}.mail` lies in the slot of user1.

import type { ChannelKind, SubscriptionKind } from '../../broker/subscription-kind.ts'

/** A channel or a pattern that clients subscribe to. */
export interface Target {
  readonly kind: SubscriptionKind
  readonly name: string
}

const SCHEDULED = 'scheduled:'
const SCHEDULED_TEXTS = 'scheduled-texts:'
const POSITIONS = 'places:'
const IDS = 'ids:'
/** Prefixes of a channel's other keys; each stands before the key of its messages. */
const BESIDES: readonly string[] = [SCHEDULED, SCHEDULED_TEXTS, IDS]

const WORDS: Readonly<Record<SubscriptionKind, string>> = { channel: 'channel', shard: 'schannel', pattern: 'pattern' }

/** Returns the key of a channel's messages. */
export function logKey(kind: SubscriptionKind, name: string): string {
  const braces = name.includes('{') || name.includes('}')
  return braces ? `${WORDS[kind]}::${name}` : `${WORDS[kind]}:{${name}}`
}

/** Returns the key of the read positions of a channel's or pattern's named subscribers. */
export function positionsKey(kind: SubscriptionKind, name: string): string {
  return `${POSITIONS}${logKey(kind, name)}`
}

/** Returns the keys of a channel's scheduled messages: their due times and their texts. */
export function scheduledKeys(kind: ChannelKind, name: string): { readonly times: string; readonly texts: string } {
  const key = logKey(kind, name)
  return { times: `${SCHEDULED}${key}`, texts: `${SCHEDULED_TEXTS}${key}` }
}

/**
 * Returns the channel whose due times lie under a key; undefined when the key holds something else.
 */
export function channelOfScheduledKey(key: string): { kind: ChannelKind; name: string } | undefined {
  return key.startsWith(SCHEDULED) ? channelOfKey(key.slice(SCHEDULED.length)) : undefined
}

/** Returns the key of the ids of a channel's recent messages. */
export function idsKey(kind: ChannelKind, name: string): string {
  return `${IDS}${logKey(kind, name)}`
}

/**
 * Returns the channel whose messages lie under a key; undefined when the key holds something else.
 */
export function channelOfKey(key: string): { kind: ChannelKind; name: string } | undefined {
  const kind = key.startsWith('channel:') ? 'channel' : key.startsWith('schannel:') ? 'shard' : undefined
  if (kind === undefined) return undefined
  const name = nameWithin(key.slice(WORDS[kind].length + 1))
  return name === undefined ? undefined : { kind, name }
}

/**
 * Returns the target whose read positions lie under a key; undefined when it holds something else.
 */
export function targetOfPositionsKey(key: string): Target | undefined {
  if (!key.startsWith(POSITIONS)) return undefined
  const rest = key.slice(POSITIONS.length)
  const prefix = `${WORDS.pattern}:`
  if (!rest.startsWith(prefix)) return channelOfKey(rest)
  const name = nameWithin(rest.slice(prefix.length))
  return name === undefined ? undefined : { kind: 'pattern', name }
}

/**
 * Returns the channel or pattern that a key belongs to, whatever the key holds; undefined when it
 * belongs to none.
 */
export function ownerOfKey(key: string): Target | undefined {
  for (const word of BESIDES) if (key.startsWith(word)) return channelOfKey(key.slice(word.length))
  return targetOfPositionsKey(key) ?? channelOfKey(key)
}

function nameWithin(rest: string): string | undefined {
  if (rest.startsWith(':')) return /[{}]/.test(rest) ? rest.slice(1) : undefined
  const name = rest.slice(1, -1)
  return rest.startsWith('{') && rest.endsWith('}') && !/[{}]/.test(name) ? name : undefined
}
