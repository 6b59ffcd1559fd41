// The error for a stream that does not fit on the servers' disks. It names the requested space, the
// free space, and the option that changes the first.

import { readableSize } from '../../util/numbers/readable-size.ts'
import { LogAway } from '../log.ts'
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

/** Makes the error for a stream that the servers have refused for want of room. */
export async function makeSpaceError(
  packages: NatsPackages,
  connection: NatsConnection,
  options: JetStreamOptions,
  cause: unknown,
): Promise<LogUnfit | LogAway> {
  return spaceErrorFrom([...(await askServers(packages, connection)).values()], options, cause)
}

/**
 * Servers that have just met, or whose leader is new, do not know each other's room yet: they refuse
 * a stream that fits. That passes, so it is no LogUnfit.
 */
export function spaceErrorFrom(
  answers: readonly ServerAnswer[],
  { bytesMax, replicas, stream }: JetStreamOptions,
  cause: unknown,
): LogUnfit | LogAway {
  const free = answers.map(describeServer).sort()
  const wanted = `the log ${stream} wants ${readableSize(bytesMax)} on each of ${replicas} servers`
  const found = free.length === 0 ? (cause as Error).message : `free are ${free.join(', ')}`
  if (answers.filter((answer) => freeOn(answer) >= bytesMax).length >= replicas)
    return new LogAway(`${wanted}, which they refuse; ${found}`, { cause })
  const advice = "give the address '?bytes=SIZE' with less, or the servers more by max_file_store"
  return new LogUnfit(`${wanted}; ${found}: ${advice}`, { cause })
}

function freeOn({ data }: ServerAnswer): number {
  return Math.max(0, (data?.config?.max_storage ?? 0) - (data?.reserved_storage ?? 0))
}

function describeServer(answer: ServerAnswer): string {
  const most = answer.data?.config?.max_storage ?? 0
  return `${readableSize(freeOn(answer))} of ${readableSize(most)} on ${answer.server.name}`
}
