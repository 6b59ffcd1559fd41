// Which code of the package is compiled only when it is first used.
//
// V8 reads all of a file before anything in it can run, about 50 ms a megabyte. A program that opens a broker and sets a key needs a third of
// Respite. So the rest stands in files of its own, parts, each of which is loaded by the first use of something in it: `require_scripting.Scripts`,
// as the bundler writes it, becomes `require_scripting().Scripts`. The sources know nothing of it.
//
// What all share stands in `core.js`, where names are plain constants. Names of a part are looked up at each use, so nothing belongs into a part
// that other files use for every request. Nothing of a part may be needed to load the core.

/** What a part is called → the sources in it, under `src`. Commands stand with what they are about, where few others use that. */
const PARTS: Readonly<Record<string, RegExp>> = {
  bitmap: /^(commands\/bitmap\/|store\/bit-field\.)/,
  channels: /^channels\/(channel-log|given-messages|group|group-member|reader|scheduled-messages|unread-messages)\./,
  cluster: /^cluster\//,
  geo: /^(commands\/geo\/|store\/geo)/,
  hash: /^(commands\/hash\/|store\/hash\.)/,
  hyperloglog: /^(commands\/hyperloglog\/|store\/hyperloglog\.)/,
  list: /^(commands\/list\/|store\/list(?!-entry))/,
  metrics: /^metrics\//,
  persistence: /^persistence\/(?!(background-saving|claimed-directories|disk|errors|large-changes|rewrite)\.)/,
  'replicated-log': /^replicated-log\//,
  replication: /^replication\/(?!(copy-row|failover|full-sync|leading|migrations|replication|row)\.)/,
  scripting: /^(commands\/)?scripting\//,
  server: /^server\/(?!(boot|catching-up|errors|listening|load-users|options)\.)/,
  shards: /^shards\//,
  set: /^(commands\/set\/|store\/(member-set|intset|set-algebra)\.)/,
  'sorted-set': /^(commands\/sorted-set\/|store\/(sorted-set|score-|gathered-scores))/,
  stream: /^(commands\/stream\/|store\/stream(?!-id))/,
}

/** Other commands, by groups: `commands-string`. What several groups share is in the core. */
const COMMANDS = /^commands\/([a-z-]+)\/(?!(expiry-times|scan-arguments)\.)/

/** The object in the core's exports by which everybody finds the parts. */
const TABLE = 'parts'

/** Returns the part that a source belongs to; undefined: the core. `source` is a path under `src`. */
export function partOf(source: string): string | undefined {
  for (const [part, sources] of Object.entries(PARTS)) if (sources.test(source)) return part
  const group = COMMANDS.exec(source)?.[1]
  return group === undefined ? undefined : `commands-${group}`
}

/** Returns the code of the core, which loads parts when they are first used. */
export function coreWithParts(code: string, parts: readonly string[]): string {
  const table = parts.map((part) => {
    const name = variableOf(part)
    return `let made_${name};\nfunction ${name}() {\n\treturn made_${name} ??= require("./${part}.js")(exports);\n}`
  })
  const entries = parts.map((part) => `\t${variableOf(part)}`)
  return `${usesCalled(code, parts)}${table.join('\n')}\nexports.${TABLE} = {\n${entries.join(',\n')}\n};\n`
}

/**
 * Returns the code of a part: a function that takes the core and returns what the part exports.
 *
 * It does not ask for the core itself: a test runner that has forgotten its modules would load a second one. Parentheses around a function
 * tell V8 to compile it now.
 */
export function partWithCore(code: string, parts: readonly string[], core: string): string {
  const { body, names } = plainNames(usesCalled(code, parts), core)
  return `module.exports = (function(require_core) {\nconst exports = {};\n${names}${fromTable(code, parts)}${body}return exports;\n});\n`
}

/** Returns the code of an entry. It has the core by `require`. */
export function entryWithParts(code: string, parts: readonly string[]): string {
  return usesCalled(code, parts).replace(/^const require_core = .*\n/m, (line) => line + fromTable(code, parts))
}

const variableOf = (part: string): string => `require_${part.replaceAll('-', '_')}`

const requireLine = (part: string): RegExp =>
  new RegExp(`^const ${variableOf(part)} = require\\("[./]*${part}\\.js"\\);\\n`, 'm')

/** Removes what loads parts at once, and calls their functions instead. */
function usesCalled(code: string, parts: readonly string[]): string {
  let changed = code
  for (const part of parts) {
    const name = variableOf(part)
    changed = changed
      .replace(requireLine(part), '')
      // `new` takes what stands before the first parentheses for the class.
      .replaceAll(new RegExp(`\\bnew ${name}\\.([\\w$]+)`, 'g'), `new (${name}().$1)`)
      .replaceAll(new RegExp(`\\b${name}\\.`, 'g'), `${name}().`)
    // What is left would get the function that the part is, not what it exports.
    if (new RegExp(`require\\("[./]*${part}\\.js"\\)`).test(changed))
      throw new Error(`${part} is loaded when it is first used: sources import it as anything else, not by import()`)
  }
  return changed
}

/** The functions of the parts that are used, out of the core's table. */
function fromTable(code: string, parts: readonly string[]): string {
  const used = parts.filter((part) => requireLine(part).test(code)).map(variableOf)
  return used.length === 0 ? '' : `const { ${used.join(', ')} } = require_core.${TABLE};\n`
}

/** Makes what a part takes from the core constants of its own, but for variables, which change. */
function plainNames(code: string, core: string): { body: string; names: string } {
  const isVariable = (name: string): boolean => new RegExp(`^let ${name}\\b`, 'm').test(core)
  const names = new Set<string>()
  const body = code
    .replace(/^const require_core = require\(.*\n/m, '')
    .replaceAll(/\brequire_core\.([\w$]+)/g, (use, name: string) => {
      if (isVariable(name)) return use
      names.add(name)
      return `core_${name}`
    })
  const taken = [...names].map((name) => `${name}: core_${name}`)
  return { body, names: taken.length === 0 ? '' : `const { ${taken.join(', ')} } = require_core;\n` }
}
