// A connection as a line of CLIENT LIST: every field of Redis 7.2, in its order.
//
// Where this server has no such thing (a reply buffer for each client), the field has Redis's value
// for an idle connection. Requests are read into a buffer that all clients share: a client's part
// of it is shown only while its command runs.

import type { Arguments } from '../../protocol/arguments.ts'
import { assert } from '../../util/assert.ts'
import { upToZero } from '../../util/bytes/text.ts'
import { CHECKED } from '../../util/invariant.ts'
import { transactionOf } from '../requests/transaction.ts'
import type { Tracker } from '../tracking/tracking.ts'
import { CLIENT_BYTES, CLIENT_MONITOR, CLIENT_MULTI, CLIENT_NO_TOUCH, CLIENT_REPLICA, type Client } from './client.ts'

/**
 * Describes a client at the time `now`, without a line end. `tracker` is set if the client caches;
 * `request` is its running command, if any.
 */
export function describeClient(
  client: Client,
  now: number,
  tracker: Tracker | undefined,
  request: Arguments | undefined,
): string {
  const {
    connection: { transport },
    requests: { parser },
  } = client
  const transaction = transactionOf(client)
  // Redis shows only a big argument that has partly arrived, because it lies in a buffer of its
  // own.
  const waitingBytes = parser.gathering === undefined ? parser.pendingBytes : parser.gatheredBytes
  const queryBytes = Math.max(waitingBytes, request?.rawBytes ?? 0)
  const backlogBytes = transport.backlogBytes + client.output.streamBytes
  const totalBytes = CLIENT_BYTES + client.requestBytes + client.outputBytes
  const line = [
    `id=${client.id}`,
    `addr=${transport.address}`,
    `laddr=${transport.localAddress}`,
    `fd=${transport.descriptor}`,
    `name=${upToZero(client.identity.name)}`,
    `age=${seconds(now - client.connection.createdMs)}`,
    `idle=${seconds(now - client.activity.lastActiveMs)}`,
    `flags=${flagsOf(client, tracker)}`,
    `db=${client.database}`,
    `sub=${client.subscriptions.channels.size}`,
    `psub=${client.subscriptions.patterns.size}`,
    `ssub=${client.subscriptions.shardChannels.size}`,
    `multi=${transaction === undefined ? -1 : transaction.queue.length}`,
    `qbuf=${queryBytes}`,
    `qbuf-free=${Math.max(0, parser.reservedBytes - queryBytes)}`,
    `argv-mem=${request?.contentBytes ?? client.requests.argumentBytes}`,
    `multi-mem=${transaction?.memoryBytes ?? 0}`,
    'rbs=0',
    'rbp=0',
    `obl=${client.pendingBytes}`,
    `oll=${backlogBytes > 0 ? 1 : 0}`,
    `omem=${backlogBytes}`,
    `tot-mem=${totalBytes}`,
    `events=${backlogBytes > 0 ? 'rw' : 'r'}`,
    `cmd=${client.activity.lastCommand}`,
    `user=${client.identity.user.name}`,
    `redir=${tracker?.redirect ?? -1}`,
    `resp=${client.protocol}`,
    `lib-name=${upToZero(client.identity.libraryName)}`,
    `lib-ver=${upToZero(client.identity.libraryVersion)}`,
  ].join(' ')
  if (CHECKED) assert(!/[\r\n]/.test(line), 'a client is described in one line')
  return line
}

function flagsOf(client: Client, tracker: Tracker | undefined): string {
  let flags = client.connection.origin === 'primary' ? 'M' : ''
  if ((client.state & CLIENT_MONITOR) !== 0) flags += 'O'
  if ((client.state & CLIENT_REPLICA) !== 0) flags += 'S'
  if (client.outputClass === 'pubsub') flags += 'P'
  if ((client.state & CLIENT_MULTI) !== 0) flags += 'x'
  if (client.requests.parked || client.paused) flags += 'b'
  if (tracker !== undefined) {
    flags += 't'
    if (tracker.broken) flags += 'R'
    if (tracker.mode === 'broadcast') flags += 'B'
  }
  if (client.watched.broken) flags += 'd'
  if (client.connection.closing) flags += 'c'
  if (client.output.overLimit) flags += 'A'
  if (client.connection.transport.kind === 'unix') flags += 'U'
  if (client.requests.readsReplica) flags += 'r'
  if (client.connection.noEvict) flags += 'e'
  if ((client.state & CLIENT_NO_TOUCH) !== 0) flags += 'T'
  return flags === '' ? 'N' : flags
}

function seconds(ms: number): number {
  return Math.max(0, Math.floor(ms / 1000))
}
