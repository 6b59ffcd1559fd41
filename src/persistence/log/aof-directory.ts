// The directory of the append-only log: `appenddirname` inside `dir`.
//
//   data/appendonlydir/appendonly.aof.manifest       names the others (manifest.ts)
//   data/appendonlydir/appendonly.aof.1.base.rdb     0 bytes in a log that began empty; older logs
//                                                    may have none
//   data/appendonlydir/appendonly.aof.1.incr.aof     the last increment is appended to
//
// Before version 7 Redis kept a single `data/appendonly.aof`. It is taken over as Redis does it:
// the manifest that names it as base is written first, then the file is moved. A crash in between
// is recognised and finished at the next start.
//
// This process uses a name once. After a failure it cannot know whether the manifest on the disk
// has the name. It also passes over a name that a file with content bears: a file that no manifest
// names may hold data all the same. A start that would leave such data out is refused.

import path from 'node:path'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { type AppendedFile, type Disk, readFile, replaceFile } from '../disk/disk.ts'
import { PersistenceError } from '../errors.ts'
import { Manifest, type Part } from './manifest.ts'

const MANIFEST_ENDING = '.manifest'
/**
 * Names that this program, or Redis, gives to the files of a log: prefix (`appendfilename`),
 * sequence number, kind.
 */
export const PART_NAME = /^(.+)\.(\d{1,15})\.(base\.rdb|base\.aof|incr\.aof)$/

export interface AofLocation {
  /** `dir` */
  readonly dir: string
  /** `appenddirname` */
  readonly directoryName: string
  /** `appendfilename` */
  readonly prefix: string
}

export class AofDirectory {
  readonly disk: Disk
  readonly location: AofLocation
  readonly path: string
  readonly manifestPath: string
  manifest: Manifest
  /** Names handed out by this process. */
  readonly #used = new Set<string>()
  /**
   * Files that may hold data unknown to this process: a base that replaces them does not delete
   * them.
   */
  readonly #unread = new Set<string>()

  private constructor(disk: Disk, location: AofLocation) {
    this.disk = disk
    this.location = location
    this.path = path.join(location.dir, location.directoryName)
    this.manifestPath = path.join(this.path, `${location.prefix}.manifest`)
    this.manifest = new Manifest()
  }

  /**
   * Finds the files of the log. Changes the disk only to take over a single file of an older
   * version. Throws PersistenceError, also when files with data are there that the manifest does
   * not name.
   *
   * `replaced`: the log will not be loaded; a base will replace it. Then it may lack files, nothing
   * is taken over, and the replaced files stay on the disk. `read`: nothing on the disk is changed.
   */
  static async open(
    disk: Disk,
    location: AofLocation,
    use: 'loaded' | 'replaced' | 'read' = 'loaded',
  ): Promise<AofDirectory> {
    const directory = new AofDirectory(disk, location)
    const { manifestPath } = directory
    if (await disk.exists(manifestPath)) {
      directory.manifest = Manifest.parse(await readFile(disk, manifestPath), manifestPath)
    }
    if (use === 'replaced') {
      for (const { name } of directory.manifest.parts) directory.#unread.add(name)
      return directory
    }
    if (use === 'read') await directory.#refuseSingleFile()
    else await directory.#takeOverSingleFile()
    if (directory.manifest.parts.length === 0) await directory.#refuseUnnamedData()
    else await directory.#refuseGap()
    for (const part of directory.manifest.parts) {
      const file = directory.pathOf(part)
      if (await disk.exists(file)) continue
      throw new PersistenceError(
        file,
        undefined,
        'the manifest names this file, but it does not exist',
        `Restore it from a backup; or, to go on without what it held, remove its line from ${manifestPath}`,
      )
    }
    return directory
  }

  /**
   * Tells whether nothing was ever written to the log: the base of a log that began empty has no
   * bytes.
   */
  async isEmpty(): Promise<boolean> {
    for (const part of this.manifest.parts) if ((await sizeOf(this.disk, this.pathOf(part))) > 0) return false
    return true
  }

  /**
   * Gives a log without files its first base, an empty one, so that files are counted as Redis
   * counts them. Its first increment names it. A log with files is left as it is.
   */
  async begin(format: 'rdb' | 'aof'): Promise<void> {
    const { disk, location, manifest } = this
    if (manifest.parts.length > 0) return
    await this.#create()
    // A crash before the manifest may have left it. With bytes in it the start would have been
    // refused.
    const base: Part = { name: `${location.prefix}.1.base.${format}`, sequence: 1, type: 'base' }
    this.#used.add(base.name)
    const file = await disk.openToAppend(this.pathOf(base))
    await file.sync()
    await file.close()
    manifest.base = base
  }

  /**
   * Returns the names of files with data that look like files of a log and that the manifest does
   * not name.
   */
  async unnamed(): Promise<string[]> {
    const { disk, location, manifest } = this
    const { names } = manifest
    const found: string[] = []
    for (const name of (await disk.exists(this.path)) ? await disk.list(this.path) : []) {
      if (names.has(name) || !(PART_NAME.test(name) || name === location.prefix)) continue
      if (!name.startsWith('temp-') && (await sizeOf(disk, path.join(this.path, name))) > 0) found.push(name)
    }
    return found.sort()
  }

