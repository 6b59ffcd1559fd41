// A replicated log in etcd: one key for each batch, and one key with the last position, which every
// append compares and sets.
//
//   append     a transaction: if the last position is the expected one, put batches and the new
//              position
//   lead       the same, and puts the leader's key; later appends of this client compare its
//              revision
//   at         one key
//   bounds     two keys, read at one revision
//   read       keys in order of position, then a watch from the revision read; starts again when it
//              ends
//   truncate   deletes keys and compacts the revisions before, so that their space can be used
//              again
//
// Requests to etcd may overtake each other, so only one transaction of appends is in flight at a
// time. Appends that arrive meanwhile form the next transaction, with several batches. That is also
// faster than one transaction for each batch (docs/decisions/0033-which-log.md).

import { itemAt } from '../../util/array-reads.ts'
import { sleep } from '../../util/time/real-time.ts'
import {
  Fenced,
  Gap,
  LogAway,
  type LogBounds,
  type LogEntry,
  type LogError,
  type ReplicatedLog,
  Truncated,
} from '../log.ts'
import { LogUnfit } from '../log-unfit.ts'
import { compactBefore } from './compaction.ts'
import { EtcdMessaging } from './etcd-messaging.ts'
import { appendFailure, failure } from './failures.ts'
import { EtcdGateway } from './gateway.ts'
import { decodePosition, encodePosition, type KeyRange, LogKeys } from './keys.ts'
import type { EtcdOptions } from './options.ts'
import { withdrawSpaceAlarm } from './space.ts'
import { type KeyValue, watchPuts } from './watch.ts'

/** etcd accepts requests of up to 1.5 MiB; the rest is for keys. */
const BATCH_BYTES_MAX = 1024 * 1024
/** Batches in one transaction: etcd accepts 128 operations. */
const GROUP_BATCHES_MAX = 64
const IN_FLIGHT_MAX = 16
/** Batches that a reader requests at once. */
const PAGE_BATCHES = 16
const READ_RETRY_MS = 100
/** Keys deleted by one request: etcd does nothing else meanwhile. */
const DELETED_MAX = 1_000
const VERSION_NEEDED = [3, 4] as const
/** Members that are known to be down are counted as well. */
const MEMBERS_NEEDED = 3

interface Range {
  readonly kvs?: readonly KeyValue[]
}

interface RangeAnswer extends Range {
  readonly header: { readonly revision: string }
}

interface TransactionAnswer {
  readonly header: { readonly revision: string }
  readonly succeeded?: boolean
  readonly responses?: readonly { readonly response_range?: Range }[]
}

/** An append that waits or is in flight. */
interface Append {
  readonly batch: Uint8Array
  readonly expected: number
  readonly leads: boolean
  readonly resolve: (position: number) => void
  readonly reject: (error: LogError) => void
}

/**
 * Opens a log. Throws `LogUnfit` when etcd is too old or has too few members, `LogAway` when it
 * does not answer.
 */
export async function openEtcdLog(options: EtcdOptions): Promise<ReplicatedLog> {
  const gateway = new EtcdGateway(options)
  try {
    await requireFit(gateway, options)
    return new EtcdLog(gateway, new LogKeys(options.prefix))
  } catch (error) {
    gateway.close()
    throw failure(error)
  }
}

async function requireFit(gateway: EtcdGateway, { safety }: EtcdOptions): Promise<void> {
  const { version } = await gateway.ask<{ version: string }>('maintenance/status', {})
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < VERSION_NEEDED[0] || (major === VERSION_NEEDED[0] && minor < VERSION_NEEDED[1])) {
    throw new LogUnfit(`etcd has version ${version}; ${VERSION_NEEDED.join('.')} is needed`)
  }
  if (safety === 'development') return
  const { members } = await gateway.ask<{ members: { isLearner?: boolean }[] }>('cluster/member/list', {})
  const voters = members.filter(({ isLearner }) => isLearner !== true).length
  if (voters < MEMBERS_NEEDED) {
    throw new LogUnfit(`etcd has ${voters} voting members: with fewer than ${MEMBERS_NEEDED} a log is lost with a disk`)
  }
}

