// Asks every broker for its role, again and again, in each way that clients and load balancers ask.
// Replies from the same moment must agree.

import type { Reply } from '../durability/write-methods.ts'
import { SHARD } from './broker.ts'
import { Connection } from './connection.ts'
import type { TrialProcess } from './trial-process.ts'

/** A paused broker is asked again after this time. */
const PATIENCE_MS = 1000
const QUESTIONS = [['ROLE'], ['INFO', 'replication'], ['HELLO', '2']]

type Asked = Pick<TrialProcess, 'address' | 'host' | 'isUp' | 'name' | 'port'> & { readonly shard?: string | undefined }

/**
 * Returns the contradiction in a broker's replies; undefined when there is none, or it does not
 * reply.
 */
export async function problemOfRoles({
  address,
  host,
  isUp,
  name,
  port,
  shard = SHARD,
}: Asked): Promise<string | undefined> {
  if (!isUp) return undefined
  const connection = new Connection(host, port)
  try {
    const [role, info, hello, primary] = await connection.ask(
      [...QUESTIONS, ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', shard]],
      PATIENCE_MS,
    )
    const said = {
      ROLE: roleIn(role),
      INFO: /^role:(\w+)/m.exec(String(info))?.[1],
      HELLO: roleOfHello(hello),
      SENTINEL: Array.isArray(primary) && primary.join(':') === address ? 'master' : 'slave',
    }
    const isOne = new Set(Object.values(said)).size === 1
    return isOne ? undefined : `${name} reports at the same moment: ${JSON.stringify(said)}`
  } catch {
    // It is starting, stopping or paused, and does not reply.
    return undefined
  } finally {
    connection.end()
  }
}

function roleIn(reply: Reply | undefined): string {
  return Array.isArray(reply) ? String(reply[0]) : String(reply)
}

/** An array of alternating names and values. */
function roleOfHello(reply: Reply | undefined): string {
  if (!Array.isArray(reply)) return String(reply)
  const role = String(reply[reply.indexOf('role') + 1])
  return role === 'replica' ? 'slave' : role
}
