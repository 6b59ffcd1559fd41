// Messages beside a log in etcd: one key that each batch overwrites and all brokers watch. A watch
// reports every revision of the key, in order.
//
// Each batch costs a quorum and its disks, as an append does: etcd has nothing cheaper. Overwritten
// batches take space until they are compacted. A sender compacts after a fixed number of bytes, up
// to the revision at which it began to count, so that watchers still get the newer ones.

import { sleep } from '../../util/time/real-time.ts'
import { LogAway } from '../log.ts'
import type { Messaging } from '../messaging.ts'
import { compactBefore } from './compaction.ts'
import { failure } from './failures.ts'
import type { EtcdGateway } from './gateway.ts'
import type { LogKeys } from './keys.ts'
import { type KeyValue, watchPuts } from './watch.ts'

const BATCH_BYTES_MAX = 256 * 1024
/**
 * Overwritten batches of one broker take up to twice this much of etcd's space (2 GB unless set).
 */
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
  /** Bytes sent since revision `#mark`, the next one to compact to. */
  #bytes = 0
  #mark: string | undefined = undefined

  /** `closing` is aborted when the log is closed. */
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
    /**
     * The last known revision; later ones are new. 0 = what the key holds now is older than this
     * watch.
     */
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
        // The failure may pass, and there is no caller to tell. The listener counts what it misses.
      }
      // Revisions since `last` may have been compacted: etcd never reports those, however often it
      // is asked.
      if (!isTold) last = 0
      if (!this.#closing.aborted) await sleep(RETRY_MS)
    }
  }

  /** The current revision of etcd, and the revision in which the key was last written. */
  async #state(): Promise<{ revision: number; written: number }> {
    const { header, kvs } = await this.#gateway.ask<Found>('kv/range', { key: this.#key, keys_only: true })
    return { revision: Number(header.revision), written: Number(kvs?.[0]?.mod_revision ?? 0) }
  }
}
