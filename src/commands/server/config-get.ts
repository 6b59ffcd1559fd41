// CONFIG GET: settings by name or glob pattern.
//
// A setting that was requested by its name is shown under the name as written; one that matches a
// pattern, under its own name. Old names work, too (hash-max-ziplist-entries).

import { CONFIG_NAMES, configRow } from '../../config/config.ts'
import { globMatch } from '../../util/bytes/glob.ts'
import { defineCommand } from '../define-command.ts'

export const configGet = defineCommand({
  name: 'CONFIG GET',
  summary: 'Returns the values of settings.',
  group: 'server',
  since: '2.0.0',
  complexity: 'O(N) with N settings looked at',
  arity: -3,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  args: [{ name: 'parameter', type: 'string', multiple: true }],
  reply: 'map: settings and their values',
  history: [['7.0.0', 'Accepts several patterns.']],
  run(call) {
    /** The name in lower case → the name that is shown. */
    const found = new Map<string, string>()
    for (let i = 2; i < call.args.length; i++) {
      const pattern = call.args.string(i)
      const lower = pattern.toLowerCase()
      if (/[*?[]/.test(pattern)) {
        for (const [name, setting] of CONFIG_NAMES) {
          if (!configRow(setting).hidden && globMatch(lower, name)) found.set(name, found.get(name) ?? name)
        }
      } else if (CONFIG_NAMES.has(lower)) {
        found.set(lower, found.get(lower) ?? pattern)
      }
    }
    call.reply.map(found.size)
    for (const [name, shown] of found) {
      call.reply.text(shown)
      call.reply.text(call.engine.config.text(CONFIG_NAMES.get(name)!))
    }
  },
})
