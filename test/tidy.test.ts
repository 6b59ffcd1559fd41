// The house rules that a machine can check: who imports whom, what is registered, what is generated, what no source may hold.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { ENTRY_FILES, packageExports, packageTypes } from '../scripts/entries.ts'
import {
  LATER_COMMANDS,
  namesOf,
  OWN_COMMANDS,
  REDIS_7_2_COMMANDS,
  SENTINEL_COMMANDS,
} from '../scripts/redis-commands.ts'
import { referencePages } from '../scripts/reference-pages.ts'
import { typedCommands } from '../scripts/typed-commands.ts'
import { commands } from '../src/commands/index.ts'
import { type ConfigName, configRow } from '../src/config/config.ts'
import { CONFIG_TABLE } from '../src/config/config-table.ts'
import { RESPITE_VERSION } from '../src/config/version.ts'
import { aclCategories } from '../src/engine/spec/acl-categories.ts'
import type { ArgSpec, Command } from '../src/engine/spec/command.ts'

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..')

const PACKAGE = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string
  exports: object
  typesVersions: object
  dependencies: object
  peerDependencies?: object
}

function filesUnder(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.tsx?$/.test(path))
    .map((path) => join(folder, path))
    .sort()
}

const SOURCES = new Map(filesUnder('src').map((path) => [path, readFileSync(join(ROOT, path), 'utf8')]))

/** The page that runs in a browser, and the packages that become part of it. */
const CONSOLE = 'src/console/'
const BUNDLED = ['preact', 'preact/hooks', 'uplot']

/** Folders under src by level: a file imports from its own folder and from lower levels, never from another of its own. */
const LEVELS: Readonly<Record<string, number>> = {
  console: 16,
  cli: 15,
  prover: 14,
  'drop-in': 13,
  entry: 12,
  embedded: 11,
  server: 10,
  metrics: 9,
  monitoring: 8.5,
  door: 9,
  commands: 8,
  shards: 7,
  'replicated-log': 6,
  replication: 5,
  cluster: 5,
  scripting: 4,
  channels: 4,
  persistence: 4,
  engine: 3,
  config: 2.5,
  acl: 2,
  broker: 2,
  queues: 2,
  store: 2,
  protocol: 1,
  util: 0,
}

/** The folder of a file under src: `src/engine/requests/call.ts` → engine. What lies in src itself is an entry of the package. */
function folderOf(path: string): string {
  const parts = path.split('/')
  return parts.length > 2 ? parts[1]! : 'entry'
}

