// Asks every broker what it is, again and again, in each way that clients and balancers ask: the answers of one moment agree.

import type { Reply } from '../durability/ways.ts'
import { SHARD } from './broker.ts'
import { Connection } from './connection.ts'
import type { Member } from './member.ts'

/** A broker that stands still is asked again when this time is over. */
const PATIENCE_MS = 1000
const QUESTIONS = [['ROLE'], ['INFO', 'replication'], ['HELLO', '2'], ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', SHARD]]

type Asked = Pick<Member, 'address' | 'host' | 'isUp' | 'name' | 'port'>

/** Returns what is wrong with what a broker says of itself; undefined = nothing, or it says nothing. */
export async function problemOfRoles({ address, host, isUp, name, port }: Asked): Promise<string | undefined> {
  if (!isUp) return undefined
  const connection = new Connection(host, port)
  try {
    const [role, info, hello, primary] = await connection.ask(QUESTIONS, PATIENCE_MS)
    const said = {
      ROLE: roleIn(role),
      INFO: /^role:(\w+)/m.exec(String(info))?.[1],
      HELLO: roleOfHello(hello),
      SENTINEL: Array.isArray(primary) && primary.join(':') === address ? 'master' : 'slave',
    }
    const isOne = new Set(Object.values(said)).size === 1
    return isOne ? undefined : `${name} says at one moment: ${JSON.stringify(said)}`
  } catch {
    // It begins, ends, or stands still: it says nothing.
    return undefined
  } finally {
    connection.end()
  }
}

function roleIn(reply: Reply | undefined): string {
  return Array.isArray(reply) ? String(reply[0]) : String(reply)
}

/** Names and values, one behind the other. */
function roleOfHello(reply: Reply | undefined): string {
  if (!Array.isArray(reply)) return String(reply)
  const role = String(reply[reply.indexOf('role') + 1])
  return role === 'replica' ? 'slave' : role
}
