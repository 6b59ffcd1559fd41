// Removing what was overwritten or deleted before a revision for good, so that its space can be used again.

import { type EtcdGateway, EtcdRefusal } from './gateway.ts'

export async function compactBefore(gateway: EtcdGateway, revision: string): Promise<void> {
  try {
    await gateway.ask('kv/compaction', { revision, physical: true })
  } catch (error) {
    // Somebody else has compacted further.
    if (!(error instanceof EtcdRefusal && /has been compacted/.test(error.message))) throw error
  }
}
