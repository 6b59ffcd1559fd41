// Asks one question, in a process of its own: ask.ts NAME FILE [--quick] [--takeovers=NUMBER]. The answers are written
// to the file as JSON.

import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describeMachine, type Stored } from './page.ts'
import { type Answer, QUICK, REAL, takeoversIn } from './question.ts'
import { QUESTIONS } from './questions.ts'
import { REDIS_SERVER, ROOT } from './servers.ts'

// A process that is asked to end, once or
// several times, ends the servers and children that it has started.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

const [name, file, ...options] = process.argv.slice(2)
const question = QUESTIONS.find((one) => one.name === name)!
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
const scale = options.includes('--quick') ? QUICK : REAL
const takeovers = takeoversIn(options) ?? scale.takeovers
const asked = [await question.ask({ ...scale, takeovers })].flat()
// Beside another than redis-server it is another table, of its own title.
const answers = process.env.RIVAL === undefined ? asked : asked.map(besideRival)
for (const { rows } of answers) {
  for (const { what, figure, target, met } of rows) {
    if (met === false) console.log(`  MISSED ${what}: ${figure}, target ${target}`)
  }
}
const date = new Date().toISOString().slice(0, 16).replace('T', ' ')
const machine = describeMachine(version)
writeFileSync(
  file!,
  JSON.stringify(
    answers.map((answer): Stored => ({ answer, date, machine })),
    undefined,
    2,
  ),
)
process.exit(0)

function besideRival(answer: Answer): Answer {
  const name = basename(REDIS_SERVER)
  return answer.rivals === undefined ? { ...answer, rivals: [name], title: `${answer.title}, beside ${name}` } : answer
}
