// The pages about clients are cut from the programs, and the runner reads lines and misses tools as it says.

import { spawnSync } from 'node:child_process'
import { readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../support/server.ts'
import { compare, expectedLines } from './compare.ts'
import { languagePages, PAGE_LINES, snippetsOf } from './pages.ts'
import { LANGUAGES, type Language, PROGRAMS } from './programs.ts'
import { build, missingTool } from './toolchain.ts'

const ROOT = join(import.meta.dirname, '../..')

test.each(languagePages())('%s has the snippets of its program (npm run clients -- --write)', (path, text) => {
  expect(readFileSync(join(ROOT, path), 'utf8')).toBe(text)
  expect(text).not.toContain('undefined')
  expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(PAGE_LINES)
})

test('every client has a row in the table', () => {
  const page = readFileSync(join(ROOT, 'docs/clients.md'), 'utf8')
  const missing = PROGRAMS.filter(({ client }) => !page.includes(` | [${client}](`))
  expect(missing).toEqual([])
})

test('a snippet is cut between its marks, without indentation', () => {
  const text =
    'a\n  // docs: connect\n  one\n    two\n  // docs: end\nb\n# docs: publish\nthree\n# docs: end\n// docs: connect\n  four\n// docs: end\n'
  expect([...snippetsOf(text)]).toEqual([
    ['connect', 'one\n  two\nfour'],
    ['publish', 'three'],
  ])
})

test('on a machine with Node alone every other language is left out, and its tools are named', () => {
  const empty = temporaryDirectory()
  const missing = LANGUAGES.map((language) => missingTool(language, empty))
  expect(missing[0]).toBeUndefined()
  for (const [i, { name }] of LANGUAGES.entries()) if (i > 0) expect(missing[i]).toMatch(`${name} needs `)
})

test('the runner skips every other language on such a machine, says why, and ends well', () => {
  const path = temporaryDirectory()
  symlinkSync(process.execPath, join(path, 'node'))
  const others = LANGUAGES.slice(1).map(({ name }) => name)
  const words = ['node_modules/tsx/dist/cli.mjs', 'test/languages/main.ts', '--only', others.join(',')]
  const { status, stdout } = spawnSync(process.execPath, words, {
    cwd: ROOT,
    // CI takes a server that is missing for a fault; such a machine is not CI's.
    env: { ...process.env, PATH: path, CI: '' },
    encoding: 'utf8',
  })
  for (const name of others) expect(stdout).toContain(`skipped: ${name} needs `)
  expect(stdout).toContain('0 passed, 0 failed, ')
  expect(status).toBe(0)
})

test('a build whose packages cannot be had is told from one that is wrong', async () => {
  const language = (script: string): Language => ({
    name: 'Node',
    folder: 'node',
    needs: [],
    build: [[process.execPath, '-e', script]],
  })
  expect(await build(language(''))).toBeUndefined()
  const away = await build(language('console.error("dial tcp: no such host"); process.exit(1)'))
  expect(away).toEqual({ isUnfetched: true, text: 'its packages cannot be had here: dial tcp: no such host' })
  const wrong = await build(language('console.error("undefined: redis"); process.exit(1)'))
  expect(wrong).toMatchObject({ isUnfetched: false, text: expect.stringContaining('undefined: redis') })
})

test('a line that differs, one that is missing and one that the client lacks are told apart', () => {
  const lines = 'channel: hello, world\nname: 1 2\ntls: - not in this client: no TLS\n'
  expect(compare(expectedLines('client'), ['channel', 'name', 'tls', 'queue'], lines)).toEqual([
    { thing: 'channel' },
    { thing: 'name', differs: 'printed "1 2" instead of "1 2, away, 3 4"' },
    { thing: 'tls', lacks: 'no TLS' },
    { thing: 'queue', differs: 'nothing was printed' },
  ])
})
