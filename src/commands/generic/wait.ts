// WAIT: until so many replicas have what this client wrote.
//
// There are no replicas. Who asks for none is answered at once; who asks for
// some waits for the whole of the time, as with Redis when they are all away.

import { defineCommand } from '../../engine/command.ts'
import { ERR } from '../../protocol/errors.ts'
import { INT64_MAX, parseInteger } from '../../util/numbers.ts'

/** Parked under a name that no key can have: keys are bytes, this character is none. */
const REPLICAS = '\u{1F4E1}'
/** No type serves this waiter. */
const NO_TYPE = -1

export const wait = defineCommand({
  name: 'WAIT',
  summary: 'Waits until replicas have the writes of this client.',
  group: 'generic',
  since: '3.0.0',
  complexity: 'O(1)',
  acl: ['connection'],
  arity: 3,
  flags: [],
  args: [
    { name: 'numreplicas', type: 'integer' },
    { name: 'timeout', type: 'integer' },
  ],
  tips: ['request_policy:all_shards', 'response_policy:agg_min'],
  reply: 'integer: replicas that have them',
  mayWait: true,
  run(call) {
    const replicas = call.args.integer(1)
    const timeout = parseInteger(call.args.bytes(2))
    if (timeout === undefined) throw ERR.timeoutNotInteger
    if (timeout < 0) throw ERR.timeoutNegative
    if (timeout > INT64_MAX - BigInt(call.now())) throw ERR.timeoutOutOfRange
    if (replicas <= 0) return call.reply.integer(0)
    call.block({ keys: [REPLICAS], timeoutMs: Number(timeout), type: NO_TYPE, onTimeout: 'zero' })
  },
})
