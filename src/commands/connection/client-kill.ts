// CLIENT KILL: ends connections.
//
// `CLIENT KILL ip:port` ends one connection, which may be the caller's, and fails if there is none.
// The form with filters ends all connections that pass every filter, and replies with their number;
// it spares the caller unless SKIPME is no. The caller's connection ends after its reply.

import type { Client } from '../../engine/clients/client.ts'
import { ERR } from '../../protocol/errors.ts'
import { parseInteger } from '../../util/numbers/numbers.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { type ClientType, clientTypeOf, parseClientType } from './client-type.ts'

interface Filters {
  id: number | undefined
  type: ClientType | undefined
  address: string | undefined
  localAddress: string | undefined
  user: string | undefined
  skipMe: boolean
}

export const clientKill = defineCommand({
  name: 'CLIENT KILL',
  summary: 'Ends connections.',
  group: 'connection',
  since: '2.4.0',
  complexity: 'O(N) where N is the number of connections.',
  arity: -3,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  acl: ['connection'],
  args: [
    {
      name: 'filter',
      type: 'oneof',
      args: [
        { name: 'old-format', type: 'string', shown: 'ip:port', deprecatedSince: '2.8.12' },
        {
          name: 'new-format',
          type: 'oneof',
          multiple: true,
          args: [
            { name: 'client-id', type: 'integer', token: 'ID', optional: true, since: '2.8.12' },
            {
              name: 'client-type',
              type: 'oneof',
              token: 'TYPE',
              optional: true,
              since: '2.8.12',
              args: [
                { name: 'normal', type: 'pure-token', token: 'NORMAL' },
                { name: 'master', type: 'pure-token', token: 'MASTER', since: '3.2.0' },
                { name: 'slave', type: 'pure-token', token: 'SLAVE' },
                { name: 'replica', type: 'pure-token', token: 'REPLICA', since: '5.0.0' },
                { name: 'pubsub', type: 'pure-token', token: 'PUBSUB' },
              ],
            },
            { name: 'username', type: 'string', token: 'USER', optional: true },
            { name: 'addr', type: 'string', shown: 'ip:port', token: 'ADDR', optional: true },
            { name: 'laddr', type: 'string', shown: 'ip:port', token: 'LADDR', optional: true, since: '6.2.0' },
            {
              name: 'skipme',
              type: 'oneof',
              token: 'SKIPME',
              optional: true,
              args: [
                { name: 'yes', type: 'pure-token', token: 'YES' },
                { name: 'no', type: 'pure-token', token: 'NO' },
              ],
            },
          ],
        },
      ],
    },
  ],
  reply: 'status OK for an address, integer: how many ended for filters',
  history: [
    ['2.8.12', 'Takes filters.'],
    ['2.8.12', 'ID.'],
    ['3.2.0', 'Type master.'],
    ['5.0.0', 'Type replica for slave, which still works.'],
    ['6.2.0', 'LADDR.'],
  ],
  run(call) {
    const { args } = call
    if (args.length === 3) {
      const found = kill(call, { ...NO_FILTERS, address: args.string(2), skipMe: false })
      if (found === 0) throw ERR.noSuchClient
      call.reply.ok()
    } else {
      call.reply.integer(kill(call, readFilters(call)))
    }
  },
})

const NO_FILTERS: Filters = {
  id: undefined,
  type: undefined,
  address: undefined,
  localAddress: undefined,
  user: undefined,
  skipMe: true,
}

function readFilters(call: Call): Filters {
  const filters = { ...NO_FILTERS }
  const options = call.options(2)
  while (options.next()) {
    if (!options.has(1)) throw ERR.syntax
    if (options.is('ID')) {
      const id = parseInteger(options.bytes())
      if (id === undefined || id < 1) throw ERR.clientIdNotPositive
      filters.id = Number(id)
    } else if (options.is('TYPE')) {
      filters.type = parseClientType(options.string())
    } else if (options.is('ADDR')) {
      filters.address = options.string()
    } else if (options.is('LADDR')) {
      filters.localAddress = options.string()
    } else if (options.is('USER')) {
      filters.user = options.string()
      if (call.engine.clients.users.get(filters.user) === undefined) throw ERR.of(`No such user '${filters.user}'`)
    } else if (options.is('SKIPME')) {
      const answer = options.bytes()
      if (answer.equalsIgnoreCase('YES')) filters.skipMe = true
      else if (answer.equalsIgnoreCase('NO')) filters.skipMe = false
      else throw ERR.syntax
    } else {
      throw ERR.syntax
    }
  }
  return filters
}

/** Ends every connection that passes the filters, and returns their number. */
function kill(call: Call, filters: Filters): number {
  const {
    clients: { connected: clients },
  } = call.engine
  const doomed = [...clients.values()].filter((client) => passes(client, filters, call.client))
  for (const client of doomed) clients.close(client, client === call.client ? 'flushed' : 'now')
  return doomed.length
}

function passes(client: Client, filters: Filters, self: Client): boolean {
  const {
    connection: { transport },
  } = client
  return (
    (filters.address === undefined || transport.address === filters.address) &&
    (filters.localAddress === undefined || transport.localAddress === filters.localAddress) &&
    (filters.type === undefined || clientTypeOf(client) === filters.type) &&
    (filters.id === undefined || client.id === filters.id) &&
    (filters.user === undefined || client.identity.user.name === filters.user) &&
    !(filters.skipMe && client === self)
  )
}
