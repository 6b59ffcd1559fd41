// What a program can import from the package: 'respite', 'respite/testing', …
//
// An entry is its name here and a file `src/<name>.ts`. The build makes of it what both module systems want, and writes `exports` of
// package.json; a test holds that they agree.

/** The files under src that are entries; `index` is the package itself. */
export const ENTRIES = ['index'] as const

type Conditions = Record<string, string | Record<string, string>>

/** Returns `exports` of package.json. */
export function packageExports(): Record<string, string | Conditions> {
  const exports: Record<string, string | Conditions> = {}
  for (const entry of ENTRIES) {
    const file = `./dist/${entry}`
    // Of several conditions that hold the first counts, and within one `types` is looked for before any other.
    exports[entry === 'index' ? '.' : `./${entry}`] = {
      require: { types: `${file}.d.ts`, default: `${file}.js` },
      default: { types: `${file}.d.mts`, default: `${file}.mjs` },
    }
  }
  return { ...exports, './package.json': './package.json' }
}
