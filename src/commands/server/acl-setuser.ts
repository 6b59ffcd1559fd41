// ACL SETUSER: creates a user, or changes one. Either all rules are applied or none.

import { hasBlanks, RuleError } from '../../acl/rule-error.ts'
import { UnclosedSelector } from '../../acl/user.ts'
import { ERR, printable } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'

export const aclSetuser = defineCommand({
  name: 'ACL SETUSER',
  summary: 'Makes a user, or changes its rules.',
  group: 'server',
  since: '6.0.0',
  complexity: 'O(N) where N is the number of rules, those that the user has included.',
  arity: -3,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  args: [
    { name: 'username', type: 'string' },
    { name: 'rule', type: 'string', optional: true, multiple: true },
  ],
  tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
  reply: 'status: OK',
  // Passwords are among the rules.
  hides: (_args, i) => i >= 2,
  history: [
    ['6.2.0', 'Patterns of channels.'],
    ['7.0.0', 'Selectors, and patterns of keys that may only be read or written.'],
  ],
  run(call) {
    const { args } = call
    const name = args.string(2)
    if (hasBlanks(name)) throw ERR.of("Usernames can't contain spaces or null characters")
    const words: string[] = []
    for (let i = 3; i < args.length; i++) words.push(args.string(i))
    try {
      call.engine.clients.users.set(name, words, failed)
    } catch (error) {
      if (error instanceof UnclosedSelector) {
        throw ERR.of(`Unmatched parenthesis in acl selector starting at '${untilZero(error.word)}'.`)
      }
      throw error
    }
    call.reply.ok()
  },
})

function failed(rule: string, error: unknown): never {
  if (!(error instanceof RuleError)) throw error
  throw ERR.of(`Error in ACL SETUSER modifier '${untilZero(rule)}': ${error.message}`)
}

function untilZero(text: string): string {
  return printable(text, Number.POSITIVE_INFINITY)
}
