// An engine with a journal on a disk in memory, started as a server starts it.

import type { ConfigName } from '../../src/config/config.ts'
import type { Log } from '../../src/engine/log.ts'
import type { AppendOnlyFile } from '../../src/persistence/log/append-only-file.ts'
import { type OpenJournal, openJournal } from '../../src/persistence/log/open-journal.ts'
import { createEngine, encode, type TestEngine, withoutJournal } from './engine.ts'
import type { MemoryDisk } from './memory-disk.ts'

export const DIRECTORY = '/data/appendonlydir'
export const MANIFEST = `${DIRECTORY}/appendonly.aof.manifest`
export const INCREMENT = `${DIRECTORY}/appendonly.aof.1.incr.aof`

export interface Started extends Omit<TestEngine, 'journal'> {
  aof: OpenJournal
  journal: AppendOnlyFile
  warnings: string[]
}

/** Starts an engine on what a disk holds; `ownsLoop`: as the program does, which may wait for the disk itself. */
export async function start(
  disk: MemoryDisk,
  settings: Partial<Record<ConfigName, string>> = {},
  ownsLoop = false,
): Promise<Started> {
  const test = createEngine({ dir: '/data', appendonly: 'yes', ...settings }, 1, [], undefined, ownsLoop)
  const warnings: string[] = []
  const note = (details: object, message: string): void => {
    warnings.push(`${message} ${JSON.stringify(details)}`)
  }
  Object.assign(test.engine.environment, {
    log: { ...test.engine.environment.log, warn: note, error: note } satisfies Log,
  })
  withoutJournal(test)
  const aof = await openJournal(test.engine, disk)
  return { ...test, aof, journal: aof.journal, warnings }
}

/** Puts a manifest and its files on a disk: name → content. The type follows from the name. */
export function putLog(disk: MemoryDisk, files: Record<string, string>): void {
  const sequences = { b: 0, i: 0 }
  const lines = Object.keys(files).map((name) => {
    const type = name.includes('.base.') ? 'b' : 'i'
    return `file ${name} seq ${++sequences[type]} type ${type}\n`
  })
  disk.put(MANIFEST, lines.join(''))
  for (const [name, content] of Object.entries(files)) disk.put(`${DIRECTORY}/${name}`, content)
}

/** Commands as they stand in a file, each a line of words. */
export function commands(...lines: string[]): string {
  return lines.map((line) => encode(line.split(' '))).join('')
}
