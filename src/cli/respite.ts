#!/usr/bin/env -S node --max-semi-space-size=4
// The file that `respite` starts: it loads the program, `program.js` beside it in the package, and
// runs it.
//
// It loads the program and its parts itself, not through Node, so that V8 can use code from an
// earlier start (`code-cache.ts`).
//
// A young generation of 4 MiB: the data lies elsewhere, and commands leave little garbage. V8's
// default of 16 MiB would cost a million list elements 5 bytes each in resident memory, for 2 %
// more speed.

import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CodeCache, cacheFolder } from './code-cache.ts'
import type { run } from './program.ts'

type Require = (name: string) => unknown
/** The function that a file of the package becomes, as in CommonJS. */
type Body = (exports: object, require: Require, module: { exports: object }, file: string, folder: string) => void

const FOLDER = dirname(fileURLToPath(import.meta.url))
const PROGRAM = join(FOLDER, 'program.js')

const requireOther = createRequire(import.meta.url)
const cache = new CodeCache(cacheFolder(process, FOLDER))
const loaded = new Map<string, { exports: object }>()

/** Returns the exports of a file of the package. */
function load(file: string): object {
  const known = loaded.get(file)
  if (known !== undefined) return known.exports
  const module = { exports: {} }
  loaded.set(file, module)
  const folder = dirname(file)
  // Parentheses around a function make V8 compile it now.
  const body = cache.compile(file, '(function (exports, require, module, __filename, __dirname) {', '\n})') as Body
  const require: Require = (name) => (name.startsWith('.') ? load(resolve(folder, name)) : requireOther(name))
  body(module.exports, require, module, file, folder)
  return module.exports
}

const program = load(PROGRAM) as { run: typeof run }
program.run(process.argv.slice(2), cache)
