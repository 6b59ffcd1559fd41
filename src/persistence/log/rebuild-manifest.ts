// Rebuilds a lost manifest from the names of the files.
//
// Names tell most: which file is the base, and the order of the increments. They do not tell which
// files a rewrite had replaced already and not yet removed. So a manifest is rebuilt only where one
// reading is possible: at most one base, increments without a gap (from 1 on, where there is no
// base), every file whole except for the end of the last. The operator is shown the manifest first.

import path from 'node:path'
import { itemAt } from '../../util/array-reads.ts'
import { type Disk, replaceFile } from '../disk/disk.ts'
import { PART_NAME } from './aof-directory.ts'
import { type AofFileVerdict, checkAofFile } from './check-aof.ts'
import { Manifest, type Part } from './manifest.ts'

export interface RebuiltManifest {
  path: string
  manifest: Manifest
  /** The verdicts on its files, in their order; the last file may have a damaged end. */
  files: AofFileVerdict[]
}

/** The reason why no manifest could be rebuilt. */
export class NotRebuilt extends Error {
  override name = 'NotRebuilt'
}

/**
 * Works out what the manifest must have been. `where` is its path, or the directory of the
 * append-only files. Throws NotRebuilt, and the disk's error.
 */
export async function rebuildManifest(disk: Disk, where: string): Promise<RebuiltManifest> {
  const directory = where.endsWith('.manifest') ? path.dirname(where) : where
  const names = await disk.list(directory)
  const prefix = where.endsWith('.manifest') ? path.basename(where, '.manifest') : onlyPrefix(names, directory)
  const file = path.join(directory, `${prefix}.manifest`)
  if (names.includes(`${prefix}.manifest`)) {
    throw new NotRebuilt(`${file} is there: move it away first, if it is to be rebuilt`)
  }
  const manifest = assemble(names, prefix, directory)
  const files: AofFileVerdict[] = []
  const { parts } = manifest
  for (const [i, part] of parts.entries()) {
    const verdict = await checkAofFile(disk, path.join(directory, part.name))
    files.push(verdict)
    if (verdict.damage === undefined) continue
    const isEnd = i === parts.length - 1 && part.type === 'increment'
    if (!isEnd) {
      throw new NotRebuilt(`${verdict.path} is damaged at offset ${verdict.damage.offset}: ${verdict.damage.problem}`)
    }
  }
  return { path: file, manifest, files }
}

/** Writes the manifest to the disk. */
export function writeManifest(disk: Disk, { path: file, manifest }: RebuiltManifest): Promise<void> {
  manifest.check()
  return replaceFile(disk, file, manifest.format())
}

function onlyPrefix(names: readonly string[], directory: string): string {
  const prefixes = new Set(names.map((name) => PART_NAME.exec(name)?.[1]).filter((prefix) => prefix !== undefined))
  const found = [...prefixes].filter((prefix) => !prefix.startsWith('temp-'))
  if (found.length === 0) throw new NotRebuilt(`${directory} holds no append-only files`)
  if (found.length === 1) return itemAt(found, 0)
  throw new NotRebuilt(
    `${directory} holds files of several logs (${found.join(', ')}): name the manifest that is to be made, ${path.join(directory, `${found[0]}.manifest`)} for instance`,
  )
}

function assemble(names: readonly string[], prefix: string, directory: string): Manifest {
  const manifest = new Manifest()
  const bases: Part[] = []
  for (const name of names) {
    const [, ownPrefix, digits, kind] = PART_NAME.exec(name) ?? []
    // A single file of an older version was taken over under its own name.
    if (name === prefix) bases.push({ name, sequence: 1, type: 'base' })
    if (ownPrefix !== prefix) continue
    const sequence = Number(digits)
    if (kind === 'incr.aof') manifest.increments.push({ name, sequence, type: 'increment' })
    else bases.push({ name, sequence, type: 'base' })
  }
  const { increments } = manifest
  increments.sort((a, b) => a.sequence - b.sequence)
  if (bases.length === 0 && increments.length === 0) throw new NotRebuilt(`${directory} holds no files of ${prefix}`)
  if (bases.length > 1) {
    const list = bases.map((base) => base.name).join(' and ')
    throw new NotRebuilt(`there are two bases, and their names do not say which one counts: ${list}`)
  }
  manifest.base = bases[0]
  const first = increments[0]?.sequence ?? 1
  if (manifest.base === undefined && first !== 1) {
    throw new NotRebuilt(`there is no base, and the first increment is number ${first}: what came before it is missing`)
  }
  increments.forEach((part, i) => {
    if (part.sequence === first + i) return
    throw new NotRebuilt(
      `increment ${first + i} is missing: there is ${itemAt(increments, i - 1).name}, and then ${part.name}. Should it never have been, write the manifest by hand:\n${manifest.format().toString().trimEnd()}`,
    )
  })
  return manifest
}
