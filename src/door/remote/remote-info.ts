// What INFO tells of another server. The kind is asked for once for each connection.

import { textOf } from '../console/asker.ts'
import type { RemoteServer } from './remote-server.ts'

export type Info = ReadonlyMap<string, string>

export interface RemoteKind {
  readonly name: 'respite' | 'redis' | 'valkey'
  readonly version: string
  /** The version of Redis that it is like. */
  readonly redisVersion: string
}

/** Returns the fields of INFO. Rejects with HttpError. */
export async function infoOf(remote: RemoteServer, section = 'all'): Promise<Info> {
  const asker = await remote.asker(0)
  const [text] = await asker.ask([['INFO', section]])
  const lines = (textOf(text) ?? '').split(/\r?\n/).filter((line) => line.includes(':'))
  return new Map(
    lines.map((line): [string, string] => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  )
}

export function kindIn(info: Info): RemoteKind {
  const name = info.has('respite_version') ? 'respite' : info.has('valkey_version') ? 'valkey' : 'redis'
  return { name, version: info.get(`${name}_version`) ?? '', redisVersion: info.get('redis_version') ?? '' }
}

/** The number of a field; null where there is none. */
export function numberOfField(info: Info, name: string): number | null {
  const value = Number(info.get(name) ?? Number.NaN)
  return Number.isFinite(value) ? value : null
}

/** `slave0:ip=10.0.0.1,port=6379,state=online,…` as its fields. */
export function fieldsOfValue(value: string): Info {
  return new Map(
    value.split(',').map((pair): [string, string] => {
      const at = pair.indexOf('=')
      return [pair.slice(0, at), pair.slice(at + 1)]
    }),
  )
}
