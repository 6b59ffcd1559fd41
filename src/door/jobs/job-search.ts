// Searches the jobs of a queue, a slice of jobs at a time: others are served between two slices.
//
// A slice asks for the fields that the search is about. Its replies are looked through as one text;
// only where all words occur somewhere are they taken apart. The size of a slice follows the time
// that the last one took.

import { performance, setImmediate } from '../../util/time/real-time.ts'
import { DELAYED_SCORE_UNIT, type JobState, keyOf, type QueueName, STATES } from './queue-keys.ts'
import type { RawAsker, RawWords } from './raw-client.ts'
import { errorIn, isError, stringsIn } from './reply-bytes.ts'

/** A search: what is absent matches every job. Texts are UTF-8; capitals count as small letters. */
export interface JobFilters {
  readonly states: readonly JobState[]
  /** A part of the name, the data, the failed reason or the value. */
  readonly text: string | undefined
  /** The whole name. */
  readonly name: string | undefined
  readonly data: string | undefined
  readonly reason: string | undefined
  /**
   * Unix milliseconds: of a completed or failed job when it finished, of any other when it was
   * made.
   */
  readonly from: number | undefined
  readonly to: number | undefined
  readonly newestFirst: boolean
}

export interface FoundJob {
  /** As latin1. */
  readonly id: string
  readonly state: JobState
  /** The number of jobs of its state up to this one. */
  readonly at: number
}

/** A step of a search: the jobs that it has found since the last one, and how far it is. */
export interface SearchStep {
  readonly found: readonly FoundJob[]
  readonly looked: number
  readonly of: number
  /** Goes on behind this step. */
  readonly cursor: SearchCursor
}

/** A place in a search: a state, and how many jobs of it were looked at. */
export interface SearchCursor {
  readonly state: JobState
  readonly at: number
}

const SLICE_JOBS_MIN = 8
const SLICE_JOBS_MAX = 1000
const SLICE_JOBS = 100
/** The time that one slice should take. */
const SLICE_MS = 2
const SLICE_BYTES_MAX = 4 * 1024 * 1024
/** The fields that are looked at, in the order of a row. */
const FIELDS = ['name', 'data', 'failedReason', 'returnvalue', 'timestamp'] as const
const TEXT_FIELDS = ['name', 'data', 'failedReason', 'returnvalue'] as const

type Field = (typeof FIELDS)[number]

export class JobSearch {
  readonly #asker: RawAsker
  /** The beginning of the queue's keys, as latin1. */
  readonly #base: string
  readonly #filters: JobFilters
  readonly #begin: SearchCursor | undefined
  readonly #fields: readonly Field[]
  readonly #needles: readonly string[]
  #sliceJobs = SLICE_JOBS

  constructor(asker: RawAsker, queue: QueueName, filters: JobFilters, begin?: SearchCursor) {
    this.#asker = asker
    this.#base = keyOf({ prefix: latin1Of(queue.prefix), name: latin1Of(queue.name) }, '')
    this.#filters = filters
    this.#begin = begin
    this.#fields = FIELDS.filter((field) => isAskedFor(field, filters))
    const { data, name, reason, text } = filters
    this.#needles = [text, name, data, reason].filter((each) => each !== undefined).map(folded)
  }

