// FUNCTION DUMP, FUNCTION RESTORE: every library as one payload, and back.
//
//   [245][code] for each library, [version u16][CRC-64 of everything before]

import { isFunctionPayload, readFunctionPayload, writeFunctionPayload } from '../../persistence/rdb/function-payload.ts'
import { ERR } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'

export const functionDump = defineCommand({
  name: 'FUNCTION DUMP',
  summary: 'Gives every library in a form that FUNCTION RESTORE takes.',
  group: 'scripting',
  since: '7.0.0',
  complexity: 'O(N) where N is the number of functions',
  arity: 2,
  flags: ['noscript'],
  reply: 'bulk string: the payload',
  run(call) {
    const engine = call.engine
    const { reply } = call
    engine.effects.durability.lookedAtLibraries()
    reply.bulk(writeFunctionPayload(engine.parts.scripting.functions.codes(), engine.config.get('rdbcompression')))
  },
})

export const functionRestore = defineCommand({
  name: 'FUNCTION RESTORE',
  summary: 'Loads the libraries in a payload of FUNCTION DUMP.',
  group: 'scripting',
  since: '7.0.0',
  complexity: 'O(N) where N is the number of functions on the payload',
  arity: -3,
  flags: ['write', 'denyoom', 'noscript'],
  tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
  args: [
    { name: 'serialized-value', type: 'string' },
    {
      name: 'policy',
      type: 'oneof',
      optional: true,
      args: [
        { name: 'flush', type: 'pure-token', token: 'FLUSH' },
        { name: 'append', type: 'pure-token', token: 'APPEND' },
        { name: 'replace', type: 'pure-token', token: 'REPLACE' },
      ],
    },
  ],
  reply: 'OK',
  run(call) {
    const { args } = call
    if (args.length > 4) throw ERR.subcommandSyntax(args.string(1), 'FUNCTION')
    let policy: 'flush' | 'append' | 'replace' = 'append'
    if (args.length === 4) {
      if (args.equalsIgnoreCase(3, 'FLUSH')) policy = 'flush'
      else if (args.equalsIgnoreCase(3, 'REPLACE')) policy = 'replace'
      else if (!args.equalsIgnoreCase(3, 'APPEND')) {
        throw ERR.of('Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.')
      }
    }
    if (!isFunctionPayload(args.bytes(2), call.engine.conditions.switches.comparesChecksums)) throw ERR.payloadFooter
    call.engine.parts.scripting.functions.restore(readFunctionPayload(args.bytes(2)), policy)
    call.engine.effects.durability.changedLibraries()
    call.changes++
    call.reply.ok()
  },
})
