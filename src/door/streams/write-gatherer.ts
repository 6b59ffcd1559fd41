// Writes of many streams: a few in a turn of the loop, and those of one stream together.
//
// A write to a socket takes the system 6 us. A message for a thousand streams would hold everyone
// else up for as long as all its writes take, so a turn makes some of them and the next turn goes
// on. A stream that was written to a moment ago waits for the rest of one frame of a screen: a
// stream with a hundred messages a second then takes fifty writes.
//
//   text ─▶ written a moment ago? ─no─▶ room in this turn? ─yes─▶ written
//                 │yes                        │no
//                 ▼                           ▼
//          until the frame is over ───▶ the next turns, in order

import type { Clock, Timer } from '../../util/time/clock.ts'
import { setImmediate } from '../../util/time/real-time.ts'
import type { Outlet } from '../exchanges/exchange.ts'

/** For so long a stream gathers what it has to write: a frame at 60 frames a second, and a bit. */
const FRAME_MS = 20
/** So few streams cost little, and are written to at once. */
const GATHERED_FROM = 64
const WRITES_PER_TURN_MAX = 128
/** A stream that has gathered as much is written to at once. */
const GATHERED_CHARACTERS_MAX = 4096

export class WriteGatherer {
  readonly #clock: Pick<Clock, 'monotonic' | 'after'>
  #outlets = 0
  /** In the order in which their frames end. */
  #framed: GatheredOutlet[] = []
  /** To be written to in this turn or the next ones, in order, from #next on. */
  #due: GatheredOutlet[] = []
  #next = 0
  #writes = 0
  #timer: Timer | undefined = undefined
  #turnEnds = false

  constructor(clock: Pick<Clock, 'monotonic' | 'after'>) {
    this.#clock = clock
  }

  /** Puts an outlet under this order. It leaves when it is closed. */
  gather(outlet: Outlet): Outlet {
    this.#outlets++
    outlet.onClose(() => {
      this.#outlets--
    })
    return new GatheredOutlet(this, outlet)
  }

  get nowMs(): number {
    return this.#clock.monotonic()
  }

  /** Tells whether an outlet may be written to now, and counts the write. */
  admits(writtenMs: number): boolean {
    if (this.#next < this.#due.length || this.#writes >= WRITES_PER_TURN_MAX) return false
    if (this.#outlets >= GATHERED_FROM && this.nowMs - writtenMs < FRAME_MS) return false
    this.#count()
    return true
  }

  /** Has an outlet written to later: when its frame is over, or in the next turn. */
  add(outlet: GatheredOutlet): void {
    const waitMs = outlet.writtenMs + FRAME_MS - this.nowMs
    if (waitMs <= 0 || this.#outlets < GATHERED_FROM) {
      this.#due.push(outlet)
      this.#goOnSoon()
      return
    }
    this.#framed.push(outlet)
    this.#timer ??= this.#clock.after(waitMs, () => this.#endFrames())
  }

  #endFrames(): void {
    this.#timer = undefined
    const now = this.nowMs
    let ended = 0
    for (const outlet of this.#framed) {
      // A timer may fire a fraction of a millisecond early.
      if (outlet.writtenMs + FRAME_MS > now + 1) break
      this.#due.push(outlet)
      ended++
    }
    this.#framed.splice(0, ended)
    const [first] = this.#framed
    if (first !== undefined)
      this.#timer = this.#clock.after(Math.max(1, first.writtenMs + FRAME_MS - now), () => this.#endFrames())
    this.#writeSome()
  }

  #writeSome(): void {
    for (; this.#next < this.#due.length && this.#writes < WRITES_PER_TURN_MAX; this.#next++) {
      this.#count()
      this.#due[this.#next]?.flush()
    }
    if (this.#next < this.#due.length) {
      this.#goOnSoon()
      return
    }
    this.#due = []
    this.#next = 0
  }

  #count(): void {
    this.#writes++
    this.#goOnSoon()
  }

  #goOnSoon(): void {
    if (this.#turnEnds) return
    this.#turnEnds = true
    setImmediate(() => {
      this.#turnEnds = false
      this.#writes = 0
      if (this.#next < this.#due.length) this.#writeSome()
    })
  }
}

/** An outlet whose writes are gathered. */
class GatheredOutlet implements Outlet {
  writtenMs = Number.NEGATIVE_INFINITY
  readonly #gatherer: WriteGatherer
  readonly #outlet: Outlet
  #text = ''
  #drained: (() => void)[] = []

  constructor(gatherer: WriteGatherer, outlet: Outlet) {
    this.#gatherer = gatherer
    this.#outlet = outlet
  }

  /** Without the text that it gathers, which is short: a stream is not slow because of it. */
  get backlogBytes(): number {
    return this.#outlet.backlogBytes
  }

  write(text: string): void {
    const isFirst = this.#text === ''
    this.#text += text
    if (isFirst ? this.#gatherer.admits(this.writtenMs) : this.#text.length > GATHERED_CHARACTERS_MAX) this.flush()
    else if (isFirst) this.#gatherer.add(this)
  }

  /** Writes what was gathered. */
  flush(): void {
    const text = this.#text
    if (text === '') return
    this.#text = ''
    this.writtenMs = this.#gatherer.nowMs
    this.#outlet.write(text)
    const drained = this.#drained
    if (drained.length === 0) return
    this.#drained = []
    for (const tell of drained) this.#outlet.whenDrained(tell)
  }

  whenDrained(tell: () => void): void {
    if (this.#text === '') this.#outlet.whenDrained(tell)
    else this.#drained.push(tell)
  }

  onClose(run: () => void): void {
    this.#outlet.onClose(run)
  }

  end(when: 'flushed' | 'now'): void {
    if (when === 'flushed') this.flush()
    else this.#text = ''
    this.#outlet.end(when)
  }
}
