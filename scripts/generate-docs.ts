// Writes the reference pages: npm run docs.

import { writeFileSync } from 'node:fs'
import { referencePages } from './reference-pages.ts'

const root = new URL('../', import.meta.url)

for (const [path, text] of referencePages()) {
  writeFileSync(new URL(path, root), text)
  process.stdout.write(`${path} written\n`)
}