/** Where a file imports from, type-only imports and re-exports included. */
function importsOf(text: string): string[] {
  return [...text.matchAll(/(?:^|\n)\s*(?:import|export)\b[^'";]*?from '([^']+)'|\bimport\('([^']+)'\)/g)].map(
    (match) => (match[1] ?? match[2])!,
  )
}

/** File → the files that it imports, types included. */
function importedFiles(): Map<string, string[]> {
  const imported = new Map<string, string[]>()
  for (const [path, text] of SOURCES) {
    const from = importsOf(text).filter((name) => name.startsWith('.'))
    imported.set(
      path,
      from.map((name) => relative(ROOT, resolve(ROOT, dirname(path), name))),
    )
  }
  return imported
}

/** Groups of files each of which leads back to itself through the others (Tarjan's strongly connected components). */
function circlesOf(imported: ReadonlyMap<string, readonly string[]>): string[][] {
  const circles: string[][] = []
  const numbers = new Map<string, number>()
  const lowest = new Map<string, number>()
  const path: string[] = []
  const visit = (file: string): void => {
    numbers.set(file, numbers.size)
    lowest.set(file, numbers.get(file)!)
    path.push(file)
    for (const next of imported.get(file) ?? []) {
      if (!numbers.has(next)) visit(next)
      if (path.includes(next)) lowest.set(file, Math.min(lowest.get(file)!, lowest.get(next)!))
    }
    if (lowest.get(file) !== numbers.get(file)) return
    const circle = path.splice(path.indexOf(file))
    if (circle.length > 1) circles.push(circle.sort())
  }
  for (const file of imported.keys()) if (!numbers.has(file)) visit(file)
  return circles
}

describe('imports', () => {
  test('every file in src itself, and in drop-in, is an entry of the package, as package.json has them', () => {
    const entries = [...SOURCES.keys()].filter((path) => /^src\/(drop-in\/)?[^/]+$/.test(path))
    expect(entries.sort()).toEqual(ENTRY_FILES.map((entry) => `src/${entry}.ts`).sort())
    expect(PACKAGE.exports).toEqual(packageExports())
    expect(PACKAGE.typesVersions).toEqual(packageTypes())
  })

  test('every folder has its level', () => {
    for (const path of SOURCES.keys()) expect(Object.keys(LEVELS), path).toContain(folderOf(path))
  })

  test('point down only', () => {
    const wrong: string[] = []
    for (const [path, text] of SOURCES) {
      for (const from of importsOf(text)) {
        if (!from.startsWith('.')) continue
        const target = relative(ROOT, resolve(ROOT, dirname(path), from))
        const [own, other] = [folderOf(path), folderOf(target)]
        if (own !== other && !(LEVELS[other]! < LEVELS[own]!)) wrong.push(`${path} imports ${target}`)
      }
    }
    expect(wrong).toEqual([])
  })

  test('of the store are its own and those of util', () => {
    const climbing = [...importedFiles()].filter(([path]) => folderOf(path) === 'store').flatMap(([, from]) => from)
    expect(climbing.filter((path) => !/^src\/(store|util)\//.test(path))).toEqual([])
  })

  test('make no circle of files: each is understood by what lies below it', () => {
    expect(circlesOf(importedFiles())).toEqual([])
  })

  test('name files with their ending', () => {
    const wrong: string[] = []
    for (const [path, text] of SOURCES) {
      for (const from of importsOf(text))
        if (from.startsWith('.') && !/\.tsx?$/.test(from)) wrong.push(`${path}: ${from}`)
    }
    expect(wrong).toEqual([])
  })

  test('of the console stay in it: it runs in a browser, and what it needs of packages becomes part of it', () => {
    const wrong: string[] = []
    for (const [path, text] of SOURCES) {
      if (!path.startsWith(CONSOLE)) continue
      for (const from of importsOf(text)) {
        const isOwn = relative(ROOT, resolve(ROOT, dirname(path), from)).startsWith(CONSOLE)
        if (!(from.startsWith('.') ? isOwn : BUNDLED.includes(from))) wrong.push(`${path}: ${from}`)
      }
    }
    expect(wrong).toEqual([])
  })

  test('of packages are dependencies', () => {
    const known = { ...PACKAGE.dependencies, ...PACKAGE.peerDependencies }
    const wrong: string[] = []
    for (const [path, text] of SOURCES) {
      if (path.startsWith(CONSOLE)) continue
      for (const from of importsOf(text)) {
        if (!from.startsWith('.') && !from.startsWith('node:') && !(from in known)) wrong.push(`${path}: ${from}`)
      }
    }
    expect(wrong).toEqual([])
  })
})

/** Most public fields that a class may have: more are several classes. */
const FIELDS_MAX = 12
/** Most files side by side in a folder: more are several rooms. */
const FILES_MAX = 25

/** Classes that may have more public fields, and why. */
const WIDE_CLASSES: Readonly<Record<string, string>> = {
  Counters: 'a row of figures',
  InfoFigures: 'a row of figures',
}

/** The folder that assembles engines: the other files are given one. */
const BOOT = 'src/server/boot'

/** Class → its public fields. The formatter indents them by two. */
function publicFieldsOf(text: string): Map<string, string[]> {
  const fields = new Map<string, string[]>()
  let own: string[] | undefined
  for (const line of text.split('\n')) {
    const name = /^(?:export )?(?:abstract )?class (\w+)/.exec(line)?.[1]
    if (name !== undefined) {
      own = []
      fields.set(name, own)
    } else if (line === '}') own = undefined
    const field = /^ {2}(?:override )?(?:readonly )?([A-Za-z_]\w*)[?!]?(?::| =)/.exec(line)?.[1]
    if (field !== undefined) own?.push(field)
  }
  return fields
}

describe('rooms', () => {
  test(`of ${FIELDS_MAX} public fields at most are the classes`, () => {
    const wide = new Set<string>()
    const wrong: string[] = []
    for (const [path, text] of SOURCES) {
      for (const [name, fields] of publicFieldsOf(text)) {
        if (fields.length <= FIELDS_MAX) continue
        wide.add(name)
        if (WIDE_CLASSES[name] === undefined) wrong.push(`${path}: ${name} has ${fields.length}: ${fields.join(' ')}`)
      }
    }
    expect(wrong).toEqual([])
    expect([...wide].sort()).toEqual(Object.keys(WIDE_CLASSES).sort())
  })

  test(`of ${FILES_MAX} files at most are the folders, but for commands`, () => {
    const counts = new Map<string, number>()
    for (const path of SOURCES.keys()) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1)
    const crowded = [...counts].filter(([folder, count]) => count > FILES_MAX && !folder.startsWith('src/commands'))
    expect(crowded).toEqual([])
  })

  test('are put together by the boot: the others import Engine as a type', () => {
    const found: string[] = []
    for (const [path, text] of SOURCES) {
      for (const [, names] of text.matchAll(/^import \{([^}]*)\} from '[^']*engine\/engine\.ts'$/gm)) {
        if (/(?<!type )\bEngine\b/.test(names!)) found.push(path)
      }
    }
    expect(found.filter((path) => dirname(path) !== BOOT)).toEqual([])
    expect(found).not.toEqual([])
  })

  test('assign no field of an engine', () => {
    const wrong: string[] = []
    for (const [path, text] of SOURCES) {
      for (const [assignment] of text.matchAll(/\bengine(\.parts)?\.\w+ = .*/g)) wrong.push(`${path}: ${assignment}`)
    }
    expect(wrong).toEqual([])
  })
})

describe('sources', () => {
  test.each([
    ['work left open', /\b(TODO|FIXME|XXX|HACK)\b|not implemented/i],
    ['any', /:\s*any\b|\bas any\b|<any>|any\[\]/],
    ['switched-off checks', /@ts-(ignore|nocheck|expect-error)|biome-ignore|eslint-disable/],
    ['forgotten output', /\bconsole\.(log|debug)\b/],
    ['silent catches', /catch(\s*\([^)]*\))?\s*\{\s*\}/],
    // V8 would compile all of the file that they stand in for speed: half a megabyte of machine code for a table of 256 numbers.
    ['loops outside of functions', /^(for|while|do)\b/],
  ])('hold no %s', (_, pattern) => {
    const found: string[] = []
    for (const [path, text] of SOURCES) {
      text.split('\n').forEach((line, i) => {
        if (pattern.test(line)) found.push(`${path}:${i + 1}: ${line.trim()}`)
      })
    }
    expect(found).toEqual([])
  })
})

describe('modules', () => {
  test('keep their state in named objects, with a reason beside each, and in no loose variable', () => {
    // In an object they would cost an append to a stream 3 to 5 % (bench/structures.ts).
    const FAST = ['stream-id.ts', 'stream-listpack.ts', 'stream.ts'].map((name) => `src/store/stream/${name}`)
    // The prover has a program for another process as a text.
    const IN_A_TEXT = 'src/prover/cluster/broker.ts'
    const found: string[] = []
    for (const [path, text] of SOURCES) {
      if (FAST.includes(path) || path === IN_A_TEXT) continue
      for (const [line] of text.matchAll(/^(?:export )?(?:let|var) .*$/gm)) found.push(`${path}: ${line}`)
    }
    expect(found).toEqual([])
  })

  test('publish messages by publishMessage alone, which tells replicas and other shards too', () => {
    const PUBLISHERS = [
      // A channel's gaps, and Sentinel's switches: notices for subscribers here alone.
      'src/channels/channels.ts',
      'src/engine/cluster-view/switch-master-message.ts',
      // Keyspace events, of which each node makes its own.
      'src/engine/data/keyspace-events.ts',
      'src/engine/effects/publish.ts',
    ]
    const found = [...SOURCES].filter(([, text]) => /pubSub\.publish(To)?\(/i.test(text)).map(([path]) => path)
    expect(found).toEqual(PUBLISHERS)
  })
})

describe('time', () => {
  // A thread has globals of its own, which no test framework reaches.
  const IN_A_THREAD = 'src/server/connection/blocked-loop-sockets.ts'
  const TIMERS = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'clearImmediate']
  const HOME = 'src/util/time/real-time.ts'

  test('is taken from one file, which fake timers do not reach', () => {
    const wrong: string[] = []
    const elsewhere =
      /from 'node:timers(\/promises)?'|\{[^}]*\bperformance\b[^}]*\} from 'node:perf_hooks'|\bDate\.now\b|new Date\(\)|process\.(nextTick|hrtime)|queueMicrotask\(/
    for (const [path, text] of SOURCES) {
      if (path === HOME || path === IN_A_THREAD || path.startsWith(CONSOLE)) continue
      const [, taken = ''] = /import \{ ([^}]*) \} from '[./a-z]*real-time\.ts'/.exec(text) ?? []
      const code = text.replace(/^\s*(\/\/|\*|\/\*).*$/gm, '')
      if (elsewhere.test(code)) wrong.push(`${path}: ${elsewhere.exec(code)![0]}`)
      for (const name of [...TIMERS, 'nextTick', 'performance']) {
        // A call, or the function itself handed on; not a method of that name.
        const isUsed = new RegExp(`(?<![.\\w#'-]|node )${name}(\\((?!\\):)|\\.now|$|[,;])`, 'm').test(
          code.replaceAll(taken, ''),
        )
        if (isUsed && !taken.split(', ').includes(name)) wrong.push(`${path}: ${name}`)
      }
    }
    expect(wrong).toEqual([])
  })
})

