// Writes docs/benchmarks.md from the answers: each figure against its target, with the machine it was measured on.

import { cpus, totalmem, type } from 'node:os'
import type { Answer } from './question.ts'
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

/** Renders the page with these answers; sections of the page as it was stay where nobody has asked again. */
export function renderPage(answers: readonly Stored[], before: string): string {
  const sections = sectionsOf(before)
  for (const stored of answers) sections.set(stored.answer.title, renderAnswer(stored))
  const rows = [...sections.values()].flatMap(judgedRows)
  const missed = rows.filter(({ met }) => !met)
  return `${[
    '# Benchmarks',
    '',
    '<!-- Written by `npm run bench`. Do not edit: run it. -->',
    '',
    'This server and redis-server, measured in the same minutes on one machine, alternating (A B A B A B); each figure is the median of three ratios of neighbours.',
    'How each is measured stands in `bench/`, one file a question. Figures of other machines will differ; the ratios less so.',
    '',
    `**${rows.length - missed.length} of ${rows.length} targets met.**${missed.length === 0 ? '' : ` Missed: ${missed.map(describeMiss).join('; ')}.`}`,
    ...[...sections.values()].flatMap((lines) => ['', ...lines]),
  ].join('\n')}\n`
}

/** The sections of a page, by their titles, in their order. */
function sectionsOf(page: string): Map<string, string[]> {
  const sections = new Map<string, string[]>()
  for (const text of page.split(/^## /m).slice(1)) {
    const lines = `## ${text.trimEnd()}`.split('\n')
    sections.set(lines[0]!.slice('## '.length), lines)
  }
  return sections
}

interface Judged {
  what: string
  figure: string
  target: string
  met: boolean
}

/** The rows of a section that have a target. */
function judgedRows(lines: readonly string[]): Judged[] {
  return lines.flatMap((line) => {
    const match = /^\| (.*) \| .* \| .* \| (.*) \| (.*) \| (MET|\*\*MISSED\*\*) \|$/.exec(line)
    if (match === null) return []
    const [, what, figure, target, verdict] = match
    return [{ what: what!, figure: figure!, target: target!, met: verdict === 'MET' }]
  })
}

const describeMiss = ({ what, figure, target }: Judged): string => `${what} (${figure}, target ${target})`

function renderAnswer({ answer, date, machine }: Stored): string[] {
  return [
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
