// OBJECT FREQ: how often a key is used.

import { ERR } from '../../protocol/errors.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { defineCommand } from '../define-command.ts'
import { findAsked, keepsFrequency, objectCommon } from './object.ts'

export const objectFreq = defineCommand({
  ...objectCommon,
  name: 'OBJECT FREQ',
  summary: 'Tells how often a key is used, on a logarithmic scale.',
  since: '4.0.0',
  reply: 'integer: 0 to 255; nil when the key does not exist',
  run(call) {
    const entry = findAsked(call)
    if (entry === NONE) return
    if (!keepsFrequency(call)) {
      throw ERR.of(
        'An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.',
      )
    }
    call.reply.integer(call.engine.upkeep.eviction.frequencyOf(call.db, entry))
  },
})