describe('commands', () => {
  const byName = new Map(commands.map((command) => [command.name, command]))

  test('are all registered', () => {
    // Which constants a file exports as commands, and which of them its group's index lists.
    const forgotten: string[] = []
    for (const [path, text] of SOURCES) {
      if (!path.startsWith('src/commands/') || path.endsWith('/index.ts')) continue
      for (const [, name] of text.matchAll(/^\s*name: '([A-Z][A-Z_ -]*)',$/gm)) {
        if (/defineCommand/.test(text) && !byName.has(name!.toLowerCase().replace(' ', '|'))) {
          forgotten.push(`${path}: ${name}`)
        }
      }
    }
    expect(forgotten).toEqual([])
  })

  test('stand in the folder of their group, in a file of their own or of their twins', () => {
    const files = [...SOURCES].filter(([path]) => path.startsWith('src/commands/') && !path.endsWith('/index.ts'))
    const wrong: string[] = []
    for (const { spec } of commands) {
      const homes = files.filter(([, text]) => text.includes(`name: '${spec.name}'`)).map(([path]) => path)
      if (homes.length !== 1 || homes[0]!.split('/')[2] !== spec.group) wrong.push(`${spec.name}: ${homes.join(' ')}`)
    }
    expect(wrong).toEqual([])
  })

  test('are described: summary, version, complexity, reply', () => {
    for (const { name, spec } of commands) {
      expect(spec.summary, name).toMatch(/^[A-Z].{10,}\.$/)
      expect(spec.since, name).toMatch(/^\d+\.\d+\.\d+$/)
      expect(spec.complexity ?? '', name).not.toBe('')
      if (spec.run !== undefined) expect(spec.reply ?? '', name).not.toBe('')
    }
  })

  // Redis's arity and its arguments disagree: QUIT, COMMAND, DEBUG, REPLCONF and PSYNC take anything, CLIENT KILL wants one of its options.
  const ARITY_SAYS_MORE = ['quit', 'command', 'debug', 'client|kill', 'replconf', 'psync']

  test('have the arity that their arguments add up to', () => {
    const wrong: string[] = []
    for (const command of commands) {
      if (command.spec.run === undefined || ARITY_SAYS_MORE.includes(command.name)) continue
      const { min, max } = wordsOf(command)
      const arity = max === min ? min : -min
      if (command.arity !== arity) wrong.push(`${command.name}: arity ${command.arity}, arguments say ${arity}`)
    }
    expect(wrong).toEqual([])
  })

  test('that write say how they use their keys, and no other may', () => {
    for (const { name, spec, isWrite } of commands) {
      for (const key of spec.keys ?? []) {
        // PFCOUNT reads, and stores its result; what a script does is not known beforehand.
        if (!isWrite && !/^(pfcount|eval|evalsha|fcall)$/.test(name)) expect(key.access, name).toBe('RO')
        if (!key.flags?.includes('not_key') && isWrite) expect(key.use ?? key.unknown, name).toBeDefined()
      }
    }
  })

  test('have a category besides being fast or slow, unless they only hold or explain others', () => {
    for (const command of commands) {
      if (command.spec.run === undefined || command.name.endsWith('|help')) continue
      const categories = aclCategories(command)
      // TIME and the reports on memory and on the cluster are those that Redis gives nothing.
      if (!/^(time|memory\|.*|cluster\|.*|acl\|(cat|genpass|whoami))$/.test(command.name))
        expect(categories.length, command.name).toBeGreaterThan(1)
    }
  })

  test('are commands of Redis 7.2, or of those listed as later or our own', () => {
    const known = new Set(Object.values(REDIS_7_2_COMMANDS).flatMap(namesOf))
    expect(known.size).toBe(370)
    const more = [...LATER_COMMANDS, ...SENTINEL_COMMANDS, ...OWN_COMMANDS]
    for (const name of more) expect(known.has(name), name).toBe(false)
    for (const name of more) known.add(name)
    expect(commands.map(({ spec }) => spec.name).filter((name) => !known.has(name))).toEqual([])
  })
})

