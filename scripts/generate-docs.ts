// Writes the reference pages and the diagrams: npm run docs.

import { mkdirSync, writeFileSync } from 'node:fs'
import { diagrams } from './draw-diagrams.ts'
import { referencePages } from './reference-pages.ts'
import { typedCommands } from './typed-commands.ts'

const root = new URL('../', import.meta.url)

mkdirSync(new URL('docs/diagrams/', root), { recursive: true })
for (const [path, text] of [...referencePages(), ...diagrams(), typedCommands()]) {
  writeFileSync(new URL(path, root), text)
  process.stdout.write(`${path} written\n`)
}
