// A subscriber for tests. It remembers received messages as text, and may act while receiving.

import type { Subscriber } from '../../src/broker/subscriber.ts'
import type { Source } from '../../src/util/bytes/bytes.ts'
import { NameSet } from '../../src/util/tables/name-map.ts'

export class FakeSubscriber implements Subscriber {
  readonly name: string
  readonly protocol: 2 | 3
  readonly subscriptions = { channels: new NameSet(), patterns: new NameSet(), shardChannels: new NameSet() }
  /** Messages as `name:payload`, shared by the subscribers whose order matters. */
  readonly log: string[]
  /** The position of each message in its source. */
  readonly places: { source: Source; start: number; end: number }[] = []
  onDelivery: (() => void) | undefined = undefined

  constructor(name: string, log: string[] = [], protocol: 2 | 3 = 2) {
    this.name = name
    this.log = log
    this.protocol = protocol
  }

  deliver(source: Source, start: number, end: number): void {
    this.places.push({ source, start, end })
    this.log.push(`${this.name}:${source.u8.toString('latin1', start, end).split('\r\n').at(-2)}`)
    this.onDelivery?.()
  }

  /** Returns the present bytes of message `index`. */
  bytes(index: number): string {
    const { source, start, end } = this.places[index]!
    return source.u8.toString('latin1', start, end)
  }
}
