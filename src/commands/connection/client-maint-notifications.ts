// CLIENT MAINT_NOTIFICATIONS: whether this connection is told of planned maintenance.
//
// Redis 7.2 has no such command, and neither has this server unless `maint-notifications` is on. Its
// words are those that clients send to servers that have it: `ON moving-endpoint-type TYPE`.
// Parameters that are not known have no effect, because clients may send more of them later.
//
// Each user may ask, whatever its rules. Clients send this by themselves at each connect, so a
// denial would fill ACL LOG with requests that no program made, and the notices tell a client of its
// own connection alone. Rules written for Redis 7.2 cannot name this subcommand.

import { MOVING_ENDPOINT_TYPES, type MovingEndpointType } from '../../engine/clients/maintenance.ts'
import { ERR } from '../../protocol/errors.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'

const NEEDS_RESP3 = ERR.of('CLIENT MAINT_NOTIFICATIONS needs RESP3: send HELLO 3 first')
const UNKNOWN_ENDPOINT_TYPE = ERR.of(`moving-endpoint-type must be one of ${MOVING_ENDPOINT_TYPES.join(', ')}`)

export const clientMaintNotifications = defineCommand({
  name: 'CLIENT MAINT_NOTIFICATIONS',
  summary: 'Chooses whether this connection is told of handovers and of slots that move, before they do.',
  group: 'connection',
  since: '0.1.0',
  complexity: 'O(1)',
  arity: -3,
  flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth'],
  acl: ['connection'],
  args: [
    {
      name: 'enabled',
      type: 'oneof',
      args: [
        { name: 'on', type: 'pure-token', token: 'ON' },
        { name: 'off', type: 'pure-token', token: 'OFF' },
      ],
    },
    {
      name: 'parameter',
      type: 'block',
      optional: true,
      multiple: true,
      args: [
        { name: 'name', type: 'string' },
        { name: 'value', type: 'string' },
      ],
    },
  ],
  reply: 'status OK',
  run(call) {
    const { args, client, engine } = call
    const { maintenance } = engine.clients
    if (!engine.config.get('maint-notifications')) throw ERR.unknownSubcommand(args.string(1), 'CLIENT')
    // `no_auth` lets each user in, and a client that has no user yet.
    if (!client.authenticated) throw ERR.noAuth
    const isOn = args.equalsIgnoreCase(2, 'ON')
    if ((!isOn && !args.equalsIgnoreCase(2, 'OFF')) || args.length % 2 === 0) throw ERR.syntax
    const endpointType = endpointTypeOf(call)
    if (!isOn) maintenance.remove(client)
    else if (client.protocol === 2) throw NEEDS_RESP3
    else maintenance.add(client, endpointType)
    call.reply.ok()
  },
})

/** Returns the last `moving-endpoint-type`. Throws ReplyError for an unknown one. */
function endpointTypeOf({ args }: Call): MovingEndpointType {
  let chosen: MovingEndpointType = 'internal-ip'
  for (let i = 3; i < args.length; i += 2) {
    if (!args.equalsIgnoreCase(i, 'MOVING-ENDPOINT-TYPE')) continue
    const known = MOVING_ENDPOINT_TYPES.find((type) => args.equalsIgnoreCase(i + 1, type.toUpperCase()))
    if (known === undefined) throw UNKNOWN_ENDPOINT_TYPE
    chosen = known
  }
  return chosen
}
