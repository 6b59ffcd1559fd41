// Publishes gaps on `__gap__:<channel>`. A gap is a stretch of messages that were removed before a
// subscriber read them: how many they are, the id before them and the id behind them. The notice is
// published before the subscriber hears the messages behind the gap. Channels whose names begin
// with `__gap__:` get no such notices: a rule may keep those channels too, and then each gap could
// cause the next.

import { StreamId } from '../../store/stream/stream-id.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import type { ChannelLog } from '../log/channel-log.ts'
import { UNCOUNTED } from '../positions/read-positions.ts'

/** The names of channels that tell of gaps begin so. */
export const GAP_CHANNEL = '__gap__:'

/** A notice: the channel that it is published on, and `<count or ?> <first id> <last id>`. */
export interface GapNotice {
  readonly channel: string
  readonly text: string
}

export class GapNotices {
  readonly #publish: (channel: string, message: Bytes) => void

  constructor(publish: (channel: string, message: Bytes) => void) {
    this.#publish = publish
  }

  /**
   * Publishes that messages are gone which were behind one id and before another: `count` of them,
   * or UNCOUNTED.
   */
  note(log: ChannelLog, count: number, after: StreamId, before: StreamId): void {
    assert(count === UNCOUNTED || count > 0, 'a gap has messages')
    assert(after.compare(before) < 0, 'a gap begins before it ends')
    if (log.name.startsWith(GAP_CHANNEL)) return
    const { channel, text } = gapNotice(log, count, after, before)
    this.#publish(channel, Bytes.from(text))
  }
}

/** Makes the notice of a gap. */
export function gapNotice({ name }: ChannelLog, count: number, after: StreamId, before: StreamId): GapNotice {
  const missing = count === UNCOUNTED ? '?' : count
  return { channel: `${GAP_CHANNEL}${name}`, text: `${missing} ${readable(after)} ${before}` }
}

/**
 * Returns an id, or a lower one that is shorter: the predecessor of `5-0` is
 * `4-18446744073709551615`, and no message of the gap lies between that and `4-0`.
 */
function readable(id: StreamId): StreamId {
  const short = new StreamId().copyFrom(id)
  return id.seqHigh === -1 && id.seqLow === -1 ? short.set(id.msHigh, id.msLow, 0, 0) : short
}
