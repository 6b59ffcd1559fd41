// The names of the keys in which a kept channel's messages lie, and the places of its subscribers.
//
//   channel:{orders.eu}           the messages of a channel       (stream)
//   schannel:{orders.eu}          those of a shard channel        (stream)
//   places:channel:{orders.eu}    how far named subscribers have heard (hash)
//   places:pattern:{orders.*}     the same, of those who listen by a pattern
//   scheduled:channel:{orders.eu}       what is to be published later, by its time (sorted set)
//   scheduled-texts:channel:{orders.eu} the messages themselves, by their ids (hash)
//   ids:channel:{orders.eu}       the ids of messages that were published lately (hash)
//
// The braces have the key lie in the cluster slot of the channel itself. A name that has braces of its own keeps them, behind
// a second colon: `channel::{user1}.mail`, whose slot is that of user1.

import type { ChannelKind, SubscriptionKind } from '../../broker/subscription-kind.ts'

/** Whose messages: a channel's, or a shard channel's. */

/** What is subscribed to. */
export interface Target {
  readonly kind: SubscriptionKind
  readonly name: string
}

const SCHEDULED = 'scheduled:'
const SCHEDULED_TEXTS = 'scheduled-texts:'
const PLACES = 'places:'
const IDS = 'ids:'
/** What stands before the key of a channel's messages in the names of its other keys. */
const BESIDES: readonly string[] = [SCHEDULED, SCHEDULED_TEXTS, IDS]

const WORDS: Readonly<Record<SubscriptionKind, string>> = { channel: 'channel', shard: 'schannel', pattern: 'pattern' }

/** Returns the key of a channel's messages. */
export function logKey(kind: SubscriptionKind, name: string): string {
  const braces = name.includes('{') || name.includes('}')
  return braces ? `${WORDS[kind]}::${name}` : `${WORDS[kind]}:{${name}}`
}

/** Returns the key of what is remembered of those who subscribed to a channel or a pattern. */
export function placesKey(kind: SubscriptionKind, name: string): string {
  return `${PLACES}${logKey(kind, name)}`
}

/** Returns the keys of a channel's scheduled messages: when each is due, and what it says. */
export function scheduledKeys(kind: ChannelKind, name: string): { readonly times: string; readonly texts: string } {
  const key = logKey(kind, name)
  return { times: `${SCHEDULED}${key}`, texts: `${SCHEDULED_TEXTS}${key}` }
}

/** Returns whose scheduled messages lie under a key by their time; undefined = it is the key of something else. */
export function channelOfScheduledKey(key: string): { kind: ChannelKind; name: string } | undefined {
  return key.startsWith(SCHEDULED) ? channelOfKey(key.slice(SCHEDULED.length)) : undefined
}

/** Returns the key of the ids that a channel's messages had lately. */
export function idsKey(kind: ChannelKind, name: string): string {
  return `${IDS}${logKey(kind, name)}`
}

/** Returns whose messages lie under a key; undefined = it is the key of something else. */
export function channelOfKey(key: string): { kind: ChannelKind; name: string } | undefined {
  const kind = key.startsWith('channel:') ? 'channel' : key.startsWith('schannel:') ? 'shard' : undefined
  if (kind === undefined) return undefined
  const name = nameWithin(key.slice(WORDS[kind].length + 1))
  return name === undefined ? undefined : { kind, name }
}

/** Returns the target of remembered places; undefined = it is the key of something else. */
export function targetOfPlacesKey(key: string): Target | undefined {
  if (!key.startsWith(PLACES)) return undefined
  const rest = key.slice(PLACES.length)
  const prefix = `${WORDS.pattern}:`
  if (!rest.startsWith(prefix)) return channelOfKey(rest)
  const name = nameWithin(rest.slice(prefix.length))
  return name === undefined ? undefined : { kind: 'pattern', name }
}

/** Returns the channel or pattern of which a key holds something, messages or anything else; undefined = none. */
export function ownerOfKey(key: string): Target | undefined {
  for (const word of BESIDES) if (key.startsWith(word)) return channelOfKey(key.slice(word.length))
  return targetOfPlacesKey(key) ?? channelOfKey(key)
}

function nameWithin(rest: string): string | undefined {
  if (rest.startsWith(':')) return /[{}]/.test(rest) ? rest.slice(1) : undefined
  const name = rest.slice(1, -1)
  return rest.startsWith('{') && rest.endsWith('}') && !/[{}]/.test(name) ? name : undefined
}
