// The pages about clients: docs/clients.md, whose table is written from a run, and a page for each
// language, whose snippets are cut from the program for its first client.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Seen } from './compare.ts'
import { EXAMPLES, LANGUAGES, type Language, PROGRAMS, type Program } from './programs.ts'

const ROOT = join(import.meta.dirname, '../..')
const BEGIN = '<!-- Written by `npm run clients -- --write`. -->'
const END = '<!-- End of what it wrote. -->'

export interface Row {
  readonly program: Program
  readonly version: string
  readonly protocol: string
  readonly seen: readonly Seen[]
}

/** A page is to be read at a glance. */
export const PAGE_LINES = 40

/** The parts of a page, by the name of their snippet. */
const PARTS: Readonly<Record<string, string>> = {
  connect: 'Connect.',
  publish: 'Publish.',
  name: 'Subscribe with a name. It hears what it missed, and perhaps a message again.',
  failover: 'Survive a failover: send again. With an id a message is kept once, however often it is sent.',
}

const FENCES: Readonly<Record<Language['name'], string>> = {
  Node: 'js',
  Go: 'go',
  Java: 'java',
  Rust: 'rust',
  C: 'c',
  Python: 'python',
  Ruby: 'ruby',
  PHP: 'php',
}

const pagePath = (language: string): string => `docs/clients/${language.toLowerCase()}.md`

/**
 * Cuts the snippets out of a program: lines between `docs: NAME` and `docs: end`, less their
 * indentation. Parts of one name are joined.
 */
export function snippetsOf(text: string): ReadonlyMap<string, string> {
  const found = text.matchAll(/^[^\n]*\bdocs: (?!end\b)(\w+)[^\n]*\n([\s\S]*?)^[^\n]*\bdocs: end\b/gm)
  const snippets = new Map<string, string>()
  for (const [, name = '', lines = ''] of found) {
    const before = snippets.get(name)
    snippets.set(name, `${before === undefined ? '' : `${before}\n`}${outdented(lines.trimEnd())}`)
  }
  return snippets
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

/** The page of each language: its path and its text. The snippets are those of its first client. */
export function languagePages(): (readonly [path: string, text: string])[] {
  return LANGUAGES.map(({ name }) => {
    const programs = PROGRAMS.filter(({ language }) => language === name)
    const snippets = snippetsOf(read(programs[0]!.file))
    const mark = /python|ruby/.test(FENCES[name]) ? '#' : '//'
    const parts = Object.entries(PARTS).map(([part, caption]) => `${mark} ${caption}\n${snippets.get(part)}`)
    const link = ({ client, file }: Program): string => `[${client}](../../examples/clients/${file})`
    const [first, ...others] = programs
    const named = (kind: Program['kind'], text: string): string => {
      const links = others.filter((program) => program.kind === kind).map(link)
      return links.length === 0 ? '' : `${text}: ${links.join(', ')}. `
    }
    const more = `${named('client', 'Another client')}${named('jobs', 'Job queues')}`
    const lines = [
      `# ${name}`,
      '',
      `*How-to.* For developers who use Respite from ${name}. Afterwards you can connect, publish, subscribe with a name, know messages that`,
      `come again, and survive a failover. The snippets are cut from the program for ${link(first!)}.`,
      `${more}[clients.md](../clients.md) has the versions that \`npm run clients\` tested.`,
      '',
      `\`\`\`${FENCES[name]}`,
      parts.join('\n\n'),
      '```',
      '',
    ]
    return [pagePath(name), lines.join('\n')]
  })
}

const read = (path: string): string => readFileSync(join(EXAMPLES, path), 'utf8')

/** The table, as a run saw it. */
function table(rows: readonly Row[]): string {
  const lines = rows.map(({ program, protocol, seen, version }) => {
    const lacks = seen.filter((one) => one.lacks !== undefined)
    const works = `${program.kind === 'jobs' ? 'queue: ' : ''}${seen.length - lacks.length} of ${seen.length}`
    const without = lacks.map(({ lacks, thing }) => `${thing}: ${lacks}`).join('; ')
    const page = pagePath(program.language).slice('docs/'.length)
    const client = `[${program.client}](../examples/clients/${program.file})`
    return `| [${program.language}](${page}) | ${client} | ${version} | ${protocol} | ${works} | ${without} | ${program.options} |`
  })
  return [
    '| language | client | version | RESP | works | not in this client | option |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...lines,
  ].join('\n')
}

export function writePages(): void {
  for (const [path, text] of languagePages()) writeFileSync(join(ROOT, path), text)
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