class EtcdLog implements ReplicatedLog {
  readonly batchBytesMax = BATCH_BYTES_MAX
  readonly inFlightMax = IN_FLIGHT_MAX
  readonly messaging: EtcdMessaging
  readonly #gateway: EtcdGateway
  readonly #keys: LogKeys
  /** Appends for the next transactions, in order. */
  #waiting: Append[] = []
  #underWay: readonly Append[] = []
  /** The revision of the epoch that this client began; undefined until it has begun one. */
  #leaderRevision: string | undefined
  readonly #closing = new AbortController()

  constructor(gateway: EtcdGateway, keys: LogKeys) {
    this.#gateway = gateway
    this.#keys = keys
    this.messaging = new EtcdMessaging(gateway, keys, this.#closing.signal)
  }

  append(batch: Uint8Array, expected: number): Promise<number> {
    return this.#enqueue(batch, expected, false)
  }

  lead(record: Uint8Array, expected: number): Promise<number> {
    return this.#enqueue(record, expected, true)
  }

  async at(position: number): Promise<Uint8Array | undefined> {
    const { kvs } = await this.#ask<RangeAnswer>('kv/range', { key: this.#keys.batch(position) })
    if (kvs !== undefined) return batchOf(itemAt(kvs, 0))
    const { first, last } = await this.bounds()
    if (position < first) throw new Truncated(`position ${position} is not kept any more`)
    // The batch may have been appended since the first request.
    if (position > last) return undefined
    const again = await this.#ask<RangeAnswer>('kv/range', { key: this.#keys.batch(position) })
    if (again.kvs === undefined) throw new Gap(`there is nothing at position ${position}`)
    return batchOf(itemAt(again.kvs, 0))
  }

  async bounds(): Promise<LogBounds> {
    const firstKey = { ...this.#range(0), limit: '1', keys_only: true, sort_order: 'ASCEND', sort_target: 'KEY' }
    const { responses = [] } = await this.#ask<TransactionAnswer>('kv/txn', {
      success: [{ request_range: { key: this.#keys.last } }, { request_range: firstKey }],
    })
    const [lastFound, firstFound] = responses.map(({ response_range }) => response_range?.kvs?.[0])
    const last = lastFound === undefined ? 0 : decodePosition(lastFound.value!)
    return { first: firstFound === undefined ? last + 1 : this.#keys.position(firstFound.key), last }
  }

  async *read(from: number, signal: AbortSignal): AsyncIterable<LogEntry> {
    const stopped = AbortSignal.any([signal, this.#closing.signal])
    let next = from
    while (!stopped.aborted) {
      try {
        const page = await this.#ask<RangeAnswer>('kv/range', { ...this.#range(next), limit: String(PAGE_BATCHES) })
        const found = page.kvs ?? []
        if (found.length === 0) await this.#requireKept(next)
        for (const batch of found) {
          if (stopped.aborted) return
          yield await this.#entry(batch, next++)
        }
        if (found.length === PAGE_BATCHES) continue
        for await (const batch of this.#watch(next, Number(page.header.revision) + 1, stopped)) {
          yield await this.#entry(batch, next++)
        }
      } catch (error) {
        const known = failure(error)
        if (!(known instanceof LogAway)) throw known
        if (!stopped.aborted) await sleep(READ_RETRY_MS)
      }
    }
  }

  async truncate(before: number): Promise<void> {
    const { first, last } = await this.bounds()
    const end = Math.min(before, last + 1)
    if (end <= first) return
    let revision = ''
    for (let start = first; start < end; start += DELETED_MAX) {
      const range = { key: this.#keys.batch(start), range_end: this.#keys.batch(Math.min(end, start + DELETED_MAX)) }
      revision = (await this.#ask<RangeAnswer>('kv/deleterange', range)).header.revision
    }
    try {
      await compactBefore(this.#gateway, revision)
      await withdrawSpaceAlarm(this.#gateway)
    } catch (error) {
      throw failure(error)
    }
  }

  async close(): Promise<void> {
    const ended = [...this.#underWay, ...this.#waiting]
    this.#waiting = []
    this.#closing.abort()
    this.#gateway.close()
    for (const { reject } of ended) reject(new LogAway('the log was closed'))
  }

  // ── appends ──────────────────────────────────────────────────────────────

  #enqueue(batch: Uint8Array, expected: number, leads: boolean): Promise<number> {
    if (batch.length > BATCH_BYTES_MAX) {
      return Promise.reject(new RangeError(`a batch of ${batch.length} bytes is too large`))
    }
    if (this.#closing.signal.aborted) return Promise.reject(new LogAway('the log was closed'))
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, expected, leads, resolve, reject })
      if (this.#underWay.length === 0) void this.#sendGroups()
    })
  }

  async #sendGroups(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup()
      this.#underWay = group
      try {
        await this.#sendGroup(group)
        for (const { resolve, expected } of group) resolve(expected + 1)
      } catch (error) {
        const known = appendFailure(error)
        for (const { reject } of group) reject(known)
      }
    }
    this.#underWay = []
  }

  /** Takes the waiting appends with consecutive positions, as many as fit in one transaction. */
  #takeGroup(): Append[] {
    let count = 1
    let bytes = itemAt(this.#waiting, 0).batch.length
    while (count < Math.min(this.#waiting.length, GROUP_BATCHES_MAX)) {
      const next = itemAt(this.#waiting, count)
      bytes += next.batch.length
      if (next.leads || next.expected !== itemAt(this.#waiting, 0).expected + count || bytes > BATCH_BYTES_MAX) break
      count++
    }
    return this.#waiting.splice(0, count)
  }

  async #sendGroup(group: readonly Append[]): Promise<void> {
    const { expected, leads } = itemAt(group, 0)
    const put = (key: string, value: string): object => ({ request_put: { key, value } })
    const position = encodePosition(expected + group.length)
    const puts = group.map((append) =>
      put(this.#keys.batch(append.expected + 1), bytesOf(append.batch).toString('base64')),
    )
    const answer = await this.#gateway.ask<TransactionAnswer>('kv/txn', {
      compare: this.#comparisons(expected, leads),
      success: [put(this.#keys.last, position), ...(leads ? [put(this.#keys.leader, position)] : []), ...puts],
      failure: [{ request_range: { key: this.#keys.last } }],
    })
    if (answer.succeeded !== true) {
      const found = answer.responses?.[0]?.response_range?.kvs?.[0]?.value
      throw new Fenced(`the last position is ${found === undefined ? 0 : decodePosition(found)}, not ${expected}`)
    }
    if (leads) this.#leaderRevision = answer.header.revision
  }

  #comparisons(expected: number, leads: boolean): object[] {
    const key = this.#keys.last
    const last =
      expected === 0
        ? { key, target: 'CREATE', result: 'EQUAL', create_revision: '0' }
        : { key, target: 'VALUE', result: 'EQUAL', value: encodePosition(expected) }
    if (leads || this.#leaderRevision === undefined) return [last]
    return [last, { key: this.#keys.leader, target: 'MOD', result: 'EQUAL', mod_revision: this.#leaderRevision }]
  }

  // ── reading ──────────────────────────────────────────────────────────────

  /** The keys of the batches from a position on. */
  #range(position: number): KeyRange {
    return { key: this.#keys.batch(position), range_end: this.#keys.end }
  }

  /** Yields batches as they are put, from a revision on, until the member ends the watch. */
  async *#watch(from: number, revision: number, signal: AbortSignal): AsyncIterable<KeyValue> {
    let next = from
    const isBehind = async (): Promise<boolean> => (await this.bounds()).last >= next
    for await (const found of watchPuts(this.#gateway, { range: this.#range(0), revision, signal, isBehind })) {
      if (this.#keys.position(found.key) < next) continue
      next++
      yield found
    }
  }

  /** Decodes the batch of a key, which must be at the next position. */
  async #entry(found: KeyValue, next: number): Promise<LogEntry> {
    const position = this.#keys.position(found.key)
    if (position !== next) {
      await this.#requireKept(next)
      throw new Gap(`position ${position} follows ${next - 1}`)
    }
    return { position, batch: batchOf(found) }
  }

  async #requireKept(position: number): Promise<void> {
    const { first } = await this.bounds()
    if (position < first) throw new Truncated(`position ${position} is not kept any more`)
  }

  async #ask<T>(path: string, body: object): Promise<T> {
    try {
      return await this.#gateway.ask<T>(path, body)
    } catch (error) {
      throw failure(error)
    }
  }
}

const batchOf = (found: KeyValue): Uint8Array => Buffer.from(found.value ?? '', 'base64')

/** A Buffer over the same bytes. */
const bytesOf = (batch: Uint8Array): Buffer => Buffer.from(batch.buffer, batch.byteOffset, batch.byteLength)
