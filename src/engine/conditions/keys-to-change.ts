// Finds the keys that a request is going to change, as far as its arguments tell. The caller
// postpones the request because of one of them.

import type { Arguments } from '../../protocol/arguments.ts'
import type { Database } from '../../store/keyspace/database.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import type { Client } from '../clients/client.ts'
import { transactionOf } from '../requests/transaction.ts'
import type { Command } from '../spec/command.ts'
import { findKeys } from '../spec/key-extraction.ts'

/** Called with one key after the other until it returns true. */
export type KeyTest = (db: Database, key: Bytes) => boolean

/**
 * Tells if a client's request, or the transaction that it executes, is going to change a key of
 * which `concerns` is true.
 */
export function changesKey(
  client: Client,
  db: Database,
  command: Command,
  args: Arguments,
  concerns: KeyTest,
): boolean {
  if (command.spec.duringMulti !== 'executes')
    return client.requests.transaction === undefined && changes(db, command, args, concerns)
  const transaction = transactionOf(client)
  if (transaction === undefined || transaction.broken) return false
  for (const queued of transaction.queue) if (changes(db, queued.command, queued.args, concerns)) return true
  return false
}

function changes(db: Database, command: Command, args: Arguments, concerns: KeyTest): boolean {
  if (!command.isWrite && !command.mayReplicate) return false
  for (const { index, flags } of findKeys(command, args) ?? []) {
    if (flags[0] !== 'RO' && concerns(db, args.bytes(index))) return true
  }
  return false
}
