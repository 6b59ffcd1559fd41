// The endpoints of the console, and the way of a request to one of them.

import { HttpError } from '../exchanges/http-error.ts'
import { segmentsOf } from '../routes/names.ts'
import { BROKER_ENDPOINTS } from './broker-endpoints.ts'
import { CHANNEL_ENDPOINTS } from './channel-endpoints.ts'
import { COMMAND_ENDPOINT } from './command-endpoint.ts'
import { DURABILITY_ENDPOINT } from './durability-endpoint.ts'
import type { Endpoint } from './endpoint.ts'
import { JOB_ENDPOINTS } from './job-endpoints.ts'
import { OVERVIEW_ENDPOINT } from './overview-endpoint.ts'
import { QUEUE_ENDPOINTS } from './queue-endpoints.ts'
import { SESSION_ENDPOINTS } from './session-endpoints.ts'
import { TAIL_ENDPOINT } from './tail-endpoint.ts'

export const ENDPOINTS: readonly Endpoint[] = [
  ...SESSION_ENDPOINTS,
  COMMAND_ENDPOINT,
  OVERVIEW_ENDPOINT,
  ...CHANNEL_ENDPOINTS,
  TAIL_ENDPOINT,
  ...QUEUE_ENDPOINTS,
  ...JOB_ENDPOINTS,
  DURABILITY_ENDPOINT,
  ...BROKER_ENDPOINTS,
]

export interface Found {
  readonly endpoint: Endpoint
  readonly names: readonly string[]
}

/**
 * Finds the endpoint of a request; undefined = none has this path. Throws HttpError for a wrong
 * method.
 */
export function endpointOf(
  method: string,
  path: string,
  endpoints: readonly Endpoint[] = ENDPOINTS,
): Found | undefined {
  const segments = segmentsOf(path)
  const allowed: string[] = []
  for (const endpoint of endpoints) {
    const names = namesIn(endpoint, segments)
    if (names === undefined) continue
    if (endpoint.method === method) return { endpoint, names }
    allowed.push(endpoint.method)
  }
  if (allowed.length === 0) return undefined
  throw new HttpError(405, `${allowed.join(', ')} only`, { Allow: allowed.join(', ') })
}

/** The names that stand in a path at the places in braces; undefined = it is another path. */
function namesIn({ path }: Endpoint, segments: readonly string[]): string[] | undefined {
  const wanted = path.split('/').slice(1)
  if (wanted.length !== segments.length) return undefined
  const names: string[] = []
  for (const [i, word] of wanted.entries()) {
    const segment = segments[i] ?? ''
    if (word.startsWith('{') && segment !== '') names.push(segment)
    else if (word !== segment) return undefined
  }
  return names
}
