// Parts: code of the package that is compiled only when it is first used.
//
// V8 reads all of a file before anything in it can run, about 50 ms a megabyte. A program that
// opens a broker and sets a key needs a third of Respite. So the rest stands in files of its own,
// the parts. The first use of a name in a part loads it: `require_scripting.Scripts`, as the
// bundler writes it, becomes `require_scripting().Scripts`. The same is done for some modules of
// Node. The sources know nothing of it.
//
// Shared code stands in `core.js`, where names are plain constants. Names of a part are looked up
// at each use, so code that other files use for every request does not belong into a part. The core
// must load without any part.

import { parseSync, Visitor } from 'rolldown/utils'

/**
 * The name of a part → the sources in it, under `src`. Commands stand with the structure they are
 * about, where few others use that.
 */
const PARTS: Readonly<Record<string, RegExp>> = {
  bitmap: /^(commands\/bitmap\/|store\/derived\/bit-field\.|util\/bytes\/bitops\.)/,
  'broker-stream': /^embedded\/broker-stream\./,
  channels:
    /^channels\/[a-z]+\/(future-id-ages|channel-log|in-flight-messages|group|group-member|lag-counter|reader|scheduled-messages|unread-messages)\./,
  cluster: /^cluster\//,
  'config-file': /^config\/config-(file|rewrite)\./,
  'console-door': /^(door\/(brokers|console|jobs|remote|sign-in)\/|monitoring\/(?!known-queues\.))/,
  door: /^door\//,
  faults: /^engine\/upkeep\/faults\./,
  geo: /^(commands\/geo\/|store\/derived\/geo|util\/numbers\/partial-sort\.)/,
  hash: /^(commands\/hash\/|store\/hash\/(hash|field-times)\.)/,
  hyperloglog: /^(commands\/hyperloglog\/|store\/derived\/hyperloglog\.)/,
  list: /^(commands\/list\/|store\/list\/list(?!-entry))/,
  metrics: /^(metrics\/|monitoring\/known-queues\.)/,
  persistence:
    /^(util\/bytes\/lzf\.|store\/keyspace\/data-digest\.|persistence\/(?!(snapshot\/(background-saving|large-changes)|disk\/(directory-claims|disk)|errors|log\/rewrite)\.))/,
  'replicated-log': /^replicated-log\//,
  replication:
    /^replication\/(?!(failover|full-sync|backlogged-stream|migrations|migration-notices|partial-sync|replicas|replication|shared-bytes|snapshot-bytes)\.)/,
  scripting: /^(commands\/)?scripting\//,
  server: /^server\/(?!(boot\/(boot|errors|load-users|options|replica-drain)|listening\/embedded-listeners)\.)/,
  shards: /^shards\//,
  set: /^(commands\/set\/|store\/set\/)/,
  'sorted-set': /^(commands\/sorted-set\/|store\/sorted-set\/)/,
  stream: /^(commands\/stream\/|store\/stream\/(named-table|stream(?!-id)))/,
}

/** Other commands, by groups: `commands-string`. Code that several groups share is in the core. */
const COMMANDS = /^commands\/([a-z-]+)\/(?!(expiry-times|scan-arguments)\.)/

/**
 * Modules of Node that a start or a first broker does not need: together they take as long to load
 * as a quarter of the core.
 */
const LATER_MODULES = [
  'child_process',
  'http',
  'https',
  'readline',
  'readline/promises',
  'stream',
  'tls',
  'v8',
  'worker_threads',
]

/** The object in the core's exports by which all files find the parts. */
const TABLE = 'parts'
/** The bundler's name for the core's exports. */
const CORE = 'require_core'

/** Tells whether a module of Node is loaded when it is first used. */
export function isLoadedLater(path: string): boolean {
  return LATER_MODULES.includes(path.replace(/^node:/, ''))
}

/**
 * Returns the part that a source belongs to; undefined: the core. `source` is a path under `src`.
 */
export function partOf(source: string): string | undefined {
  for (const [part, sources] of Object.entries(PARTS)) if (sources.test(source)) return part
  const group = COMMANDS.exec(source)?.[1]
  return group === undefined ? undefined : `commands-${group}`
}

/** Returns the code of the core, which loads parts when they are first used. */
export function coreWithParts(code: string, parts: readonly string[]): string {
  const table = parts.map((part) => loader(variableOf(part), `require("./${part}.js")(exports)`))
  const entries = parts.map((part) => `\t${variableOf(part)}`)
  const { body, modules } = usedLater(code, parts)
  return `${modules}${body}${table.join('')}exports.${TABLE} = {\n${entries.join(',\n')}\n};\n`
}

