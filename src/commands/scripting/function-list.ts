// FUNCTION LIST: the libraries, their functions, and their code.

import { ERR } from '../../protocol/errors.ts'
import type { FunctionLibrary } from '../../scripting/function-libraries.ts'
import { oneLine } from '../../scripting/reply-from-lua.ts'
import { SCRIPT_FLAGS } from '../../scripting/shebang.ts'
import { Glob } from '../../util/bytes/glob.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'

export const functionList = defineCommand({
  name: 'FUNCTION LIST',
  summary: 'Lists the libraries of functions.',
  group: 'scripting',
  since: '7.0.0',
  complexity: 'O(N) where N is the number of functions',
  arity: -2,
  flags: ['noscript'],
  tips: ['nondeterministic_output_order'],
  args: [
    { name: 'library-name-pattern', type: 'string', token: 'LIBRARYNAME', optional: true },
    { name: 'withcode', type: 'pure-token', token: 'WITHCODE', optional: true },
  ],
  reply: 'array: a map for each library',
  run(call) {
    const { args } = call
    let pattern: Glob | undefined
    let withCode = false
    for (let i = 2; i < args.length; i++) {
      if (!withCode && args.equalsIgnoreCase(i, 'WITHCODE')) withCode = true
      else if (pattern === undefined && args.equalsIgnoreCase(i, 'LIBRARYNAME')) {
        if (i + 1 === args.length) throw ERR.of('library name argument was not given')
        pattern = new Glob(args.string(++i), 'ignored')
      } else throw ERR.of(`Unknown argument ${oneLine(args.string(i))}`)
    }
    call.engine.effects.durability.lookedAtLibraries()
    const { libraries } = call.engine.parts.scripting.functions
    const listed = [...libraries.values()].filter(({ name }) => pattern?.matches(name) ?? true)
    call.reply.array(listed.length)
    for (const library of listed) replyLibrary(call, library, withCode)
  },
})

function replyLibrary({ reply }: Call, { name, functions, code }: FunctionLibrary, withCode: boolean): void {
  reply.map(withCode ? 4 : 3)
  reply.text('library_name')
  reply.text(name)
  reply.text('engine')
  reply.text('LUA')
  reply.text('functions')
  reply.array(functions.length)
  for (const registered of functions) {
    reply.map(3)
    reply.text('name')
    reply.text(registered.name)
    reply.text('description')
    if (registered.description === undefined) reply.nil()
    else reply.text(registered.description)
    reply.text('flags')
    const flags = SCRIPT_FLAGS.filter(([, bit]) => (registered.flags & bit) !== 0)
    reply.set(flags.length)
    for (const [flag] of flags) reply.status(flag)
  }
  if (!withCode) return
  reply.text('library_code')
  reply.text(code)
}