/** How many words a command may have, its own name included. */
function wordsOf(command: Command): { min: number; max: number } {
  const own = command.name.includes('|') ? 2 : 1
  const { min, max } = sum(command.spec.args ?? [])
  return { min: own + min, max: own + max }
}

function sum(args: readonly ArgSpec[]): { min: number; max: number } {
  let min = 0
  let max = 0
  for (const arg of args) {
    const words = wordsOfArg(arg)
    min += words.min
    max += words.max
  }
  return { min, max }
}

function wordsOfArg(arg: ArgSpec): { min: number; max: number } {
  let { min, max } = contentOf(arg)
  // A token before each, or one before all: the first costs a word either way.
  if (arg.token !== undefined && arg.type !== 'pure-token') {
    min++
    max++
  }
  if (arg.multiple) max = Number.POSITIVE_INFINITY
  if (arg.optional) min = 0
  return { min, max }
}

function contentOf(arg: ArgSpec): { min: number; max: number } {
  if (arg.type === 'block') return sum(arg.args ?? [])
  if (arg.type !== 'oneof') return { min: 1, max: 1 }
  const choices = (arg.args ?? []).map(wordsOfArg)
  return { min: Math.min(...choices.map(({ min }) => min)), max: Math.max(...choices.map(({ max }) => max)) }
}

