// Gaps: messages that have gone before a subscriber read them. They are told on `__gap__:<channel>`. Of a channel that tells of gaps
// none are told: where a rule keeps those channels, too, each gap could be the cause of the next.

import type { StreamId } from '../../store/stream/stream-id.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import type { ChannelLog } from '../log/channel-log.ts'
import { UNCOUNTED } from '../positions/read-positions.ts'

const CHANNEL = '__gap__:'

export class GapNotices {
  readonly #publish: (channel: string, message: Bytes) => void
  readonly #later: (run: () => void) => void
  /** Gaps to be told of when nobody is in the middle of something. */
  #gaps: { channel: string; text: string }[] = []

  constructor(publish: (channel: string, message: Bytes) => void, later: (run: () => void) => void) {
    this.#publish = publish
    this.#later = later
  }

  /** Has it told that messages have gone: `count` of them, UNCOUNTED = not known, from one id to another. */
  note({ name }: ChannelLog, count: number, from: StreamId, to: StreamId): void {
    if (name.startsWith(CHANNEL)) return
    if (this.#gaps.length === 0) this.#later(() => this.#tell())
    this.#gaps.push({ channel: `${CHANNEL}${name}`, text: `${count === UNCOUNTED ? '?' : count} ${from} ${to}` })
  }

  #tell(): void {
    const gaps = this.#gaps
    this.#gaps = []
    for (const { channel, text } of gaps) this.#publish(channel, Bytes.from(text))
  }
}
