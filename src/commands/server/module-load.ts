// MODULE LOAD, LOADEX, UNLOAD: modules do not exist here. A client that may load modules gets
// Redis's error for a module that cannot be loaded.

import type { Config } from '../../config/config.ts'
import type { Client } from '../../engine/clients/client.ts'
import { ERR, type ReplyError } from '../../protocol/errors.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { isAllowed } from './enable-setting.ts'

const NOT_ALLOWED = ERR.of(
  'MODULE command not allowed. If the enable-module-command option is set to "local", you can run it from a local connection, ' +
    'otherwise you need to set this option in the configuration file, and then restart the server.',
)
const NOT_LOADED = ERR.of('Error loading the extension. Please check the server logs.')
const NOT_THERE = ERR.of('Error unloading module: no such module with that name')

function forbidden(config: Config, client: Client): ReplyError | undefined {
  return isAllowed(config, client, 'enable-module-command') ? undefined : NOT_ALLOWED
}

const common = {
  group: 'server',
  complexity: 'O(1)',
  flags: ['admin', 'noscript', 'no_async_loading'],
  reply: 'an error: there are no modules',
  forbidden,
} as const satisfies Partial<CommandSpec>

export const moduleLoad = defineCommand({
  ...common,
  name: 'MODULE LOAD',
  summary: 'Would load a module; there are none.',
  since: '4.0.0',
  arity: -3,
  args: [
    { name: 'path', type: 'string' },
    { name: 'arg', type: 'string', optional: true, multiple: true },
  ],
  run(call) {
    throw forbidden(call.engine.config, call.client) ?? NOT_LOADED
  },
})

export const moduleLoadex = defineCommand({
  ...common,
  name: 'MODULE LOADEX',
  summary: 'Would load a module with settings of its own; there are none.',
  since: '7.0.0',
  arity: -3,
  args: [
    { name: 'path', type: 'string' },
    {
      name: 'configs',
      type: 'block',
      token: 'CONFIG',
      optional: true,
      multiple: true,
      multipleToken: true,
      args: [
        { name: 'name', type: 'string' },
        { name: 'value', type: 'string' },
      ],
    },
    { name: 'args', type: 'string', token: 'ARGS', optional: true, multiple: true },
  ],
  run(call) {
    throw forbidden(call.engine.config, call.client) ?? NOT_LOADED
  },
})

export const moduleUnload = defineCommand({
  ...common,
  name: 'MODULE UNLOAD',
  summary: 'Would remove a module; there are none.',
  since: '4.0.0',
  arity: 3,
  args: [{ name: 'name', type: 'string' }],
  run(call) {
    throw forbidden(call.engine.config, call.client) ?? NOT_THERE
  },
})