describe('settings', () => {
  const readers = [...SOURCES].filter(([path]) => !path.startsWith('src/engine/config'))

  // Read by the way they are parsed: there is only one value they can have.
  const DECIDED_BY_PARSING: readonly ConfigName[] = ['daemonize', 'cluster-enabled']
  // Shown by INFO, which is not the same as being in force.
  const ONLY_SHOWN: readonly ConfigName[] = ['hz', 'repl-backlog-size']

  test('say that they are only accepted for compatibility exactly when nothing reads them', () => {
    const wrong: string[] = []
    for (const name of Object.keys(CONFIG_TABLE) as ConfigName[]) {
      if (DECIDED_BY_PARSING.includes(name) || ONLY_SHOWN.includes(name)) continue
      const reading = new RegExp(
        `(?:\\.(?:get|text|onChange)\\(|isAllowed\\([\\w.]+, [\\w.]+, |follow\\(config, )'${name}'`,
      )
      const isRead = readers.some(([, text]) => reading.test(text))
      const inert = configRow(name).inert === true
      if (isRead === inert)
        wrong.push(`${name} is ${isRead ? 'read but called inert' : 'called in force but not read'}`)
    }
    expect(wrong).toEqual([])
  })

  test('have a sentence of documentation', () => {
    for (const name of Object.keys(CONFIG_TABLE) as ConfigName[])
      expect(configRow(name).doc, name).toMatch(/^[A-Z].+\.$/)
  })
})

test.each([...referencePages(), typedCommands()])('%s is up to date (npm run docs)', (path, text) => {
  expect(readFileSync(join(ROOT, path), 'utf8')).toBe(text)
})

test('the version is the one of the package', () => {
  expect(RESPITE_VERSION).toBe(PACKAGE.version)
})
