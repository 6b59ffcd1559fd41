// Publishes gaps on `__gap__:<channel>`. A gap is a stretch of messages that were removed before a
// subscriber read them. Channels whose names begin with `__gap__:` get no such notices: a rule may
// keep those channels too, and then each gap could cause the next.

import type { StreamId } from '../../store/stream/stream-id.ts'
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
  readonly #later: (run: () => void) => void
  /** Notices to publish once the current command is done. */
  #gaps: GapNotice[] = []

  constructor(publish: (channel: string, message: Bytes) => void, later: (run: () => void) => void) {
    this.#publish = publish
    this.#later = later
  }

  /** Queues the notice that messages between two ids are gone: `count` of them, or UNCOUNTED. */
  note(log: ChannelLog, count: number, from: StreamId, to: StreamId): void {
    assert(count === UNCOUNTED || count > 0, 'a gap has messages')
    assert(from.compare(to) <= 0, 'a gap begins before it ends')
    if (log.name.startsWith(GAP_CHANNEL)) return
    if (this.#gaps.length === 0) this.#later(() => this.#tell())
    this.#gaps.push(gapNotice(log, count, from, to))
  }

  #tell(): void {
    const gaps = this.#gaps
    this.#gaps = []
    for (const { channel, text } of gaps) this.#publish(channel, Bytes.from(text))
  }
}

/** Makes the notice of a gap. */
export function gapNotice({ name }: ChannelLog, count: number, from: StreamId, to: StreamId): GapNotice {
  return { channel: `${GAP_CHANNEL}${name}`, text: `${count === UNCOUNTED ? '?' : count} ${from} ${to}` }
}
