// The address of this server for other machines, where no client's connection tells it: in the
// replicated log and in messages.

import { networkInterfaces } from 'node:os'
import type { Config } from '../../config/config.ts'

/** Values of `bind` that stand for all addresses, so they name none. */
const ANY: ReadonlySet<string> = new Set(['', '*', '::*', '0.0.0.0', '::'])

/**
 * Returns `replica-announce-ip`, else the first address of `bind`. If `bind` names none, returns
 * the machine's first address that other machines can reach.
 */
export function ownAddress(config: Config): string {
  const announced = config.get('replica-announce-ip')
  if (announced !== '') return announced
  const bound = config.get('bind').split(' ')
  const own = bound.map((address) => address.replace(/^-/, '')).find((address) => !ANY.has(address))
  if (own !== undefined) return own
  const places = Object.values(networkInterfaces()).flat()
  return places.find((place) => place?.internal === false && place.family === 'IPv4')?.address ?? '127.0.0.1'
}
