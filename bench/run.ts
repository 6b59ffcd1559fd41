// npm run bench [-- question … --quick --no-build --takeovers=NUMBER]: asks the questions and writes
// docs/benchmarks.md, and README.md's figures.
//
// Each question is asked in a process of its own and has a bounded time, so one that fails or hangs
// costs its own answer alone.

import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { renderPage, renderReadme, type Stored } from './page.ts'
import { QUESTIONS } from './questions.ts'
import { REDIS_SERVER, ROOT } from './servers.ts'

const RESULTS = join(ROOT, 'bench/results')
/** Answers beside another rival are kept beside those beside redis-server. */
const BESIDE = process.env.RIVAL === undefined ? '' : `.${basename(REDIS_SERVER)}`
/** Several times what the longest question takes on a quiet machine. */
const QUESTION_MINUTES_MAX = 30
/** A process that is told to end has ended its servers by then. */
const ENDING_MS = 5000

const words = process.argv.slice(2)
const quick = words.includes('--quick')
/** What is handed on to the questions. */
const options = words.filter((word) => word === '--quick' || word.startsWith('--takeovers='))
const names = words.filter((word) => !word.startsWith('--'))
for (const name of names) {
  if (!QUESTIONS.some((question) => question.name === name)) {
    console.error(`no question '${name}'; there are: ${QUESTIONS.map((question) => question.name).join(', ')}`)
    process.exit(1)
  }
}

if (!words.includes('--no-build')) {
  const { status } = spawnSync('npm', ['run', 'build', '--silent'], { cwd: ROOT, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

let asking: ChildProcess | undefined
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    asking?.once('exit', () => process.exit(1))
    asking?.kill('SIGTERM')
  })
}

/** Asks a question; false = there is no answer. */
async function ask(name: string, file: string): Promise<boolean> {
  const child = fork(fileURLToPath(new URL('ask.ts', import.meta.url)), [name, file, ...options])
  asking = child
  const late = setTimeout(() => {
    console.error(`  no answer after ${QUESTION_MINUTES_MAX} minutes`)
    child.kill('SIGTERM')
    setTimeout(() => child.kill('SIGKILL'), ENDING_MS).unref()
  }, QUESTION_MINUTES_MAX * 60_000)
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve))
  clearTimeout(late)
  return code === 0
}

mkdirSync(RESULTS, { recursive: true })
const failed: string[] = []
for (const { name } of QUESTIONS) {
  if (names.length > 0 && !names.includes(name)) continue
  console.log(name)
  const startedAt = performance.now()
  const file = join(RESULTS, `${name}${BESIDE}${quick ? '.quick' : ''}.json`)
  const answered = await ask(name, file)
  if (!answered) failed.push(name)
  console.log(`  ${answered ? 'answered' : 'NOT ANSWERED'} in ${((performance.now() - startedAt) / 1000).toFixed(0)} s`)
  if (quick) rmSync(file, { force: true })
}

if (!quick) {
  const answers: Stored[] = []
  for (const { name } of QUESTIONS) {
    const file = join(RESULTS, `${name}${BESIDE}.json`)
    if (existsSync(file)) answers.push(...[JSON.parse(readFileSync(file, 'utf8')) as Stored | Stored[]].flat())
  }
  const page = join(ROOT, 'docs/benchmarks.md')
  const readme = join(ROOT, 'README.md')
  const text = renderPage(answers, readFileSync(page, 'utf8'))
  writeFileSync(page, text)
  writeFileSync(readme, renderReadme(text, readFileSync(readme, 'utf8')))
  console.log('written: docs/benchmarks.md, and the figures in README.md')
}
if (failed.length > 0) console.error(`not answered: ${failed.join(', ')}`)
process.exit(failed.length > 0 ? 1 : 0)
