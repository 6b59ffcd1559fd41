// The address of the snapshot store, as one line of the configuration:
//
//   file:///shared/directory
//   s3://bucket[/prefix]?endpoint=https://host[&region=…][&addressing=path|host]
//
// The access keys of a bucket come from the environment.

import { AddressError, AddressOptions, decoded } from '../address-options.ts'
import type { S3Options } from './s3-requests.ts'

export type StoreSource =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 's3'; readonly options: Omit<S3Options, 'accessKeyId' | 'secretAccessKey' | 'sessionToken'> }

const SHAPE = /^(file|s3):\/\/([^?]+)(?:\?(.*))?$/
/** The region that services other than AWS expect. */
const REGION = 'us-east-1'

/** Reads the address of a store. Throws AddressError. */
export function readStoreAddress(address: string): StoreSource {
  const [, kind, place, query = ''] = SHAPE.exec(address) ?? []
  if (place === undefined)
    throw new AddressError(
      "'log-snapshots': the address is file:///directory or s3://bucket/prefix?endpoint=https://host",
    )
  const options = new AddressOptions(query)
  if (kind === 'file') {
    options.end()
    if (!place.startsWith('/'))
      throw new AddressError("'log-snapshots': a directory must be an absolute path, such as file:///shared")
    return { kind: 'directory', path: decoded(place) }
  }
  const slash = place.indexOf('/')
  const prefix = slash < 0 ? '' : place.slice(slash + 1)
  const endpoint = options.text('endpoint')
  if (endpoint === undefined) throw new AddressError("'log-snapshots': a bucket needs endpoint=https://host")
  const source = {
    kind: 's3',
    options: {
      endpoint,
      region: options.text('region') ?? REGION,
      bucket: slash < 0 ? place : place.slice(0, slash),
      prefix: prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`,
      addressing: options.oneOf('addressing', ['path', 'host']),
    },
  } as const
  options.end()
  return source
}
