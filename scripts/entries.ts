// The entries of the package, which programs import: 'respite', 'respite/testing', …
//
// An entry is a line here. The build makes the files that both module systems want, and writes
// `exports` and `typesVersions` of package.json; a test holds that they agree.

/** The imported name → the file under `src` (and, built, under `dist`), without its ending. */
export const ENTRIES: Readonly<Record<string, string>> = {
  '.': 'index',
  './bullmq': 'drop-in/bullmq',
  './ioredis': 'drop-in/ioredis',
  './memory-server': 'drop-in/memory-server',
  './testing': 'drop-in/testing',
}

/** Those files. */
export const ENTRY_FILES = Object.values(ENTRIES)

type Conditions = Record<string, string | Record<string, string>>

/** Returns `exports` of package.json. */
export function packageExports(): Record<string, string | Conditions> {
  const exports: Record<string, string | Conditions> = {}
  for (const [name, entry] of Object.entries(ENTRIES)) {
    const file = `./dist/${entry}`
    // Of several conditions that hold the first counts, and within one `types` is looked for before
    // any other.
    exports[name] = {
      require: { types: `${file}.d.ts`, default: `${file}.js` },
      default: { types: `${file}.d.mts`, default: `${file}.mjs` },
    }
  }
  return { ...exports, './package.json': './package.json' }
}

/**
 * Returns `typesVersions` of package.json, by which compilers that do not read `exports`
 * (`moduleResolution: node`) find the same types.
 */
export function packageTypes(): Record<string, Record<string, string[]>> {
  const named = Object.entries(ENTRIES).filter(([name]) => name !== '.')
  return { '*': Object.fromEntries(named.map(([name, entry]) => [name.slice('./'.length), [`./dist/${entry}.d.ts`]])) }
}
