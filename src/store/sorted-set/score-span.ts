// Members that are next to each other in the order of a sorted set, as many as lie together in
// memory.
//
// A search over thousands of scores (geo) reads them here in a loop of its own, and asks the set
// for the few members that it wants by their handles. Valid until the set changes.

/** Bytes of a score and of a handle. */
const ITEM_BYTES = 12
const NOWHERE: DataView = new DataView(new ArrayBuffer(0))

export class ScoreSpan {
  /**
   * Scores are doubles from byte `scoresAt` on; the handles of their members are 32-bit numbers
   * from `handlesAt` on.
   */
  view: DataView = NOWHERE
  scoresAt = 0
  handlesAt = 0
  count = 0
  /** The leaf of the tree in which the run lies; 0 for a copy. */
  leaf = 0

  score(i: number): number {
    return this.view.getFloat64(this.scoresAt + 8 * i, true)
  }

  handle(i: number): number {
    return this.view.getInt32(this.handlesAt + 4 * i, true)
  }

  /** Allocates memory for up to `count` members. There are none in it yet. */
  open(count: number): void {
    this.view = new DataView(new ArrayBuffer(ITEM_BYTES * count))
    this.scoresAt = 0
    this.handlesAt = 8 * count
    this.count = 0
    this.leaf = 0
  }

  add(score: number, place: number): void {
    this.view.setFloat64(this.scoresAt + 8 * this.count, score, true)
    this.view.setInt32(this.handlesAt + 4 * this.count, place, true)
    this.count++
  }

  /** Releases the memory. */
  close(): void {
    this.view = NOWHERE
    this.count = 0
  }
}
