// CLIENT RELAYED: a node that has handed over the lead sends on requests of a client of its own.
//
// The node shows the key that this leader has written to the log, so it can read the log, and has
// verified the client's user. This connection then stands as the client's does at that node.

import { hashPassword } from '../../acl/user.ts'
import { ERR } from '../../protocol/errors.ts'
import { parseInteger } from '../../util/numbers/numbers.ts'
import { defineCommand } from '../define-command.ts'
import { checkName } from './client-name.ts'

const REFUSED = ERR.of('this server takes no requests from a node with that key')
const NO_USER = ERR.of('the user is not known here, or is off')

export const clientRelayed = defineCommand({
  name: 'CLIENT RELAYED',
  summary: 'Introduces a client of a node that has handed over the lead; for nodes of a replicated log.',
  group: 'connection',
  since: '0.1.0',
  complexity: 'O(1)',
  arity: 7,
  flags: ['noscript', 'admin', 'no_auth', 'no_multi'],
  acl: ['connection'],
  args: [
    { name: 'key', type: 'string' },
    { name: 'username', type: 'string' },
    { name: 'protover', type: 'integer' },
    { name: 'index', type: 'integer' },
    { name: 'clientname', type: 'string' },
  ],
  reply: 'status OK',
  hides: (_, i) => i === 2,
  changesConnection: 'state',
  run(call) {
    const { args, client, engine, reply } = call
    const { data, parts, requests } = engine
    const key = parts.replication.node?.relayKey ?? ''
    // Hashes are compared, so the time taken tells nothing of the key.
    if (key === '' || !hashPassword(args.string(2)).equals(hashPassword(key))) throw REFUSED
    const protocol = parseInteger(args.bytes(4))
    if (protocol !== 2 && protocol !== 3) throw ERR.noProtocol
    const index = parseInteger(args.bytes(5))
    if (index === undefined || index < 0 || index >= data.dataset.databases.length) throw ERR.dbIndexOutOfRange
    const name = checkName(args.string(6))
    if (!engine.clients.users.identify(client, args.string(3))) throw NO_USER
    client.database = Number(index)
    client.identity.name = name
    if (protocol !== client.protocol) {
      client.protocol = protocol
      requests.replies.setProtocol(protocol)
      reply.setProtocol?.(protocol)
      client.followSubscriptions()
    }
    reply.ok()
  },
})
