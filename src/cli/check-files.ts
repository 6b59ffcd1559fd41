// `respite check-aof` and `respite check-rdb`: are the files complete, and if not, up to which
// offset?
//
// A file is changed only as the owner of its directory, so never under a running server.
//
// Exit codes: 0 complete, or cut and complete now; 1 damaged; 2 invalid command line.

import path from 'node:path'
import { silentLog } from '../engine/log.ts'
import { DirectoryLock } from '../persistence/disk/directory-lock.ts'
import { systemDisk } from '../persistence/disk/disk.ts'
import { type AofFileVerdict, checkAof, cutAof } from '../persistence/log/check-aof.ts'
import { NotRebuilt, rebuildManifest, writeManifest } from '../persistence/log/rebuild-manifest.ts'
import { checkRdb, type RdbVerdict } from '../persistence/snapshot/check-rdb.ts'
import { processTerminal, type Terminal } from '../prover/terminal.ts'
import { systemClock } from '../util/time/clock.ts'
import { wrongOption } from './options/tools.ts'

const CHECK_AOF_HELP = `Usage: respite check-aof [--fix] [--truncate-to-timestamp SECONDS] [--yes] FILE | MANIFEST
       respite check-aof --rebuild-manifest [--yes] DIRECTORY | MANIFEST

Tells whether an append-only file, or all files of a manifest, are whole. The server must not be running.

  --fix                             cut a damaged last file off behind its last whole command or transaction
  --truncate-to-timestamp SECONDS   cut off everything after this Unix time; the file must hold notes of the
                                    time (aof-timestamp-enabled)
  --rebuild-manifest                make a lost manifest again from the names of the files in the
                                    directory; if they are ambiguous, nothing is made
  --yes                             do not ask before cutting or writing
`

const CHECK_RDB_HELP = `Usage: respite check-rdb [--fix] FILE

Tells whether a snapshot is whole, and what it holds.

  --fix    accepted as for check-aof, but changes nothing: cutting off the end of a snapshot would lose
           the keys that would have followed. Restore a backup.
`

const NO_REPAIR = 'A damaged snapshot cannot be repaired: restore a backup.'

/** Runs `check-aof` with its arguments and returns the exit code. */
export async function runCheckAof(args: readonly string[], terminal: Terminal = processTerminal): Promise<number> {
  const files: string[] = []
  let fix = false
  let rebuild = false
  let yes = false
  let until: number | undefined
  for (let i = 0; i < args.length; i++) {
    const word = args[i] ?? ''
    if (word === '--fix') fix = true
    else if (word === '--rebuild-manifest') rebuild = true
    else if (word === '--yes') yes = true
    else if (word === '--truncate-to-timestamp' && /^\d{1,15}$/.test(args[i + 1] ?? '')) until = Number(args[++i])
    else if (!word.startsWith('--')) files.push(word)
    else return usage(terminal, 'check-aof', word)
  }
  const [file] = files
  if (file === undefined || files.length > 1 || (rebuild && (fix || until !== undefined)))
    return usage(terminal, 'check-aof', '')
  if (rebuild) return runRebuildManifest(file, yes, terminal)
  if (!fix && until === undefined) return checkAndCut(file, { until, fix, yes }, terminal)
  return asOwner(file, () => checkAndCut(file, { until, fix, yes }, terminal), terminal)
}

async function checkAndCut(
  name: string,
  { until, fix, yes }: { until: number | undefined; fix: boolean; yes: boolean },
  terminal: Terminal,
): Promise<number> {
  const verdict = await checkAof(systemDisk, name, until)
  for (const file of verdict.files) terminal.print(describe(file))
  const last = verdict.files.at(-1)
  if (last === undefined || (last.damage === undefined && !last.reachedTime)) {
    terminal.print(until === undefined ? 'Everything is whole.' : 'Nothing is later than that time.')
    return 0
  }
  const mayCut = last.damage === undefined ? until !== undefined : fix
  if (!mayCut) {
    terminal.print('Run again with --fix to cut it off there; make a copy of the directory first.')
    return 1
  }
  const refusal = whyNotCut(last, verdict.lastIsLast)
  if (refusal !== undefined) {
    terminal.print(refusal)
    return 1
  }
  const excess = last.size - last.wholeTo
  if (!yes && !(await terminal.confirm(`Cut the last ${excess} of ${last.size} bytes off ${last.path}?`))) {
    terminal.print('Nothing was changed.')
    return 1
  }
  await cutAof(systemDisk, last)
  terminal.print(`${last.path} was cut to ${last.wholeTo} bytes.`)
  return 0
}

