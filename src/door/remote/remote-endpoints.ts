// The endpoints that show another server. Those that ask by commands are the same as for the broker
// in this process, and so are those that ask its view. The others are here.

import type { Console } from '../console/console.ts'
import type { ConsoleRequest, Endpoint } from '../console/endpoint.ts'
import { ENDPOINTS } from '../console/endpoints.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { listRemoteBrokers } from './remote-brokers.ts'
import { MISSING } from './remote-console.ts'
import { tellOfRemoteDurability } from './remote-durability.ts'
import type { RemoteServer } from './remote-server.ts'

export function remoteEndpoints(remote: RemoteServer): readonly Endpoint[] {
  const own: Readonly<Record<string, Endpoint['handle']>> = {
    'GET /v1/durability': (console, request) => tellOfRemoteDurability(console, remote, request),
    'GET /v1/brokers': (console, request) => listRemoteBrokers(console, remote, request),
    'GET /v1/brokers/self': refuseReport,
    'GET /v1/stalls': refuseStalls,
  }
  return ENDPOINTS.map((endpoint) => ({
    ...endpoint,
    handle: own[`${endpoint.method} ${endpoint.path}`] ?? endpoint.handle,
  }))
}

async function refuseStalls(console: Console, { exchange, visitor }: ConsoleRequest): Promise<void> {
  await console.askerOf(exchange, visitor, 0)
  throw new HttpError(501, MISSING.loopStalls)
}

async function refuseReport(console: Console, { exchange, visitor }: ConsoleRequest): Promise<void> {
  await console.askerOf(exchange, visitor, 0)
  throw new HttpError(501, 'this is the console of another server: it has no report of its own')
}
