// `enable-debug-command`, `enable-module-command` and `enable-protected-configs`: which clients may
// use dangerous commands and settings.

import type { Config } from '../../config/config.ts'
import type { Client } from '../../engine/clients/client.ts'

/** Returns true if a setting with the values no, yes and local allows this client something. */
export function isAllowed(
  config: Config,
  client: Client,
  setting: 'enable-debug-command' | 'enable-module-command' | 'enable-protected-configs',
): boolean {
  const allowed = config.get(setting)
  return allowed === 'yes' || (allowed === 'local' && isLocal(client.connection.transport.address))
}

/**
 * Addresses of this machine. The address of a unix socket ends in `:0`; a caller within the process
 * has no port at all.
 */
function isLocal(address: string): boolean {
  return (
    /^(127\.\d+\.\d+\.\d+|\[?::1\]?|\[?::ffff:127\.\d+\.\d+\.\d+\]?):\d+$/.test(address) || !/:[1-9]\d*$/.test(address)
  )
}