/**
 * Returns the code of a part: a function that takes the core and returns the part's exports. `core`
 * is the core's code.
 *
 * It does not ask for the core itself: a test runner that has forgotten its modules would load a
 * second one. Parentheses around a function tell V8 to compile it now.
 */
export function partWithCore(code: string, parts: readonly string[], core: string): string {
  const { body, modules, table, names } = usedLater(code, parts, core)
  return `module.exports = (function(${CORE}) {\nconst exports = {};\n${names}${table}${modules}${body}return exports;\n});\n`
}

/** Returns the code of an entry. It has the core by `require`. */
export function entryWithParts(code: string, parts: readonly string[]): string {
  const { body, modules, table } = usedLater(code, parts)
  return modules + body.replace(new RegExp(`^const ${CORE} = .*\\n`, 'm'), (line) => line + table)
}

const variableOf = (part: string): string => `require_${part.replaceAll('-', '_')}`

/** A function of this name that makes something when it is first called. */
const loader = (name: string, made: string): string =>
  `let made_${name};\nfunction ${name}() {\n\treturn made_${name} ??= ${made};\n}\n`

/**
 * Code whose parts and modules are loaded when they are first used, and the lines that must stand
 * around it.
 */
interface UsedLater {
  readonly body: string
  /** Functions that load modules. */
  readonly modules: string
  /** Takes the functions of the parts out of the core's table. */
  readonly table: string
  /** Takes the names that a part uses out of the core. */
  readonly names: string
}

/**
 * Removes the lines that load parts and modules at once, and calls functions instead. With the code
 * of the core, turns names taken from it into constants, except variables, which change.
 */
function usedLater(code: string, parts: readonly string[], core?: string): UsedLater {
  const partOfVariable = new Map(parts.map((part) => [variableOf(part), part]))
  const later = new Set<string>()
  const usedParts = new Set<string>()
  const modules = new Map<string, string>()
  const coreNames = new Set<string>()
  const edits: { start: number; end: number; text: string }[] = []
  const handled = new Set<number>()
  const { program, errors } = parseSync('code.js', code)
  if (errors.length > 0) throw new Error(errors[0]!.message)

  for (const statement of program.body) {
    const text = code.slice(statement.start, statement.end)
    const [, name, path] = /^(?:let|const) (\w+) = require\("([^"]+)"\);$/.exec(text) ?? []
    if (name !== undefined && path !== undefined) {
      const isPart = partOfVariable.has(name)
      if (!isPart && !isLoadedLater(path)) {
        if (name !== CORE || core === undefined) continue
      } else {
        later.add(name)
        if (isPart) usedParts.add(name)
        else modules.set(name, `require("${path}")`)
      }
    } else continue
    edits.push({ start: statement.start, end: statement.end + 1, text: '' })
  }

  const variables = new Set(core?.match(/(?<=^let )\w+/gm))
  const isIn = (start: number): boolean =>
    edits.some((edit) => edit.text === '' && start >= edit.start && start < edit.end)
  new Visitor({
    NewExpression({ callee }) {
      // `new` takes the expression before the first parentheses for the class.
      if (callee.type !== 'MemberExpression' || callee.object.type !== 'Identifier' || !later.has(callee.object.name))
        return
      edits.push(
        { start: callee.start, end: callee.start, text: '(' },
        { start: callee.end, end: callee.end, text: ')' },
      )
    },
    MemberExpression({ object, property, end }) {
      if (object.type !== 'Identifier') return
      if (later.has(object.name)) {
        handled.add(object.start)
        edits.push({ start: object.end, end: object.end, text: '()' })
      } else if (
        object.name === CORE &&
        core !== undefined &&
        property.type === 'Identifier' &&
        !variables.has(property.name)
      ) {
        coreNames.add(property.name)
        edits.push({ start: object.start, end, text: `core_${property.name}` })
      }
    },
    Identifier({ name, start }) {
      // It would get the function, not its result.
      if (later.has(name) && !handled.has(start) && !isIn(start))
        throw new Error(`${name} is used as a whole: ${code.slice(start - 40, start + 40)}`)
    },
  }).visit(program)

  let body = code
  for (const { start, end, text } of edits.sort((a, b) => b.start - a.start || b.end - a.end))
    body = body.slice(0, start) + text + body.slice(end)
  for (const part of parts)
    if (body.includes(`/${part}.js")`))
      throw new Error(`${part} is loaded when it is first used: sources import it as anything else, not by import()`)
  const taken = [...coreNames].map((name) => `${name}: core_${name}`)
  return {
    body,
    modules: [...modules].map(([name, made]) => loader(name, made)).join(''),
    table: usedParts.size === 0 ? '' : `const { ${[...usedParts].join(', ')} } = ${CORE}.${TABLE};\n`,
    names: taken.length === 0 ? '' : `const { ${taken.join(', ')} } = ${CORE};\n`,
  }
}
