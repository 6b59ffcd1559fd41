// Messages beside a log in etcd: one key, which each batch overwrites, and which all watch. A watch is told of every revision of it, in order.
//
// Each batch takes a quorum and its disks, as an append does: etcd has nothing cheaper. What was overwritten takes space until it is compacted; whoever has sent
// so much sees to that, up to where it was when it began to count, so that others are told of what is newer.

import { sleep } from '../../util/time/real-time.ts'
import { LogAway } from '../log.ts'
import type { Messaging } from '../messaging.ts'
import { compactBefore } from './compaction.ts'
import { failure } from './failures.ts'
import type { EtcdGateway } from './gateway.ts'
import type { LogKeys } from './keys.ts'
import { type KeyValue, watchPuts } from './watch.ts'

const BATCH_BYTES_MAX = 256 * 1024
/** Overwritten batches take this much space of etcd's (2 GB unless set), twice, a broker. */
const COMPACT_EVERY_BYTES = 8 * 1024 * 1024
const RETRY_MS = 100

interface Found {
  readonly header: { readonly revision: string }
  readonly kvs?: readonly KeyValue[]
}

export class EtcdMessaging implements Messaging {
  readonly batchBytesMax = BATCH_BYTES_MAX
  readonly #gateway: EtcdGateway
  readonly #key: string
  readonly #closing: AbortSignal
  /** Sent since the revision that will be compacted to next. */
  #bytes = 0
  #mark: string | undefined = undefined

  /** `closing`: the log is closed. */
  constructor(gateway: EtcdGateway, keys: LogKeys, closing: AbortSignal) {
    this.#gateway = gateway
    this.#key = keys.messages
    this.#closing = closing
  }

  async send(batch: Uint8Array): Promise<void> {
    const value = Buffer.from(batch.buffer, batch.byteOffset, batch.byteLength).toString('base64')
    try {
      const { header } = await this.#gateway.ask<Found>('kv/put', { key: this.#key, value })
      await this.#count(batch.length, header.revision)
    } catch (error) {
      throw this.#closing.aborted ? new LogAway('the log was closed') : failure(error)
    }
  }

  listen(hear: (batch: Uint8Array) => void): void {
    void this.#listen(hear)
  }

  async #count(bytes: number, revision: string): Promise<void> {
    this.#bytes += bytes
    if (this.#mark !== undefined && this.#bytes < COMPACT_EVERY_BYTES) return
    if (this.#mark !== undefined) await compactBefore(this.#gateway, this.#mark)
    this.#mark = revision
    this.#bytes = 0
  }

  async #listen(hear: (batch: Uint8Array) => void): Promise<void> {
    /** The last revision that is known: what follows is to be heard; 0 = what is there was before our time. */
    let last = 0
    while (!this.#closing.aborted) {
      let isTold = false
      try {
        const { revision, written } = await this.#state()
        if (last === 0 || written === last) last = revision
        const watched = watchPuts(this.#gateway, {
          range: { key: this.#key },
          revision: last + 1,
          signal: this.#closing,
          isBehind: async () => (await this.#state()).written > last,
        })
        for await (const { mod_revision, value = '' } of watched) {
          isTold = true
          last = Number(mod_revision)
          hear(Buffer.from(value, 'base64'))
        }
      } catch {
        // It may pass, and nobody is here to be told: what is missed meanwhile is counted by whoever listens.
      }
      // What came since may have been compacted: then nothing is told of it, however often it is asked for.
      if (!isTold) last = 0
      if (!this.#closing.aborted) await sleep(RETRY_MS)
    }
  }

  /** The revision of all of etcd, and that in which the key was written last. */
  async #state(): Promise<{ revision: number; written: number }> {
    const { header, kvs } = await this.#gateway.ask<Found>('kv/range', { key: this.#key, keys_only: true })
    return { revision: Number(header.revision), written: Number(kvs?.[0]?.mod_revision ?? 0) }
  }
}
