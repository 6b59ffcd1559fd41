// Writes docs/benchmarks.md from the answers: first what they come to, question by question of the
// reader (overview.ts), then each table.

import { cpus, totalmem, type } from 'node:os'
import { basename } from 'node:path'
import { OVERVIEW_TITLE, renderOverview, renderShort } from './overview.ts'
import { MET, MISSED, type PageRow, pageRows } from './page-rows.ts'
import type { Answer } from './question.ts'
import { REDIS_SERVER, redisVersion } from './servers.ts'

export interface Stored {
  answer: Answer
  date: string
  machine: string
}

export function describeMachine(respiteVersion: string): string {
  const cores = cpus()
  const memory = (totalmem() / 1024 ** 3).toFixed(0)
  return `${cores.length} cores (${cores[0]?.model.trim() ?? 'unknown'}), ${memory} GiB, ${type()}; respite ${respiteVersion}, Node ${process.versions.node}, ${basename(REDIS_SERVER)} ${redisVersion()}`
}

/**
 * Renders the page with these answers; a section whose question was not asked again stays as it
 * was.
 */
export function renderPage(answers: readonly Stored[], before: string): string {
  const sections = sectionsOf(before)
  for (const stored of answers) sections.set(stored.answer.title, renderAnswer(stored))
  const rows = [...sections.values()].flatMap(pageRows).filter(({ verdict }) => verdict !== '')
  const missed = rows.filter(({ verdict }) => verdict === MISSED)
  return `${[
    '# Benchmarks',
    '',
    '<!-- Written by `npm run bench`. Do not edit: run it. -->',
    '',
    '*Reference.* For developers who compare Respite with the server they use now. Afterwards you know how fast it is at each task, beside which',
    'rivals, and where it is behind.',
    '',
    'This server and its rivals, measured in the same minutes on one machine, alternating (A B A B A B); each figure is the median of three ratios of neighbours.',
    'How each is measured stands in `bench/`, one file a question. Figures of other machines will differ; the ratios less so.',
    '',
    `**${rows.length - missed.length} of ${rows.length} targets met.**${missed.length === 0 ? '' : ' Missed:'}`,
    ...(missed.length === 0 ? [] : ['', ...missed.map((row) => `- ${describeMiss(row)}`)]),
    '',
    ...renderOverview(sections),
    ...[...sections.values()].flatMap((lines) => ['', ...lines]),
  ].join('\n')}\n`
}

/** The part of the page that README.md shows stands between these lines. */
const [SHORT_BEGINS, SHORT_ENDS] = ['<!-- Written by `npm run bench`. -->', '<!-- End of what it wrote. -->']

/** Renders README.md with the figures of a page. */
export function renderReadme(page: string, readme: string): string {
  const [begin, end] = [readme.indexOf(SHORT_BEGINS), readme.indexOf(SHORT_ENDS)]
  if (begin === -1 || end === -1) throw new Error('README.md has no place for figures')
  const short = renderShort(sectionsOf(page))
  return `${readme.slice(0, begin + SHORT_BEGINS.length)}\n${short.join('\n')}\n${readme.slice(end)}`
}

/**
 * The sections of a page, by their titles, in their order; the overview is made again each time.
 */
export function sectionsOf(page: string): Map<string, string[]> {
  const sections = new Map<string, string[]>()
  for (const text of page.split(/^## /m).slice(1)) {
    const lines = `## ${text.trimEnd()}`.split('\n')
    const title = lines[0]!.slice('## '.length)
    if (title !== OVERVIEW_TITLE) sections.set(title, lines)
  }
  return sections
}

const describeMiss = ({ what, figure, target }: PageRow): string => `${what} (${figure}, target ${target})`

function renderAnswer({ answer, date, machine }: Stored): string[] {
  const { title, rivals = ['redis-server'], rows, notes, commandLines } = answer
  return [
    `## ${title}`,
    '',
    `${date}; ${machine}.`,
    '',
    `| ${['what', 'respite', ...rivals, 'figure', 'target', ''].join(' | ').trimEnd()} |`,
    `|---|--:|${'--:|'.repeat(rivals.length)}--:|--:|---|`,
    ...rows.map(({ what, respite, redis, figure, target, met }) => {
      const verdict = met === undefined ? '' : met ? MET : MISSED
      return `| ${[what, respite, redis, figure, target, verdict].flat().join(' | ')} |`
    }),
    ...(notes.length > 0 ? ['', ...notes.map((note) => `- ${note}`)] : []),
    ...(commandLines.length > 0 ? ['', '```', ...commandLines, '```'] : []),
  ]
}
