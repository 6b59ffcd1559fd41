// npm run bench [-- question … --quick --no-build]: asks the questions and writes docs/benchmarks.md.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brokers } from './brokers.ts'
import { channels } from './channels.ts'
import { cluster } from './cluster.ts'
import { commands } from './commands.ts'
import { durability } from './durability.ts'
import { eviction } from './eviction.ts'
import { jobs } from './jobs.ts'
import { lua } from './lua.ts'
import { memory } from './memory.ts'
import { moments } from './moments.ts'
import { describeMachine, renderPage, type Stored } from './page.ts'
import { parser } from './parser.ts'
import { pauses } from './pauses.ts'
import { publish } from './publish.ts'
import { QUICK, type Question, REAL } from './question.ts'
import { replication } from './replication.ts'
import { schedule } from './schedule.ts'
import { ROOT } from './servers.ts'
import { snapshots } from './snapshots.ts'
import { start } from './start.ts'
import { structures } from './structures.ts'

const QUESTIONS: readonly Question[] = [
  commands,
  structures,
  jobs,
  lua,
  publish,
  channels,
  brokers,
  durability,
  snapshots,
  replication,
  cluster,
  memory,
  eviction,
  moments,
  pauses,
  schedule,
  start,
  parser,
]
const RESULTS = join(ROOT, 'bench/results')

const words = process.argv.slice(2)
const quick = words.includes('--quick')
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

const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
const machine = describeMachine(version)
mkdirSync(RESULTS, { recursive: true })
for (const question of QUESTIONS) {
  if (names.length > 0 && !names.includes(question.name)) continue
  console.log(question.name)
  const answer = await question.ask(quick ? QUICK : REAL)
  const missed = answer.rows.filter(({ met }) => met === false)
  for (const { what, figure, target } of missed) console.log(`  MISSED ${what}: ${figure}, target ${target}`)
  if (!quick) {
    const stored: Stored = { answer, date: new Date().toISOString().slice(0, 16).replace('T', ' '), machine }
    writeFileSync(join(RESULTS, `${question.name}.json`), JSON.stringify(stored, undefined, 2))
  }
}

if (!quick) {
  const answers: Stored[] = []
  for (const { name } of QUESTIONS) {
    const file = join(RESULTS, `${name}.json`)
    if (existsSync(file)) answers.push(JSON.parse(readFileSync(file, 'utf8')) as Stored)
  }
  const page = join(ROOT, 'docs/benchmarks.md')
  writeFileSync(page, renderPage(answers, readFileSync(page, 'utf8')))
  console.log('written: docs/benchmarks.md')
}
process.exit(0)
