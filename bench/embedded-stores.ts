// Stores within a program: those of Node, which children/embedded.ts measures, and libraries of C,
// which rivals/stores/measure.c measures.

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compiled, run } from './c-program.ts'
import { startChild } from './child.ts'
import { ROOT } from './servers.ts'
import { temporaryFolder } from './taken-along.ts'

export type NodeStore =
  | 'respite'
  | 'respite in a folder'
  | 'respite by callAll'
  | 'respite by sync'
  | 'respite by sync in a folder'
  | 'respite/ioredis'
  | 'Map'
  | 'ioredis-mock'
  | 'lmdb'
  | 'better-sqlite3'

/** The measured operations, each a second. Operations that a store does not have are absent. */
export interface EmbeddedReport {
  insert?: number
  set?: number
  setMany?: number
  get?: number
  getMany?: number
  iterate?: number
  delete?: number
}

export interface Work {
  keys: number
  milliseconds: number
  fillMilliseconds: number
  durable: boolean
}

export interface EmbeddedStore {
  /** With its version, as the page names it. */
  readonly name: string
  measure(work: Work): Promise<EmbeddedReport>
}

const PACKAGES = join(ROOT, 'bench/rivals/node_modules')

/** A store of Node; undefined: its package is not installed. */
export function nodeStore(store: NodeStore): EmbeddedStore | undefined {
  const isPackage = existsSync(join(PACKAGES, store, 'package.json'))
  if (!isPackage && (store === 'ioredis-mock' || store === 'lmdb' || store === 'better-sqlite3')) return undefined
  return {
    name: isPackage ? `${store} ${versionOf(store)}` : store,
    measure: (work) =>
      inFolder((directory) => startChild<EmbeddedReport>('embedded', { store, directory, ...work }).result),
  }
}

function versionOf(name: string): string {
  return (JSON.parse(readFileSync(join(PACKAGES, name, 'package.json'), 'utf8')) as { version: string }).version
}

/** Library → its source beside measure.c, and what says which version is installed. */
const LIBRARIES = {
  'Tokyo Cabinet': { source: 'tokyo-cabinet.c', library: 'tokyocabinet', package: 'libtokyocabinet-dev' },
  'Tokyo Cabinet in memory': { source: 'tokyo-memory.c', library: 'tokyocabinet', package: 'libtokyocabinet-dev' },
  GDBM: { source: 'gdbm.c', library: 'gdbm', package: 'libgdbm-dev' },
  'Berkeley DB': { source: 'berkeley-db.c', library: 'db', package: 'libdb-dev' },
  LMDB: { source: 'lmdb.c', library: 'lmdb', package: 'liblmdb-dev' },
} as const

export type Library = keyof typeof LIBRARIES

/** A library of C; undefined: it is not installed, or there is no compiler. */
export function libraryStore(name: Library): EmbeddedStore | undefined {
  const { source, library, package: debian } = LIBRARIES[name]
  const program = compiled(['stores/measure.c', `stores/${source}`], [library])
  if (program === undefined) return undefined
  const { stdout } = spawnSync('dpkg-query', ['-s', debian], { encoding: 'utf8' })
  const version = /^Version: (\d+(?:\.\d+)+)/m.exec(stdout ?? '')?.[1]
  return {
    name: version === undefined ? `${name} (C)` : `${name} ${version} (C)`,
    measure: ({ keys, milliseconds, fillMilliseconds, durable }) =>
      inFolder((directory) => {
        const numbers = [keys, milliseconds, fillMilliseconds].map(String)
        return run<EmbeddedReport>(program, directory, ...numbers, durable ? 'durable' : 'fast')
      }),
  }
}

async function inFolder<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const folder = temporaryFolder('store')
  try {
    return await work(folder.path)
  } finally {
    folder.remove()
  }
}
