// `respite cluster backup`: copies the newest snapshot of a cluster to another store, where no
// broker removes it. The copy is read back and checked; then older copies may go.

import { type CheckOptions, checkSnapshot, type RdbContent } from '../../persistence/snapshot/check-rdb.ts'
import type { Terminal } from '../../prover/terminal.ts'
import { AddressError } from '../../replicated-log/address-options.ts'
import { LogUnfit } from '../../replicated-log/log-unfit.ts'
import type { SnapshotStore, StoredSnapshot } from '../../replicated-log/snapshot-store.ts'
import { openStore } from '../../replicated-log/snapshots/open-store.ts'
import { S3Refusal } from '../../replicated-log/snapshots/s3-requests.ts'
import { readStoreAddress } from '../../replicated-log/snapshots/store-address.ts'
import { StreamedFile } from '../../replicated-log/streamed-file.ts'
import { OptionError } from '../../util/option-error.ts'
import { UsageError } from '../usage-error.ts'
import { BrokerError } from './broker-connection.ts'
import type { CommandLine } from './command-line.ts'

/** Returns 0 when the newest snapshot is in the store of backups, whole. */
export async function backup(words: CommandLine, terminal: Terminal): Promise<number> {
  const [from, into] = [words.need('--snapshots'), words.need('--backups')]
  const keep = words.takeCount('--keep')
  words.end()
  if (from === into) throw new UsageError("'--backups' must be another store: brokers remove snapshots from theirs")
  return storing(async () => {
    const [snapshots, backups] = [await storeAt(from), await storeAt(into)]
    const newest = newestOf(await snapshots.list())
    if (newest === undefined)
      throw new BrokerError('there is no snapshot yet: followers make one every 100,000 records')
    const { position } = newest
    const isThere = (await backups.list()).some((one) => one.position === position)
    if (!isThere) await backups.put(position, snapshots.get(position))
    const { keys } = await checkedContent(backups, position)
    terminal.print(`The snapshot of position ${position} ${isThere ? 'was there' : 'is copied'}: whole, ${keys} keys.`)
    if (keep !== undefined) await removeOlder(backups, position, keep, terminal)
    return 0
  })
}

/** Reads a snapshot to its end. Throws BrokerError when it is damaged. */
export async function checkedContent(
  store: SnapshotStore,
  position: number,
  options: CheckOptions = {},
): Promise<RdbContent> {
  const stored = (await store.list()).find((one) => one.position === position)
  if (stored === undefined) throw new BrokerError(`there is no snapshot of position ${position}`)
  const file = new StreamedFile(store.get(position))
  try {
    const { content, damage } = await checkSnapshot(file, stored.bytes, options)
    if (damage !== undefined)
      throw new BrokerError(
        `the snapshot of position ${position} is damaged at byte ${damage.offset}: ${damage.problem}`,
      )
    return content
  } finally {
    await file.close()
  }
}

/** Opens the store of an address. Throws UsageError when it is none. */
export async function storeAt(address: string): Promise<SnapshotStore> {
  try {
    return await openStore(readStoreAddress(address))
  } catch (error) {
    if (error instanceof AddressError || error instanceof OptionError) throw new UsageError(error.message)
    throw error
  }
}

export function newestOf(snapshots: readonly StoredSnapshot[]): StoredSnapshot | undefined {
  return snapshots.at(-1)
}

/** Runs work on stores; failures of a store are the operator's to read, not ours to explain. */
export async function storing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const isOfStore =
      error instanceof S3Refusal || error instanceof LogUnfit || (error as NodeJS.ErrnoException).code !== undefined
    // `fetch` fails with a TypeError; the reason is its cause.
    if (error instanceof TypeError && error.cause instanceof Error) throw new BrokerError(error.cause.message)
    throw isOfStore ? new BrokerError((error as Error).message) : error
  }
}

async function removeOlder(backups: SnapshotStore, newest: number, keep: number, terminal: Terminal): Promise<void> {
  const all = (await backups.list()).filter(({ position }) => position <= newest)
  for (const { position } of all.slice(0, Math.max(0, all.length - keep))) {
    await backups.remove(position)
    terminal.print(`The backup of position ${position} is removed.`)
  }
}
