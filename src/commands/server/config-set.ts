// CONFIG SET: changes settings, all of them or none.

import { CONFIG_NAMES, ConfigError, type ConfigName, configRow } from '../../config/config.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import { ERR, type ReplyError } from '../../protocol/errors.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { isAllowed } from './enable-setting.ts'

export const configSet = defineCommand({
  name: 'CONFIG SET',
  summary: 'Changes settings while the server runs.',
  group: 'server',
  since: '2.0.0',
  complexity: 'O(N) with N settings given',
  arity: -4,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  args: [
    {
      name: 'data',
      type: 'block',
      multiple: true,
      args: [
        { name: 'parameter', type: 'string' },
        { name: 'value', type: 'string' },
      ],
    },
  ],
  tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
  reply: 'status: OK',
  hides: isSecretValue,
  history: [['7.0.0', 'Accepts several settings, taken all or none.']],
  run(call) {
    if (call.args.length % 2 !== 0) throw ERR.syntax
    const called = new Map<ConfigName, string>()
    const settings = readSettings(call, called)
    try {
      call.engine.config.setAll(settings)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      throw failed(called.get(error.option as ConfigName)!, error.message)
    }
    const inert = call.engine.config.reportInert(called.keys())
    if (inert.length > 0)
      call.engine.environment.log.warn({ settings: inert.join(', ') }, 'set, but without effect here')
    call.reply.ok()
  },
})

/** Returns true if a word is the value of a secret setting. */
function isSecretValue(args: Arguments, i: number): boolean {
  if (i < 3 || i % 2 === 0) return false
  const name = CONFIG_NAMES.get(args.string(i - 1).toLowerCase())
  return name !== undefined && configRow(name).secret === true
}

/**
 * Reads the pairs and refuses settings that may not be set, whatever the value. `called` gets the
 * names as written.
 */
function readSettings(call: Call, called: Map<ConfigName, string>): [ConfigName, string][] {
  const settings: [ConfigName, string][] = []
  const seen = new Set<string>()
  for (let i = 2; i < call.args.length; i += 2) {
    const word = call.args.string(i)
    const lower = word.toLowerCase()
    const name = CONFIG_NAMES.get(lower)
    if (name === undefined) throw ERR.of(`Unknown option or number of arguments for CONFIG SET - '${word}'`)
    const row = configRow(name)
    const value = call.args.string(i + 1)
    const isSaid = row.ours === true && call.engine.config.text(name) === value
    if (!row.mutable && !isSaid) throw failed(word, "can't set immutable config")
    if (row.protected && !isAllowed(call.engine.config, call.client, 'enable-protected-configs')) {
      throw failed(word, "can't set protected config")
    }
    if (row.notWhileLoading && call.engine.conditions.state.loading.holds) throw ERR.loading
    // An old and a new name of one setting are no duplicate: the later pair wins.
    if (seen.has(lower)) throw failed(word, 'duplicate parameter')
    seen.add(lower)
    if (!row.mutable) continue
    called.set(name, lower)
    settings.push([name, value])
  }
  return settings
}

function failed(option: string, reason: string): ReplyError {
  return ERR.of(`CONFIG SET failed (possibly related to argument '${option}') - ${reason}`)
}
