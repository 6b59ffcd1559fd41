// Opens the store of snapshots that an address names. The keys of a bucket come from the
// environment.

import { ConfigError } from '../../config/config.ts'
import { systemDisk } from '../../persistence/disk/disk.ts'
import type { SnapshotStore } from '../snapshot-store.ts'
import { DirectoryStore } from './directory-store.ts'
import { S3Store } from './s3-store.ts'
import type { StoreSource } from './store-address.ts'

/** Throws ConfigError when the keys of a bucket are missing, LogUnfit when its package is. */
export async function openStore(source: StoreSource): Promise<SnapshotStore> {
  if (source.kind === 'directory') return new DirectoryStore(systemDisk, source.path)
  return S3Store.open({ ...source.options, ...credentialsOf(process.env) })
}

/** Reads the keys of S3 from the places where S3's own tools look. */
function credentialsOf(environment: NodeJS.ProcessEnv): {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
} {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = environment
  if (!accessKeyId || !secretAccessKey)
    throw new ConfigError("'log-snapshots' needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment")
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) }
}
