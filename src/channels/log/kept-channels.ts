// The channels that have kept messages, for CHANNEL LIST.
//
// The server that takes writes has a log for each of them. A replica or a follower has none: no
// rule is in force there. It finds them in the data, and looks at every key of the database for
// that, as KEYS does.

import type { ChannelKind } from '../../broker/subscription-kind.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { channelOfKey } from './channel-keys.ts'
import { streamUnder } from './channel-log.ts'
import type { ChannelLogs } from './channel-logs.ts'

export interface KeptChannel {
  readonly kind: ChannelKind
  readonly name: string
}

/** Yields the channels that have messages, by their logs. */
export function* keptInLogs(logs: ChannelLogs): Iterable<KeptChannel> {
  for (const log of logs.all()) if (log.keeps && log.stream !== undefined && log.stream.length > 0) yield log
}

/**
 * Yields the channels that have messages, by the keys of the database. `keeps` tells whether a rule
 * keeps a channel's messages.
 */
export function* keptInData(db: Database, keeps: (channel: Bytes) => boolean): Iterable<KeptChannel> {
  const key = new Bytes()
  for (let entry = 0; entry < db.keys.entriesEnd; entry++) {
    if (!db.keys.isLive(entry)) continue
    if (db.keys.keyOf(entry, key).length === 0) continue
    const first = key.at(0)
    if (first !== LETTER_C && first !== LETTER_S) continue
    const channel = channelOfKey(key.toString())
    if (channel === undefined || !keeps(Bytes.from(channel.name))) continue
    const stream = streamUnder(db, key)
    if (stream !== undefined && stream.length > 0) yield channel
  }
}

const LETTER_C = 0x63
const LETTER_S = 0x73
