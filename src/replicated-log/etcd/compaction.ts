// Compacts etcd: values that were overwritten or deleted before a revision are removed, and their
// space can be used again.

import { type EtcdGateway, EtcdRefusal } from './gateway.ts'

export async function compactBefore(gateway: EtcdGateway, revision: string): Promise<void> {
  try {
    await gateway.ask('kv/compaction', { revision, physical: true })
  } catch (error) {
    // Another client has already compacted further.
    if (!(error instanceof EtcdRefusal && /has been compacted/.test(error.message))) throw error
  }
}
