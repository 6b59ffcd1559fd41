// The pages of docs: each opens with its kind and its reader, is listed by docs/README.md, and every link leads somewhere.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const DOCS = join(ROOT, 'docs')

const PAGES = readdirSync(DOCS).filter((name) => name.endsWith('.md') && name !== 'README.md')
const DECISIONS = readdirSync(join(DOCS, 'decisions')).map((name) => `docs/decisions/${name}`)
const TEXTS = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'deploy/README.md',
  'docs/README.md',
  'examples/README.md',
  ...PAGES.map((name) => `docs/${name}`),
  ...DECISIONS,
]

describe('docs/README.md', () => {
  const list = readFileSync(join(DOCS, 'README.md'), 'utf8')

  test.each(PAGES)('lists %s under the kind that the page names', (name) => {
    const page = readFileSync(join(DOCS, name), 'utf8')
    const [, kind] =
      /^# .*\n\n(?:<!--.*-->\n\n)?\*(Start|How-to|Reference|Explanation)\.\* For [^.]*\. /m.exec(page) ?? []
    expect(kind, `${name} opens with its kind and its reader`).toBeDefined()
    const section = list.split(/^## /m).find((part) => part.startsWith(`${kind}\n`))
    expect(section).toContain(`](${name})`)
  })
})

describe('links', () => {
  test.each(TEXTS)('of %s lead to a file and a heading', (path) => {
    const dead: string[] = []
    for (const target of linksOf(readFileSync(join(ROOT, path), 'utf8'))) {
      const [file = '', heading] = target.split('#')
      const full = file === '' ? join(ROOT, path) : join(ROOT, dirname(path), file)
      if (!existsSync(full)) dead.push(target)
      else if (heading !== undefined && !headingsOf(readFileSync(full, 'utf8')).has(heading)) dead.push(target)
    }
    expect(dead).toEqual([])
  })
})

describe('files', () => {
  /** Patterns, and files of other programs. */
  const NOT_OURS = /^(src\/name\.ts|\/etc\/.*)$/
  const FOLDERS = ['', 'src/', 'src/scripting/', 'src/scripting/lua/']

  test.each(TEXTS)('that %s names are there', (path) => {
    const text = readFileSync(join(ROOT, path), 'utf8').replace(/^```[\s\S]*?^```$/gm, '')
    const named = [...text.matchAll(/`([\w.-]*\/[\w./-]+\.(?:ts|mjs|json|conf|md|yaml))`/g)].map(
      ([, name = '']) => name,
    )
    const missing = named.filter((name) => !FOLDERS.some((folder) => existsSync(join(ROOT, folder, name))))
    expect(missing.filter((name) => !NOT_OURS.test(name))).toEqual([])
  })
})

describe('docs/glossary.md', () => {
  const rows = [...readFileSync(join(DOCS, 'glossary.md'), 'utf8').matchAll(/^\| (.*) \|$/gm)].slice(2)
  const words = rows.map(([, row = '']) => row.split(' | ')[0]?.toLowerCase().replaceAll('-', ' ') ?? '')

  test('has each word once, in alphabetical order', () => {
    expect(words).toEqual([...new Set(words)].sort())
  })

  test('names files that are there', () => {
    const files = rows.map(([, row = '']) => /`(src\/[^`]*)`$/.exec(row)?.[1] ?? `no file: ${row}`)
    expect(files.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
  })
})

test('docs/architecture.md names every folder of src and every room in its table', () => {
  const page = readFileSync(join(DOCS, 'architecture.md'), 'utf8')
  const missing: string[] = []
  const folders = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory())
  for (const { name } of folders) {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${name}/\` |`)) ?? ''
    if (row === '') missing.push(name)
    // The groups of commands are in docs/commands.md.
    if (name === 'commands') continue
    const rooms = readdirSync(join(ROOT, 'src', name), { withFileTypes: true }).filter((entry) => entry.isDirectory())
    for (const room of rooms) if (!row.includes(`\`${room.name}\``)) missing.push(`${name}/${room.name}`)
  }
  expect(missing).toEqual([])
})

/** The targets of a text's links, those to other sites left out. Code is no text. */
function linksOf(text: string): string[] {
  const prose = text.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target).filter((to) => !/^[a-z]+:/.test(to))
}

/** The names by which a page's headings are linked, as GitHub makes them. */
function headingsOf(text: string): Set<string> {
  const headings = [...text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/^#+ (.*)$/gm)]
  return new Set(
    headings.map(([, title = '']) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N}_ -]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

test('README.md is one screen, with lines that fit', () => {
  const lines = readFileSync(join(DOCS, '../README.md'), 'utf8').split('\n')
  expect(lines.filter((line) => line.length > 160)).toEqual([])
  expect(lines.length).toBeLessThanOrEqual(80)
})
