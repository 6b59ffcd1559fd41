// Durations, counted so that any percentile is known within one percent: an HDR histogram of
// nanoseconds.
//
// Its buckets are those of Redis's histograms (HdrHistogram, 1 ns to 1 s, two significant digits),
// so the same durations show the same figures. Below 256 ns each nanosecond has a bucket. Above,
// each doubling of the duration has 128 buckets:
//
//   duration     0 … 255   256 … 511   512 … 1023   …   2^29 … 2^30
//   width              1           2            4               2^22
//
// A page holds 128 buckets and is made when the first duration falls into it. A command that always
// takes about the same time has three or four pages, a kilobyte each.

import { numberAt } from '../array-reads.ts'

/** Longer durations count as this. */
const NANOSECONDS_MAX = 1e9
/** Buckets of a page: half of those that two digits need below the first doubling. */
const PAGE_PLACES = 128
const PAGE_BITS = 7
const PAGES = 24
/** The steps of `cumulative` are this many nanoseconds and its doublings. */
const FIRST_STEP_NANOSECONDS = 1024

export class LatencyHistogram {
  /** Number of durations. */
  count = 0
  #last = 0
  readonly #pages: (Float64Array | undefined)[] = new Array(PAGES).fill(undefined)

  /** Counts a duration `times` times. */
  note(nanoseconds: number, times: number): void {
    const value = nanoseconds < 1 ? 1 : nanoseconds > NANOSECONDS_MAX ? NANOSECONDS_MAX : nanoseconds | 0
    this.#last = value
    const shift = shiftOf(value)
    const place = value >> shift
    const page = shift + (place >> PAGE_BITS)
    this.count += times
    const places = this.#pages[page] ?? this.#makePage(page)
    places[place & (PAGE_PLACES - 1)]! += times
  }

  /** Counts more durations in the bucket of the last one. */
  noteLikeLast(times: number): void {
    this.note(this.#last, times)
  }

  #makePage(page: number): Float64Array {
    const places = new Float64Array(PAGE_PLACES)
    this.#pages[page] = places
    return places
  }

  /**
   * Returns the duration in nanoseconds that `percent` percent do not exceed: the longest of its
   * bucket, or for 0 the shortest.
   */
  percentile(percent: number): number {
    const wanted = Math.max(1, Math.floor((percent / 100) * this.count + 0.5))
    let seen = 0
    for (const [shortest, longest, count] of this.#places()) {
      seen += count
      if (seen >= wanted) return percent === 0 ? shortest : longest
    }
    return 0
  }

  /**
   * Iterates the numbers of durations at or below 1024 ns, 2048 ns and so on, where they are more
   * than at the step before.
   *
   * A step counts the whole bucket in which it lies: the bound returned, in nanoseconds, is that
   * bucket's end.
   */
  *cumulative(): Iterable<readonly [nanoseconds: number, count: number]> {
    let step = FIRST_STEP_NANOSECONDS
    let seen = 0
    let told = 0
    for (const [shortest, , count] of this.#places()) {
      // The duration lies in a later bucket than the step, so the durations before it belong to the
      // step.
      while (shortest > step) {
        if (seen > told) yield [endOfStep(step), seen]
        told = seen
        step *= 2
      }
      seen += count
    }
    if (seen > told) yield [endOfStep(step), seen]
  }

  /** Iterates the non-empty buckets, in order: their ends in nanoseconds, and their counts. */
  *#places(): Iterable<readonly [shortest: number, longest: number, count: number]> {
    for (let page = 0; page < PAGES; page++) {
      const places = this.#pages[page]
      if (places === undefined) continue
      const shift = Math.max(0, page - 1)
      const first = page === 0 ? 0 : PAGE_PLACES
      for (let i = 0; i < PAGE_PLACES; i++) {
        const count = numberAt(places, i)
        if (count === 0) continue
        const shortest = (first + i) * 2 ** shift
        yield [shortest, shortest + 2 ** shift - 1, count]
      }
    }
  }
}

/** Returns by how many bits a duration is shifted to be below 256. */
function shiftOf(nanoseconds: number): number {
  return 24 - Math.clz32(nanoseconds | (2 * PAGE_PLACES - 1))
}

/** Returns the end of the bucket in which a step lies. No duration is beyond the last bucket. */
function endOfStep(nanoseconds: number): number {
  return Math.min(nanoseconds + 2 ** shiftOf(nanoseconds), 2 ** (PAGES + PAGE_BITS - 1)) - 1
}
