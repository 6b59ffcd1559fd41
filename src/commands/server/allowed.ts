// `enable-debug-command`, `enable-module-command` and `enable-protected-configs`: who may use what
// is dangerous.

import type { Config } from '../../config/config.ts'
import type { Client } from '../../engine/clients/client.ts'

/** Tells whether a setting of the kind no | yes | local allows something to this client. */
export function isAllowed(
  config: Config,
  client: Client,
  setting: 'enable-debug-command' | 'enable-module-command' | 'enable-protected-configs',
): boolean {
  const allowed = config.get(setting)
  return allowed === 'yes' || (allowed === 'local' && isLocal(client.transport.address))
}

/**
 * This machine's own addresses; a unix socket ends in `:0`, a caller within the process has no port
 * at all.
 */
function isLocal(address: string): boolean {
  return (
    /^(127\.\d+\.\d+\.\d+|\[?::1\]?|\[?::ffff:127\.\d+\.\d+\.\d+\]?):\d+$/.test(address) || !/:[1-9]\d*$/.test(address)
  )
}