async function runRebuildManifest(where: string, yes: boolean, terminal: Terminal): Promise<number> {
  const work = async (): Promise<number> => {
    const rebuilt = await rebuildManifest(systemDisk, where)
    for (const file of rebuilt.files) terminal.print(describe(file))
    terminal.print(`\n${rebuilt.path}:\n${rebuilt.manifest.format().toString()}`)
    terminal.print(
      'The names do not tell whether a rewrite had just replaced some of these files: make a copy of the directory first.',
    )
    if (!yes && !(await terminal.confirm('Write this manifest?'))) {
      terminal.print('Nothing was changed.')
      return 1
    }
    await writeManifest(systemDisk, rebuilt)
    terminal.print('The manifest was written.')
    return 0
  }
  try {
    return await asOwner(where.endsWith('.manifest') ? where : path.join(where, 'any.manifest'), work, terminal)
  } catch (error) {
    if (!(error instanceof NotRebuilt)) throw error
    terminal.print(`No manifest was made: ${error.message}`)
    return 1
  }
}

/** Changes a file while this process owns its data directory. Throws DirectoryInUseError. */
async function asOwner(file: string, work: () => Promise<number>, terminal: Terminal): Promise<number> {
  // Append-only files are in a directory below the lock; single files of older versions, and
  // copies, are not.
  const own = path.dirname(path.resolve(file))
  const above = path.dirname(own)
  const isBelow = file.endsWith('.manifest') || (await systemDisk.exists(DirectoryLock.pathIn(above)))
  const warn = (_details: object, message: string): void => terminal.print(message)
  const lock = await DirectoryLock.take({
    disk: systemDisk,
    clock: systemClock,
    log: { ...silentLog, warn },
    directory: isBelow ? above : own,
    lost: () => {},
  })
  try {
    return await work()
  } finally {
    await lock.release()
  }
}

/** The reason why a file cannot be cut; undefined when it can. */
function whyNotCut(file: AofFileVerdict, isLast: boolean): string | undefined {
  if (file.snapshot !== undefined && file.snapshot.end === undefined) {
    return NO_REPAIR
  }
  if (!isLast) {
    return 'This is not the last file of the log, so it cannot be cut: later files build on it. To give them up, remove their lines from the manifest and run this again.'
  }
  return file.wholeTo === 0 && file.reachedTime ? 'Nothing in it is as old as that: it would be empty.' : undefined
}

function describe({ path, size, snapshot, commands, wholeTo, damage, reachedTime }: AofFileVerdict): string {
  const holds = [snapshot?.end === undefined ? '' : describeContent(snapshot), `${commands} commands`]
    .filter((part) => part !== '')
    .join(', then ')
  if (damage !== undefined) {
    return `${path}: damaged at offset ${damage.offset}: ${damage.problem}. Whole are the first ${wholeTo} of ${size} bytes (${holds}).`
  }
  if (reachedTime) return `${path}: the time is reached after ${wholeTo} of ${size} bytes (${holds}).`
  return `${path}: whole, ${size} bytes (${holds}).`
}

function describeContent({ version, content }: RdbVerdict): string {
  const { keys, volatile, expired, databases, functionLibraries, writtenBy } = content
  const functions = functionLibraries === 0 ? '' : `, ${functionLibraries} function libraries`
  const writer = writtenBy === undefined ? '' : `, written by version ${writtenBy}`
  return `a snapshot of format ${version} with ${keys} keys in ${databases} databases, ${volatile} with an expiry, ${expired} expired${functions}${writer}`
}

/** Runs `check-rdb` with its arguments and returns the exit code. */
export async function runCheckRdb(args: readonly string[], terminal: Terminal = processTerminal): Promise<number> {
  const [file = '--', ...rest] = args.filter((word) => word !== '--fix')
  if (file.startsWith('--') || rest.length > 0) return usage(terminal, 'check-rdb', file === '--' ? '' : file)
  const verdict = await checkRdb(systemDisk, file)
  const { damage, content, size, end } = verdict
  if (damage !== undefined) {
    terminal.print(
      `${file}: damaged at offset ${damage.offset}: ${damage.problem}. ${content.keys} keys stand before that.`,
    )
    if (args.includes('--fix')) terminal.print(NO_REPAIR)
    return 1
  }
  const behind = end !== undefined && end < size ? `; ${size - end} bytes follow it` : ''
  terminal.print(`${file}: whole, ${size} bytes: ${describeContent(verdict)}${behind}.`)
  return 0
}

function usage(terminal: Terminal, tool: 'check-aof' | 'check-rdb', word: string): number {
  const asked = word === '--help'
  if (!asked && word !== '') terminal.print(`respite ${tool}: ${wrongOption(tool, word).message}\n`)
  terminal.print((tool === 'check-aof' ? CHECK_AOF_HELP : CHECK_RDB_HELP).trimEnd())
  return asked ? 0 : 2
}