  /** Refuses to begin an empty log beside files of another one. */
  async #refuseUnnamedData(): Promise<void> {
    const { disk, location, manifestPath } = this
    const unnamed = await this.unnamed()
    const manifests = (await disk.exists(this.path)) ? manifestsAmong(await disk.list(this.path)) : []
    if (manifests.length > 0) {
      throw new PersistenceError(
        this.path,
        undefined,
        `there is no ${path.basename(manifestPath)} in it, but ${manifests.join(', ')}`,
        `Set appendfilename to '${itemAt(manifests, 0).slice(0, -MANIFEST_ENDING.length)}' to load that; or move it away to start empty`,
      )
    }
    if (unnamed.length > 0) {
      throw new PersistenceError(
        manifestPath,
        undefined,
        `the manifest is missing, but there are files of a log: ${unnamed.join(', ')}`,
        `Restore it from a backup, or rebuild it: respite check-aof --rebuild-manifest ${manifestPath}; or move the files away to start empty`,
      )
    }
    for (const name of await listIfDirectory(disk, location.dir)) {
      if (name === location.directoryName || name.startsWith('.')) continue
      const other = manifestsAmong(await listIfDirectory(disk, path.join(location.dir, name)))
      if (other.length === 0) continue
      throw new PersistenceError(
        this.path,
        undefined,
        `there is no log in it, but one in ${path.join(location.dir, name)}`,
        `Set appenddirname to '${name}' to load that; or move it out of ${location.dir} to start empty`,
      )
    }
  }

  /**
   * Refuses a manifest that lost a line: it names the increments before and after a file, but not
   * the file.
   */
  async #refuseGap(): Promise<void> {
    const { increments } = this.manifest
    for (const name of await this.unnamed()) {
      const [, prefix, digits] = PART_NAME.exec(name) ?? []
      const sequence = Number(digits)
      const isBetween = increments.some(
        (part, i) => i > 0 && part.sequence > sequence && itemAt(increments, i - 1).sequence < sequence,
      )
      if (!isBetween || prefix !== this.location.prefix || !name.endsWith('.incr.aof')) continue
      throw new PersistenceError(
        this.manifestPath,
        undefined,
        `the manifest names increments before and after ${name}, but not that one`,
        `Restore the manifest from a backup or add the line 'file ${name} seq ${sequence} type i' in its place; or move the file away to go on without what it holds`,
      )
    }
  }

  /** Increments that a base has replaced and that are still there, in the order of writing. */
  get replacedIncrements(): Part[] {
    const found = this.manifest.history.filter(({ name }) => PART_NAME.exec(name)?.[3] === 'incr.aof')
    return found.sort((a, b) => a.sequence - b.sequence)
  }

  pathOf(part: Part): string {
    return path.join(this.path, part.name)
  }

  /** Refuses a single file that is yet to be taken over. */
  async #refuseSingleFile(): Promise<void> {
    const { disk, location, manifest } = this
    const single = path.join(location.dir, location.prefix)
    const named = manifest.base?.name === location.prefix && !(await disk.exists(path.join(this.path, location.prefix)))
    if ((manifest.parts.length > 0 && !named) || !(await disk.exists(single))) return
    throw new PersistenceError(
      single,
      undefined,
      'this append-only file is of a version before 7, and has no manifest',
      'Start the server on a copy of the directory once: it takes the file over',
    )
  }

  async #takeOverSingleFile(): Promise<void> {
    const { disk, location, manifest } = this
    const single = path.join(location.dir, location.prefix)
    const named = manifest.base?.name === location.prefix && manifest.increments.length === 0
    const moved = path.join(this.path, location.prefix)
    // A manifest that names other files is newer than the file with the old name.
    if (manifest.parts.length > 0 && !(named && !(await disk.exists(moved)))) return
    if (!(await disk.exists(single))) return
    await this.#create()
    if (!named) {
      manifest.base = { name: location.prefix, sequence: 1, type: 'base' }
      await this.#save()
    }
    await disk.rename(single, moved)
    await disk.syncDirectory(this.path)
    await disk.syncDirectory(location.dir)
  }

  /**
   * Opens the last increment for appending. Makes the first one, and the directory, when there is
   * none.
   */
  async openLast(): Promise<AppendedFile> {
    const { disk, manifest } = this
    const last = manifest.increments.at(-1)
    if (last !== undefined) return disk.openToAppend(this.pathOf(last))
    return (await this.addIncrement('named')).file
  }

  /**
   * Makes the next increment, an empty file, and adds it to the manifest: also to the one on the
   * disk at once (`named`), or with the next base. On failure the manifest is as before, though the
   * disk's may have it.
   */
  async addIncrement(when: 'named' | 'named later'): Promise<{ part: Part; file: AppendedFile }> {
    const { disk, manifest } = this
    await this.#create()
    const part = await this.#nextIncrement()
    let file: AppendedFile | undefined
    try {
      // The file must be durable before the manifest names it. A file left over from a crash is
      // empty.
      file = await disk.openToAppend(this.pathOf(part))
      await file.sync()
      await disk.syncDirectory(this.path)
      if (when === 'named') await this.#save()
    } catch (error) {
      assert(manifest.increments.at(-1) === part, 'the increment that could not be made is the last one')
      manifest.increments.pop()
      await file?.close()
      throw error
    }
    return { part, file }
  }

  /** Adds an increment whose file is empty or does not exist. */
  async #nextIncrement(): Promise<Part> {
    const { disk, manifest, location } = this
    for (;;) {
      const part = manifest.addIncrement(location.prefix, this.#used)
      this.#used.add(part.name)
      const file = this.pathOf(part)
      if (!(await disk.exists(file)) || (await sizeOf(disk, file)) === 0) return part
      manifest.increments.pop()
    }
  }

  /** Takes the last increment back: nothing was written to it, and nothing will be. */
  async withdrawIncrement(part: Part): Promise<void> {
    const { increments } = this.manifest
    const at = increments.indexOf(part)
    assert(at === -1 || at === increments.length - 1, 'no increment follows one that is withdrawn')
    if (at !== -1) increments.splice(at, 1)
    await this.#save()
    await this.disk.remove(this.pathOf(part))
  }

  /** Returns the part that the next base will be, written in `format`. */
  async nextBase(format: 'rdb' | 'aof'): Promise<Part> {
    const { disk, manifest, location } = this
    let sequence = manifest.base?.sequence ?? 0
    let name: string
    do name = `${location.prefix}.${++sequence}.base.${format}`
    while (this.#used.has(name) || manifest.names.has(name) || (await disk.exists(path.join(this.path, name))))
    this.#used.add(name)
    return { name, sequence, type: 'base' }
  }

  /**
   * Puts a base that is on the disk under a temporary name in the place of all parts except the
   * `kept` increments. That is the switch from the old state to the new one, at one stroke. The
   * replaced parts become history, except the files that it returns: they may hold data unknown to
   * this process, and stay, named nowhere. On failure the manifest is as before, though the disk's
   * may be the new one: all files of both are there.
   */
  async adoptBase(temporary: string, base: Part, kept: readonly Part[]): Promise<string[]> {
    const { disk, manifest } = this
    assert(this.#used.has(base.name) && !manifest.names.has(base.name), 'a new base has a name of its own')
    assert(
      kept.every((part) => manifest.increments.includes(part)),
      'a new base is followed by increments of its log',
    )
    await disk.rename(temporary, this.pathOf(base))
    // The base must be there for good before the manifest says so.
    await disk.syncDirectory(this.path)
    const replaced = manifest.parts.filter((part) => !kept.includes(part))
    const next = new Manifest()
    next.base = base
    next.increments = [...kept]
    const history = replaced.filter((part) => !this.#unread.has(part.name))
    next.history = [...manifest.history, ...history.map((part): Part => ({ ...part, type: 'history' }))]
    next.check()
    await replaceFile(disk, this.manifestPath, next.format())
    this.manifest = next
    return replaced.filter((part) => this.#unread.has(part.name)).map((part) => part.name)
  }

  /** Keeps a file on the disk even when a base replaces it: another process wrote to it. */
  keep(file: string): void {
    this.#unread.add(path.basename(file))
  }

  /** Creates the directory if it is missing. */
  create(): Promise<void> {
    return this.#create()
  }

  /**
   * Deletes the files that a base has replaced, except those with names in `kept`. The files go
   * first, then their lines, so a crash never leaves a file without a line.
   */
  async removeHistory(kept: readonly string[] = []): Promise<void> {
    const { disk, manifest } = this
    const removed = manifest.history.filter(({ name }) => !kept.includes(name))
    if (removed.length === 0) return
    for (const part of removed) {
      const file = this.pathOf(part)
      if (await disk.exists(file)) await disk.remove(file)
    }
    manifest.history = manifest.history.filter(({ name }) => kept.includes(name))
    await this.#save()
  }

  async #create(): Promise<void> {
    const { disk, location } = this
    if (await disk.exists(this.path)) return
    await disk.makeDirectory(this.path)
    await disk.syncDirectory(location.dir)
  }

  #save(): Promise<void> {
    this.manifest.check()
    return replaceFile(this.disk, this.manifestPath, this.manifest.format())
  }
}

function manifestsAmong(names: readonly string[]): string[] {
  return names.filter((name) => name.endsWith(MANIFEST_ENDING) && !name.startsWith('temp-'))
}

async function sizeOf(disk: Disk, name: string): Promise<number> {
  const file = await disk.open(name, 'read')
  try {
    return await file.size()
  } finally {
    await file.close()
  }
}

/** Returns the names in a directory; none if there is no directory or access is denied. */
async function listIfDirectory(disk: Disk, name: string): Promise<string[]> {
  try {
    return await disk.list(name)
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (['ENOTDIR', 'ENOENT', 'EACCES', 'EPERM'].includes(code)) return []
    throw error
  }
}
