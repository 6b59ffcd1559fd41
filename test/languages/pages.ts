// The pages about clients: docs/clients.md, whose table is written from a run, and a page for each
// client, whose snippets are cut from its program.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Seen } from './compare.ts'
import { EXAMPLES, PROGRAMS, type Program } from './programs.ts'

const ROOT = join(import.meta.dirname, '../..')
const BEGIN = '<!-- Written by `npm run clients -- --write`. -->'
const END = '<!-- End of what it wrote. -->'

export interface Row {
  readonly program: Program
  readonly version: string
  readonly protocol: string
  readonly seen: readonly Seen[]
}

/** Headings of a page, by the name of their snippet. */
const PARTS: Readonly<Record<string, string>> = {
  connect: 'Connect',
  publish: 'Publish',
  name: 'Subscribe with a name, and know messages that come again',
  schedule: 'Publish later, and once',
  failover: 'Survive a failover',
  cluster: 'Several shards',
}

const pagePath = ({ client }: Program): string => `docs/clients/${client.toLowerCase()}.md`

/** Cuts the snippets out of a program: lines between `docs: NAME` and `docs: end`, less their indentation. */
export function snippetsOf(text: string): ReadonlyMap<string, string> {
  const found = text.matchAll(/^[^\n]*\bdocs: (?!end\b)(\w+)[^\n]*\n([\s\S]*?)^[^\n]*\bdocs: end\b/gm)
  return new Map([...found].map(([, name = '', lines = '']) => [name, outdented(lines.trimEnd())]))
}

function outdented(text: string): string {
  const lines = text.split('\n')
  const indents = lines.filter((line) => line.trim() !== '').map((line) => /^\s*/.exec(line)![0].length)
  const least = Math.min(...indents)
  return lines
    .map((line) => line.slice(least))
    .join('\n')
    .trim()
}

/** The page of each client: its path and its text. */
export function clientPages(): (readonly [path: string, text: string])[] {
  return PROGRAMS.map((program) => {
    const snippets = snippetsOf(readFileSync(join(EXAMPLES, program.file), 'utf8'))
    const parts = Object.entries(PARTS).flatMap(([name, heading]) => {
      const snippet = snippets.get(name)
      return snippet === undefined ? [] : [`## ${heading}\n\n\`\`\`${program.fence}\n${snippet}\n\`\`\`\n`]
    })
    const head = [
      `# ${program.client}, for ${program.language}`,
      '',
      `*How-to.* For developers who use Respite from ${program.language}. Afterwards you can connect, publish, subscribe with a name, and`,
      `survive a failover with ${program.client}. Every snippet is cut from [the program](../../examples/clients/${program.file}) that`,
      '`npm run clients` runs. [clients.md](../clients.md) says which version was tested.',
      '',
    ]
    return [pagePath(program), [...head, parts.join('\n')].join('\n')]
  })
}

/** The table, as a run saw it. */
function table(rows: readonly Row[]): string {
  const lines = rows.map(({ program, protocol, seen, version }) => {
    const lacks = seen.filter((one) => one.lacks !== undefined)
    const works = seen.length === 0 ? '' : `${seen.length - lacks.length} of ${seen.length}`
    const without = lacks.map(({ lacks, thing }) => `${thing}: ${lacks}`).join('; ')
    const page = pagePath(program).slice('docs/'.length)
    return `| ${program.language} | [${program.client}](${page}) | ${version} | ${protocol} | ${works} | ${without} | ${program.options} |`
  })
  return [
    '| language | client | version | RESP | works | not in this client | option for a name |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...lines,
  ].join('\n')
}

export function writePages(): void {
  for (const [path, text] of clientPages()) writeFileSync(join(ROOT, path), text)
}

/** Writes the table of docs/clients.md from a run of all programs. */
export function writeTable(rows: readonly Row[]): void {
  const path = join(ROOT, 'docs/clients.md')
  const page = readFileSync(path, 'utf8')
  const [before, rest] = page.split(BEGIN)
  const after = rest?.split(END)[1]
  if (before === undefined || after === undefined) throw new Error('docs/clients.md has no place for the table')
  writeFileSync(path, `${before}${BEGIN}\n\n${table(rows)}\n\n${END}${after}`)
}
