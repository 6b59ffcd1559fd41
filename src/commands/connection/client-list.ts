// CLIENT LIST, CLIENT INFO: one line for each connection.

import type { Client } from '../../engine/clients/client.ts'
import { describeClient } from '../../engine/clients/describe-client.ts'
import { ERR } from '../../protocol/errors.ts'
import { parseInteger } from '../../util/numbers/numbers.ts'
import type { Call, Engine } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { clientTypeOf, parseClientType } from './client-type.ts'

export const clientList = defineCommand({
  name: 'CLIENT LIST',
  summary: 'Describes the open connections, one a line.',
  group: 'connection',
  since: '2.4.0',
  complexity: 'O(N) where N is the number of connections.',
  arity: -2,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  acl: ['connection'],
  args: [
    {
      name: 'client-type',
      type: 'oneof',
      token: 'TYPE',
      optional: true,
      since: '5.0.0',
      args: [
        { name: 'normal', type: 'pure-token', token: 'NORMAL' },
        { name: 'master', type: 'pure-token', token: 'MASTER' },
        { name: 'replica', type: 'pure-token', token: 'REPLICA' },
        { name: 'pubsub', type: 'pure-token', token: 'PUBSUB' },
      ],
    },
    { name: 'client-id', type: 'integer', token: 'ID', optional: true, multiple: true, since: '6.2.0' },
  ],
  tips: ['nondeterministic_output'],
  reply: 'text: a line of field=value pairs for each connection',
  history: [
    ['2.8.12', 'Tells the id of each connection.'],
    ['5.0.0', 'TYPE.'],
    ['6.0.0', 'Tells the user.'],
    ['6.2.0', 'Tells argv-mem, tot-mem, laddr and redir; ID.'],
    ['7.0.0', 'Tells resp, multi-mem, rbs and rbp.'],
    ['7.0.3', 'Tells ssub.'],
  ],
  run(call) {
    const { args } = call
    const engine = call.engine
    let text = ''
    if (args.length === 4 && args.equalsIgnoreCase(2, 'TYPE')) {
      const type = parseClientType(args.string(3))
      for (const client of engine.clients.connected.values()) {
        if (clientTypeOf(client) === type) text += `${describe(call, client)}\n`
      }
    } else if (args.length > 3 && args.equalsIgnoreCase(2, 'ID')) {
      const clients: (Client | undefined)[] = []
      for (let i = 3; i < args.length; i++) {
        const id = parseInteger(args.bytes(i))
        if (id === undefined) throw ERR.invalidClientId
        clients.push(engine.clients.connected.get(Number(id)))
      }
      for (const client of clients) if (client !== undefined) text += `${describe(call, client)}\n`
    } else if (args.length > 2) {
      throw ERR.syntax
    } else {
      for (const client of engine.clients.connected.values()) text += `${describe(call, client)}\n`
    }
    call.reply.verbatim(text)
  },
})

export const clientInfo = defineCommand({
  name: 'CLIENT INFO',
  summary: 'Describes this connection.',
  group: 'connection',
  since: '6.2.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['noscript', 'loading', 'stale'],
  acl: ['connection'],
  tips: ['nondeterministic_output'],
  reply: 'text: a line of field=value pairs',
  run(call) {
    call.reply.verbatim(`${describe(call, call.client)}\n`)
  },
})

function describe(call: Call, client: Client): string {
  const request = call.client === client ? call.args : undefined
  const engine = call.engine
  return (
    describeClient(client, call.now(), engine.clients.tracking.trackerOf(client), request) +
    describeReaders(engine, client)
  )
}

/**
 * Fields that Redis does not have, for subscriptions to channels that keep messages: how many are
 * behind, and how many messages they have missed for good.
 */
function describeReaders(engine: Engine, client: Client): string {
  let readers = 0
  let behind = 0
  let missed = 0
  for (const reader of engine.parts.channels.subscriptions.ofClient(client)) {
    readers++
    if (!reader.isLive) behind++
    missed += reader.missed
  }
  return readers === 0 ? '' : ` chan-behind=${behind} chan-missed=${missed}`
}
