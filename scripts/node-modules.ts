// How the package uses modules of Node: directly.
//
// The bundler wraps each module whose default is imported in an object of getters, as packages that
// were written for both module systems need it. `writeSync`, called for each reply, was looked up
// there through a getter that V8 does not inline: LPUSH from 50 clients takes 3 % less of the
// server's own time without, and a start makes some hundreds of getters less. A module of Node is
// its own default, so the wrapper is left out, and the functions that are called are taken out of
// the module once.

import { isLoadedLater } from './parts.ts'

const REQUIRED = /^let (\w+) = require\("([^"]+)"\);\n/gm
const RUNTIME = /^const require_rolldown_runtime = require\(".*"\);\n/m

/** Returns code that uses modules of Node directly. */
export function withPlainNodeModules(code: string): string {
  for (const [, name, path] of code.matchAll(REQUIRED)) {
    if (!path!.startsWith('node:')) continue
    code = code
      .replace(new RegExp(`^${name} = (?:\\w+\\.)?__toESM\\(${name}, 1\\);\\n`, 'm'), '')
      .replace(new RegExp(`\\b${name}\\.default\\b`, 'g'), name!)
    if (isLoadedLater(path!)) continue
    const called = new Set<string>()
    code = code.replace(new RegExp(`\\(0, ${name}\\.(\\w+)\\)\\(`, 'g'), (_, method: string) => {
      called.add(method)
      return `${name}_${method}(`
    })
    if (called.size === 0) continue
    const taken = [...called].map((method) => `${method}: ${name}_${method}`)
    code = code.replace(
      new RegExp(`^let ${name} = .*\\n`, 'm'),
      (line) => `${line}const { ${taken.join(', ')} } = ${name};\n`,
    )
  }
  return code.match(/\brequire_rolldown_runtime\b/g)?.length === 1 ? code.replace(RUNTIME, '') : code
}
