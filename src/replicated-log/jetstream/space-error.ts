// The error for a stream that does not fit on the servers' disks. It names the requested space, the
// free space, and the option that changes the first.

import { readableSize } from '../../util/numbers/readable-size.ts'
import { LogUnfit } from '../log-unfit.ts'
import type { NatsConnection, NatsPackages } from './connection.ts'
import type { JetStreamOptions } from './options.ts'
import { askServers, type ServerAnswer } from './server-answers.ts'

/** The servers' error codes for a stream that finds no place. */
const NO_PLACE = new Set([
  10002, // no resources of the account
  10005, // no suitable peers
  10023, // no resources of the server
  10047, // no storage of the server
])

/** Whether a stream was refused because the servers have no room for it. */
export function isSpaceError({ jetstream }: NatsPackages, error: unknown): boolean {
  return error instanceof jetstream.JetStreamApiError && NO_PLACE.has(error.apiError().err_code ?? 0)
}

/** Makes the error for a stream that the servers have no room for. */
export async function makeSpaceError(
  packages: NatsPackages,
  connection: NatsConnection,
  { bytesMax, replicas, stream }: JetStreamOptions,
  cause: unknown,
): Promise<LogUnfit> {
  const answers = await askServers(packages, connection)
  const free = [...answers.values()].map(describeServer).sort()
  const wanted = `the log ${stream} wants ${readableSize(bytesMax)} on each of ${replicas} servers`
  const found = free.length === 0 ? (cause as Error).message : `free are ${free.join(', ')}`
  const advice = "give the address '?bytes=SIZE' with less, or the servers more by max_file_store"
  return new LogUnfit(`${wanted}; ${found}: ${advice}`, { cause })
}

function describeServer({ data, server }: ServerAnswer): string {
  const most = data?.config?.max_storage ?? 0
  const free = Math.max(0, most - (data?.reserved_storage ?? 0))
  return `${readableSize(free)} of ${readableSize(most)} on ${server.name}`
}
