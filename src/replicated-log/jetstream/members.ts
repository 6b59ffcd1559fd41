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

interface Answer {
  readonly server: { readonly name: string; readonly ver: string }
  readonly data?: { readonly config?: { readonly sync_always?: boolean } }
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
  const answers = await askMembers(packages, connection, names)
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
 * Asks the servers of all clusters, until the wanted ones have answered. Returns the answers by
 * name.
 */
async function askMembers(
  { nats }: NatsPackages,
  connection: NatsConnection,
  wanted: readonly string[],
): Promise<Map<string, Answer>> {
  const answers = new Map<string, Answer>()
  try {
    for await (const message of await connection.requestMany(QUESTION, '{}', { maxWait: ANSWERS_TIMEOUT_MS })) {
      const answer = message.json<Answer>()
      answers.set(answer.server.name, answer)
      if (wanted.every((name) => answers.has(name))) break
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
