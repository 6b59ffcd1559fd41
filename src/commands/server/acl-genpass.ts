// ACL GENPASS: a password that cannot be guessed. It comes from the system, not from the engine's
// random numbers, which may be seeded.

import { randomBytes } from 'node:crypto'
import { ERR } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'

const BITS_DEFAULT = 256
const BITS_MAX = 4096
const BITS_OUT_OF_RANGE = ERR.of(
  `ACL GENPASS argument must be the number of bits for the output password, a positive number up to ${BITS_MAX}`,
)

export const aclGenpass = defineCommand({
  name: 'ACL GENPASS',
  summary: 'Makes a password that cannot be guessed.',
  group: 'server',
  since: '6.0.0',
  complexity: 'O(1)',
  arity: -2,
  flags: ['noscript', 'loading', 'stale'],
  args: [{ name: 'bits', type: 'integer', optional: true }],
  reply: 'text: hexadecimal digits, one for every four bits',
  run(call) {
    const { args } = call
    if (args.length > 3) throw ERR.subcommandSyntax(args.string(1), 'ACL')
    const bits = args.length === 3 ? Number(args.integer(2)) : BITS_DEFAULT
    if (bits <= 0 || bits > BITS_MAX) throw BITS_OUT_OF_RANGE
    const digits = Math.ceil(bits / 4)
    call.reply.text(
      randomBytes(Math.ceil(digits / 2))
        .toString('hex')
        .slice(0, digits),
    )
  },
})
