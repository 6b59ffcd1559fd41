// The type declarations of the package. tsc writes one file for each source; only the statements
// that entries reach are kept.
//
// tsc's files are regular: a statement begins in the first column, after its comment, and its
// contents are indented. So statements are told apart by lines. One is kept when an entry exports
// it, or when its name stands in one that is kept.

import { dirname, join } from 'node:path'

/** A declaration, or a statement that hands one on (`export … from`), with its comment. */
interface Statement {
  readonly text: string
  /** Each exported name → its name in the other file, or the same name. */
  readonly names: ReadonlyMap<string, string>
  /** The other file, of imports and of names that are handed on. */
  readonly from: string | undefined
}

const DECLARED =
  /^(?:export )?(?:declare )?(?:abstract )?(?:class|interface|type|const|let|function|enum) (?:enum )?(\w+)/m
const NAMED = /^(?:import|export)(?: type)? (?:\w+, )?\{([^}]*)\}(?: from '([^']+)')?/m
/**
 * An import of a whole module. Without `esModuleInterop` a program's compiler does not find the
 * names in it.
 */
const WHOLE = /^import (?:type )?(?:\* as )?(\w+)(?: from|,)/m
const DEFAULT = /^export default \w+;/m
const COMMENT = /\/\*[\s\S]*?\*\//g

/**
 * Returns the declarations to publish: path → text. `read` returns what tsc has written, paths are
 * relative to the same folder.
 *
 * Relative imports, which name sources there, name what is required at run time here.
 */
export function reachedDeclarations(
  entries: readonly string[],
  read: (path: string) => string,
): ReadonlyMap<string, string> {
  const files = new Map<string, readonly Statement[]>()
  const kept = new Set<Statement>()
  const statementsOf = (path: string): readonly Statement[] => {
    const known = files.get(path)
    if (known !== undefined) return known
    const statements = parse(read(path))
    files.set(path, statements)
    return statements
  }
  const keep = (path: string, statement: Statement): void => {
    if (kept.has(statement)) return
    if (WHOLE.test(statement.text)) throw new Error(`${path}: what is published imports by name: ${statement.text}`)
    kept.add(statement)
    if (statement.from !== undefined) {
      if (!statement.from.startsWith('.')) return
      const other = join(dirname(path), statement.from.replace(/\.ts$/, '.d.ts'))
      for (const name of statement.names.values()) reach(other, name)
      return
    }
    for (const [word] of statement.text.replace(COMMENT, '').matchAll(/[A-Za-z_]\w*/g)) reach(path, word)
  }
  const reach = (path: string, name: string): void => {
    for (const statement of statementsOf(path)) if (statement.names.has(name)) keep(path, statement)
  }
  for (const entry of entries) {
    for (const statement of statementsOf(entry)) if (/^export /m.test(statement.text)) keep(entry, statement)
  }
  const texts = new Map<string, string>()
  for (const [path, statements] of files) {
    const text = statements.filter((statement) => kept.has(statement)).map(({ text }) => text)
    // A file that exports nothing by name is a module all the same.
    if (text.length > 0)
      texts.set(
        path,
        text
          .join('\n')
          .replace(/(from '\.[^']+)\.ts'/g, "$1.js'")
          .concat('\n'),
      )
  }
  return texts
}

/** Splits a file into its statements; one that names several things is taken apart. */
function parse(text: string): Statement[] {
  const statements: Statement[] = []
  let lines: string[] = []
  let isComment = false
  for (const line of text.split('\n')) {
    const begins = /^[a-z]/.test(line)
    // A comment belongs to the statement after it.
    if (/^\/\*/.test(line) || (begins && !isComment)) {
      statements.push(...statementOf(lines.join('\n')))
      lines = []
    }
    lines.push(line)
    isComment = /^(\/\*| \*)/.test(line)
  }
  return [...statements, ...statementOf(lines.join('\n'))]
}

function statementOf(text: string): Statement[] {
  const [whole, alias] = WHOLE.exec(text) ?? []
  const wholes = alias === undefined ? [] : [{ text: whole!, names: new Map([[alias, alias]]), from: undefined }]
  const named = NAMED.exec(text)
  if (named === null) {
    if (alias !== undefined) return wholes
    if (DEFAULT.test(text)) return [{ text: text.trimEnd(), names: new Map([['default', 'default']]), from: undefined }]
    const name = DECLARED.exec(text)?.[1]
    return name === undefined ? [] : [{ text: text.trimEnd(), names: new Map([[name, name]]), from: undefined }]
  }
  const [, list, from] = named
  const keyword = /^import/m.test(text) ? 'import' : 'export'
  const isType = new RegExp(`^${keyword} type `, 'm').test(text)
  const parts = (list ?? '').split(',').flatMap((part) => {
    const [, type, theirs, ours = theirs] = /^\s*(type )?(\w+)(?: as (\w+))?\s*$/.exec(part) ?? []
    if (theirs === undefined || ours === undefined) return []
    const word = isType || type !== undefined ? `${keyword} type` : keyword
    const what = ours === theirs ? ours : `${theirs} as ${ours}`
    const line = from === undefined ? `${word} { ${what} };` : `${word} { ${what} } from '${from}';`
    return [{ text: line, names: new Map([[ours, theirs]]), from }]
  })
  return [...wholes, ...parts]
}
