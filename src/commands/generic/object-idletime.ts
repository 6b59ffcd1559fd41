// OBJECT IDLETIME: the time since a key was last used.

import { ERR } from '../../protocol/errors.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { defineCommand } from '../define-command.ts'
import { findAsked, keepsFrequency, objectCommon } from './object.ts'

export const objectIdletime = defineCommand({
  ...objectCommon,
  name: 'OBJECT IDLETIME',
  summary: 'Tells for how many seconds a key was not used.',
  since: '2.2.3',
  reply: 'integer: seconds; nil when the key does not exist',
  run(call) {
    const entry = findAsked(call)
    if (entry === NONE) return
    if (keepsFrequency(call)) {
      throw ERR.of(
        'An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.',
      )
    }
    call.reply.integer(call.db.idleSeconds(entry))
  },
})
