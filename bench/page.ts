// Writes docs/benchmarks.md from the answers: each figure against its target, with the machine it was measured on.

import { cpus, totalmem, type } from 'node:os'
import type { Answer, Row } from './question.ts'
import { redisVersion } from './servers.ts'

export interface Stored {
  answer: Answer
  date: string
  machine: string
}

export function describeMachine(respiteVersion: string): string {
  const cores = cpus()
  const memory = (totalmem() / 1024 ** 3).toFixed(0)
  return `${cores.length} cores (${cores[0]?.model.trim() ?? 'unknown'}), ${memory} GiB, ${type()}; respite ${respiteVersion}, Node ${process.versions.node}, redis-server ${redisVersion()}`
}

export function renderPage(answers: readonly Stored[]): string {
  const rows = answers.flatMap(({ answer }) => answer.rows)
  const judged = rows.filter(({ met }) => met !== undefined)
  const missed = judged.filter(({ met }) => met === false)
  return `${[
    '# Benchmarks',
    '',
    '<!-- Written by `npm run bench`. Do not edit: run it. -->',
    '',
    'This server and redis-server, measured in the same minutes on one machine, alternating (A B A B A B); each figure is the median of three ratios of neighbours.',
    'How each is measured stands in `bench/`, one file a question. Figures of other machines will differ; the ratios less so.',
    '',
    `**${judged.length - missed.length} of ${judged.length} targets met.**${missed.length === 0 ? '' : ` Missed: ${missed.map(describeMiss).join('; ')}.`}`,
    ...answers.flatMap(renderAnswer),
  ].join('\n')}\n`
}

const describeMiss = ({ what, figure, target }: Row): string => `${what} (${figure}, target ${target})`

function renderAnswer({ answer, date, machine }: Stored): string[] {
  return [
    '',
    `## ${answer.title}`,
    '',
    `${date}; ${machine}.`,
    '',
    '| what | respite | redis-server | figure | target | |',
    '|---|--:|--:|--:|--:|---|',
    ...answer.rows.map(
      ({ what, respite, redis, figure, target, met }) =>
        `| ${what} | ${respite} | ${redis} | ${figure} | ${target} | ${met === undefined ? '' : met ? 'MET' : '**MISSED**'} |`,
    ),
    ...(answer.notes.length > 0 ? ['', ...answer.notes.map((note) => `- ${note}`)] : []),
    ...(answer.commandLines.length > 0 ? ['', '```', ...answer.commandLines, '```'] : []),
  ]
}
