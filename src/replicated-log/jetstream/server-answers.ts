// Checks that every server that keeps the stream writes to its disk before it answers.
//
// By default a nats-server syncs every two minutes. A power cut loses the batches acknowledged
// meanwhile, or the whole stream. Only the servers know their settings, and they tell them to the
// system account alone. So their operator exports one question to the broker's account
// (docs/cluster.md): `$SYS.REQ.SERVER.PING.JSZ`, which all servers answer.

import { LogAway } from '../log.ts'
import { LogUnfit } from '../log-unfit.ts'
import type { NatsConnection, NatsPackages } from './connection.ts'

const QUESTION = '$SYS.REQ.SERVER.PING.JSZ'
/** How long to wait for all answers. */
const ANSWERS_TIMEOUT_MS = 2_000
/**
 * Since this version a server syncs once for each append of its Raft log; older ones sync less
 * often or far more often.
 */
const VERSION_NEEDED = [2, 15] as const

/** The parts of an answer that are of use here. */
export interface ServerAnswer {
  readonly server: { readonly name: string; readonly ver: string }
  readonly data?: {
    /** Bytes that the limits of streams reserve. */
    readonly reserved_storage?: number
    readonly config?: { readonly sync_always?: boolean; readonly max_storage?: number }
  }
}

/**
 * Throws `LogUnfit` when one of the named servers could lose acknowledged batches, `LogAway` when
 * one does not answer.
 */
export async function requireSafeMembers(
  packages: NatsPackages,
  connection: NatsConnection,
  names: readonly string[],
): Promise<void> {
  const answers = await askServers(packages, connection, names)
  if (answers.size === 0) {
    throw new LogUnfit(
      `the NATS servers do not say whether they sync: export ${QUESTION} of the system account to this account (docs/cluster.md)`,
    )
  }
  for (const name of names) {
    const answer = answers.get(name)
    if (answer === undefined) throw new LogAway(`the NATS server ${name}, which keeps the log, does not answer`)
    if (isOlder(answer.server.ver)) {
      throw new LogUnfit(
        `the NATS server ${name} has version ${answer.server.ver}; ${VERSION_NEEDED.join('.')} is needed`,
      )
    }
    if (answer.data?.config?.sync_always !== true) {
      throw new LogUnfit(
        `the NATS server ${name} answers before its disk has what it was given: set \`sync_interval: always\` in its \`jetstream\` section`,
      )
    }
  }
}

/**
 * Asks the servers of all clusters, until the wanted ones have answered; undefined = for as long as
 * answers may come. Returns the answers by name; none when the account may not ask.
 */
export async function askServers(
  { nats }: NatsPackages,
  connection: NatsConnection,
  wanted?: readonly string[],
): Promise<Map<string, ServerAnswer>> {
  const answers = new Map<string, ServerAnswer>()
  try {
    for await (const message of await connection.requestMany(QUESTION, '{}', { maxWait: ANSWERS_TIMEOUT_MS })) {
      const answer = message.json<ServerAnswer>()
      answers.set(answer.server.name, answer)
      if (wanted?.every((name) => answers.has(name)) === true) break
    }
  } catch (error) {
    // No server listens, or the account may not ask.
    const { NoRespondersError, PermissionViolationError, RequestError } = nats.errors
    if (![NoRespondersError, PermissionViolationError, RequestError].some((type) => error instanceof type)) throw error
  }
  return answers
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major < VERSION_NEEDED[0] || (major === VERSION_NEEDED[0] && minor < VERSION_NEEDED[1])
}
