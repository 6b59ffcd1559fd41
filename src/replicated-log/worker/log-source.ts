// The log that a thread runs. Plain data: it is sent to the thread.

import { openEtcdLog } from '../etcd/etcd-log.ts'
import type { EtcdOptions } from '../etcd/options.ts'
import { openJetStreamLog } from '../jetstream/jetstream-log.ts'
import type { JetStreamOptions } from '../jetstream/options.ts'
import type { ReplicatedLog } from '../log.ts'

export type LogSource =
  | { readonly kind: 'jetstream'; readonly options: JetStreamOptions }
  | { readonly kind: 'etcd'; readonly options: EtcdOptions }

/** Opens the log in this thread. Throws `LogUnfit`, `LogAway`. */
export function openLog(source: LogSource): Promise<ReplicatedLog> {
  return source.kind === 'jetstream' ? openJetStreamLog(source.options) : openEtcdLog(source.options)
}