  /** Searches. Rejects with HttpError. */
  async *steps(): AsyncGenerator<SearchStep, void> {
    const { states } = this.#filters
    const lengths = await this.#lengths()
    const of = lengths.reduce((sum, length) => sum + length, 0)
    const first = this.#begin === undefined ? 0 : Math.max(0, states.indexOf(this.#begin.state))
    let looked = lengths.slice(0, first).reduce((sum, length) => sum + length, 0)
    for (const [i, state] of states.entries()) {
      if (i < first) continue
      let at = i === first ? (this.#begin?.at ?? 0) : 0
      looked += at
      const length = lengths[i] ?? 0
      while (at < length) {
        const started = performance.now()
        const ids = await this.#idsOf(state, at)
        if (ids.length === 0) break
        const found = await this.#matching(state, ids, at)
        at += ids.length
        looked += ids.length
        yield { found, looked: Math.min(looked, of), of, cursor: { state, at } }
        this.#pace(performance.now() - started)
        await new Promise<void>((resolve) => setImmediate(resolve))
      }
    }
  }

  /** The number of jobs of each state; those that finished out of the time do not count. */
  async #lengths(): Promise<number[]> {
    const commands = this.#filters.states.map((state): RawWords => {
      const { key, type } = STATES[state]
      const name = this.#key(key)
      if (type === 'list') return ['LLEN', name]
      return this.#isByTime(state) ? ['ZCOUNT', name, ...this.#range()] : ['ZCARD', name]
    })
    const { bytes, starts } = await this.#asker.ask(commands)
    return starts.map((start) => Number(stringsIn(bytes, start)[0]))
  }

  /** Tells whether the times of a state are its scores. */
  #isByTime(state: JobState): boolean {
    const { from, to } = this.#filters
    return (state === 'completed' || state === 'failed') && (from !== undefined || to !== undefined)
  }

  #range(): [string, string] {
    const { from, to } = this.#filters
    return [from === undefined ? '-inf' : String(from), to === undefined ? '+inf' : String(to)]
  }

  async #idsOf(state: JobState, at: number): Promise<string[]> {
    const { bytes, starts } = await this.#asker.ask([this.#idsCommand(state, at)])
    const ids = stringsIn(bytes, starts[0] ?? 0).filter((id) => id !== undefined)
    return STATES[state].type === 'list' && !this.#filters.newestFirst ? ids.reverse() : ids
  }

  /** Lists have the newest job first; sorted sets have the lowest score first. */
  #idsCommand(state: JobState, at: number): RawWords {
    const { key, type } = STATES[state]
    const name = this.#key(key)
    const { newestFirst } = this.#filters
    const count = this.#sliceJobs
    if (type === 'list') {
      const [first, last] = newestFirst ? [at, at + count - 1] : [-at - count, -at - 1]
      return ['LRANGE', name, String(first), String(last)]
    }
    if (!this.#isByTime(state)) return [newestFirst ? 'ZREVRANGE' : 'ZRANGE', name, String(at), String(at + count - 1)]
    const [from, to] = this.#range()
    const limit = ['LIMIT', String(at), String(count)]
    return newestFirst ? ['ZREVRANGEBYSCORE', name, to, from, ...limit] : ['ZRANGEBYSCORE', name, from, to, ...limit]
  }

  async #matching(state: JobState, ids: readonly string[], at: number): Promise<FoundJob[]> {
    const fields = this.#fields
    const wantsTime = fields.includes('timestamp') && !this.#isByTime(state)
    if (this.#needles.length === 0 && !wantsTime) return ids.map((id, i) => ({ id, state, at: at + i + 1 }))
    const commands = ids.map((id): RawWords => ['HMGET', this.#key(id), ...fields])
    const { bytes, starts } = await this.#asker.ask(commands)
    if (bytes.length > SLICE_BYTES_MAX) this.#sliceJobs = Math.max(SLICE_JOBS_MIN, this.#sliceJobs >> 1)
    const first = starts[0] ?? 0
    if (isError(bytes, first)) throw errorIn(bytes, first)
    const found: FoundJob[] = []
    for (const i of this.#candidates(bytes, starts)) {
      if (this.#matches(stringsIn(bytes, starts[i] ?? 0), wantsTime))
        found.push({ id: ids[i] ?? '', state, at: at + i + 1 })
    }
    return found
  }

  /** The replies in which the first word occurs; all, where no word is searched for. */
  *#candidates(bytes: Buffer, starts: readonly number[]): Iterable<number> {
    const [needle] = this.#needles
    if (needle === undefined) {
      yield* starts.keys()
      return
    }
    const text = lowered(bytes.toString('latin1'))
    if (this.#needles.some((each) => !text.includes(each))) return
    let i = 0
    for (let at = text.indexOf(needle); at >= 0; ) {
      while (i + 1 < starts.length && (starts[i + 1] ?? 0) <= at) i++
      yield i
      i++
      const next = starts[i]
      if (next === undefined) return
      at = text.indexOf(needle, next)
    }
  }

  #matches(values: readonly (string | undefined)[], wantsTime: boolean): boolean {
    const { data, from = 0, name, reason, text, to = Number.POSITIVE_INFINITY } = this.#filters
    const of = (field: Field): string | undefined => values[this.#fields.indexOf(field)]
    // Bytes beyond ASCII may look alike when they are lowered, so the texts themselves decide.
    const has = (field: Field, part: string): boolean =>
      utf8Of(of(field) ?? '')
        .toLowerCase()
        .includes(part.toLowerCase())
    if (wantsTime && !(Number(of('timestamp')) >= from && Number(of('timestamp')) <= to)) return false
    if (name !== undefined && of('name') !== latin1Of(name)) return false
    if (data !== undefined && !has('data', data)) return false
    if (reason !== undefined && !has('failedReason', reason)) return false
    return text === undefined || TEXT_FIELDS.some((field) => has(field, text))
  }

  #pace(tookMs: number): void {
    const factor = Math.min(2, Math.max(0.5, SLICE_MS / Math.max(0.01, tookMs)))
    this.#sliceJobs = Math.min(SLICE_JOBS_MAX, Math.max(SLICE_JOBS_MIN, Math.round(this.#sliceJobs * factor)))
  }

  #key(key: string): string {
    return this.#base + key
  }
}

function isAskedFor(field: Field, { data, from, name, reason, text, to }: JobFilters): boolean {
  switch (field) {
    case 'name':
      return name !== undefined || text !== undefined
    case 'data':
      return data !== undefined || text !== undefined
    case 'failedReason':
      return reason !== undefined || text !== undefined
    case 'returnvalue':
      return text !== undefined
    default:
      return from !== undefined || to !== undefined
  }
}

/**
 * The form in which texts are compared: bytes as latin1, in which ASCII's capitals are small
 * letters.
 */
function folded(text: string): string {
  return lowered(latin1Of(text))
}

/** Bytes beyond ASCII change alike in both texts that are compared. */
function lowered(latin1: string): string {
  return latin1.toLowerCase()
}

function latin1Of(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

function utf8Of(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8')
}

/** The time at which a delayed job is due. */
export function dueOf(score: number): number {
  return Math.floor(score / DELAYED_SCORE_UNIT)
}
