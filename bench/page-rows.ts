// The rows of a page's table, read back. A section whose question was not asked again stays on the
// page, and the overview is made of all sections.

export interface PageRow {
  what: string
  respite: string
  /** Rival → what it did, in the order of the columns. */
  rivals: ReadonlyMap<string, string>
  figure: string
  target: string
  verdict: string
}

export const MET = 'MET'
export const MISSED = '**MISSED**'

const HEAD = '| what | respite | '

/** Reads the table of a section; a section without one has no rows. */
export function pageRows(lines: readonly string[]): PageRow[] {
  const head = lines.findIndex((line) => line.startsWith(HEAD))
  if (head === -1) return []
  const names = cells(lines[head]!).slice(2, -3)
  const rows: PageRow[] = []
  for (let i = head + 2; lines[i]?.startsWith('| '); i++) {
    const [what, respite, ...others] = cells(lines[i]!)
    const [figure, target, verdict] = others.splice(names.length)
    const rivals = new Map(names.map((name, column) => [name, others[column]!]))
    rows.push({ what: what!, respite: respite!, rivals, figure: figure!, target: target!, verdict: verdict! })
  }
  return rows
}

function cells(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())
}
