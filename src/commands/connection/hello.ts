// HELLO: chooses the protocol version, authenticates and sets a name in one request.
//
// Everything is checked before anything changes, with one exception: a correct AUTH counts even if
// a later check fails.

import { REDIS_VERSION } from '../../config/version.ts'
import { ERR } from '../../protocol/errors.ts'
import { parseInteger } from '../../util/numbers/numbers.ts'
import { defineCommand } from '../define-command.ts'
import { authenticate } from './authenticate.ts'
import { checkName } from './client-name.ts'

export const hello = defineCommand({
  name: 'HELLO',
  summary: 'Chooses the protocol version and describes the server.',
  group: 'connection',
  since: '6.0.0',
  complexity: 'O(1)',
  arity: -1,
  flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
  args: [
    {
      name: 'arguments',
      type: 'block',
      optional: true,
      args: [
        { name: 'protover', type: 'integer' },
        {
          name: 'auth',
          type: 'block',
          token: 'AUTH',
          optional: true,
          args: [
            { name: 'username', type: 'string' },
            { name: 'password', type: 'string' },
          ],
        },
        { name: 'clientname', type: 'string', token: 'SETNAME', optional: true },
      ],
    },
  ],
  reply: 'map: what the server is and how this connection stands',
  history: [['6.2.0', 'The version may be left out: then it is only told.']],
  hides: (args, i) => {
    const isAuth = (at: number) => at >= 2 && at + 2 < args.length && args.equalsIgnoreCase(at, 'AUTH')
    return isAuth(i - 1) || isAuth(i - 2)
  },
  changesConnection: 'state',
  run(call) {
    const { args, client, engine, reply } = call
    let version: 2 | 3 | undefined
    if (args.length > 1) {
      const asked = parseInteger(args.bytes(1))
      if (asked === undefined) throw ERR.protocolVersionNotInteger
      if (asked !== 2 && asked !== 3) throw ERR.noProtocol
      version = asked
    }
    // The index of the user's name, which is followed by the password; 0 = no AUTH.
    let user = 0
    let name: string | undefined
    const options = call.options(2)
    while (options.next()) {
      if (options.is('AUTH') && options.has(2)) {
        options.bytes()
        user = options.index
        options.bytes()
      } else if (options.is('SETNAME') && options.has(1)) {
        name = checkName(options.string())
      } else {
        throw ERR.of(`Syntax error in HELLO option '${args.string(options.index)}'`)
      }
    }
    if (user !== 0) authenticate(call, args.bytes(user), args.bytes(user + 1))
    if (!client.authenticated) throw ERR.helloNoAuth
    if (name !== undefined) client.identity.name = name
    if (version !== undefined && version !== client.protocol) {
      client.protocol = version
      engine.requests.replies.setProtocol(version)
      reply.setProtocol?.(version)
      client.followSubscriptions()
    }
    reply.map(7)
    reply.text('server')
    reply.text('redis')
    reply.text('version')
    reply.text(REDIS_VERSION)
    reply.text('proto')
    reply.integer(client.protocol)
    reply.text('id')
    reply.integer(client.id)
    reply.text('mode')
    reply.text(call.engine.parts.cluster === null ? 'standalone' : 'cluster')
    reply.text('role')
    reply.text(call.engine.effects.role.isReplica ? 'replica' : 'master')
    reply.text('modules')
    reply.array(0)
  },
})
