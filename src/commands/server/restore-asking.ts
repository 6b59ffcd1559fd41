// RESTORE-ASKING: RESTORE for keys of a slot that is being imported; MIGRATE sends it.

import { defineCommand } from '../define-command.ts'
import { restore } from '../generic/restore.ts'

export const restoreAsking = defineCommand({
  ...restore.spec,
  name: 'RESTORE-ASKING',
  summary: 'Creates a key from bytes that DUMP gave, although its slot is not served here yet.',
  group: 'server',
  since: '3.0.0',
  flags: ['write', 'denyoom', 'asking'],
  docFlags: ['syscmd'],
})
