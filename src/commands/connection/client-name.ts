// CLIENT SETNAME, GETNAME, SETINFO: a connection's description of itself, for people who read
// CLIENT LIST.

import { ERR } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'

/**
 * Redis 7.2 reads only up to the first zero byte, here and in CLIENT LIST: CLIENT SETNAME "1\0 2"
 * is accepted.
 */
const PRINTABLE = /^[!-~]*(?:$|\0)/

/** Returns a client's name. Throws when CLIENT LIST could not print it as one word. */
export function checkName(name: string): string {
  if (!PRINTABLE.test(name)) throw ERR.clientName
  return name
}

export const clientSetname = defineCommand({
  name: 'CLIENT SETNAME',
  summary: 'Names this connection; the empty name takes the name away.',
  group: 'connection',
  since: '2.6.9',
  complexity: 'O(1)',
  arity: 3,
  flags: ['noscript', 'loading', 'stale'],
  tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
  acl: ['connection'],
  args: [{ name: 'connection-name', type: 'string' }],
  reply: 'status OK',
  run(call) {
    call.client.identity.name = checkName(call.args.string(2))
    call.reply.ok()
  },
})

export const clientGetname = defineCommand({
  name: 'CLIENT GETNAME',
  summary: 'Returns the name of this connection.',
  group: 'connection',
  since: '2.6.9',
  complexity: 'O(1)',
  arity: 2,
  flags: ['noscript', 'loading', 'stale'],
  acl: ['connection'],
  reply: 'bulk string: the name; nil when it has none',
  run(call) {
    if (call.client.identity.name === '') call.reply.nil()
    else call.reply.text(call.client.identity.name)
  },
})

export const clientSetinfo = defineCommand({
  name: 'CLIENT SETINFO',
  summary: 'Says which library this connection belongs to.',
  group: 'connection',
  since: '7.2.0',
  complexity: 'O(1)',
  arity: 4,
  flags: ['noscript', 'loading', 'stale'],
  tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
  acl: ['connection'],
  args: [
    {
      name: 'attr',
      type: 'oneof',
      args: [
        { name: 'libname', type: 'string', token: 'LIB-NAME' },
        { name: 'libver', type: 'string', token: 'LIB-VER' },
      ],
    },
  ],
  reply: 'status OK',
  run(call) {
    const { args, client } = call
    const isName = args.equalsIgnoreCase(2, 'LIB-NAME')
    if (!isName && !args.equalsIgnoreCase(2, 'LIB-VER')) {
      throw ERR.of(`Unrecognized option '${args.string(2)}'`)
    }
    const value = args.string(3)
    if (!PRINTABLE.test(value)) {
      throw ERR.of(`${args.string(2)} cannot contain spaces, newlines or special characters.`)
    }
    if (isName) client.identity.libraryName = value
    else client.identity.libraryVersion = value
    call.reply.ok()
  },
})
