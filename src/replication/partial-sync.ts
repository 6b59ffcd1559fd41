// Partial synchronisation: whether a replica that comes back can continue where it stopped.
//
// It can if it names our history, or the one that this server had until its promotion (up to where
// that ended), and the backlog has everything from its offset on. The reason for a refusal is
// logged in Redis's words.

import type { Engine } from '../engine/engine.ts'
import type { Backlog } from './backlog.ts'

/**
 * Tells whether the stream can continue at `offset`, the first byte that the replica lacks, of the
 * history `id`; '?' = no history.
 */
export function canGoOn(
  { effects: { history }, environment: { log } }: Pick<Engine, 'environment' | 'effects'>,
  backlog: Backlog | undefined,
  replicaName: string,
  id: string,
  offset: number | bigint,
): boolean {
  const isOurs = id === history.id
  if (!isOurs && !(id === history.secondId && offset <= history.secondOffset)) {
    if (id.startsWith('?')) {
      log.info({}, `Full resync requested by replica ${replicaName}`)
    } else if (id === history.secondId) {
      log.info(
        {},
        `Partial resynchronization not accepted: Requested offset for second ID was ${offset}, but I can reply up to ${history.secondOffset}`,
      )
    } else {
      log.info(
        {},
        `Partial resynchronization not accepted: Replication ID mismatch (Replica asked for '${id}', my replication IDs are '${history.id}' and '${history.secondId}')`,
      )
    }
    return false
  }
  if (backlog === undefined || offset < backlog.start + 1 || offset > backlog.end + 1) {
    log.info(
      {},
      `Unable to partial resync with replica ${replicaName} for lack of backlog (Replica request was: ${offset}).`,
    )
    if (offset > history.offset) {
      log.warn(
        {},
        `Warning: replica ${replicaName} tried to PSYNC with an offset that is greater than the master replication offset.`,
      )
    }
    return false
  }
  return true
}
