// `--stat`: a row of figures each second.

import { readableSize } from '../../../util/numbers/readable-size.ts'
import { type Task, textOf } from '../task.ts'

const INTERVAL_MS = 1000
/** Rows between two headings. */
const ROWS_A_HEADING = 20

const HEADING =
  '------- data ------ --------------------- load -------------------- - child -\n' +
  'keys       mem      clients blocked requests            connections          \n'

/** Runs until the user ends it. */
export async function printStats({ connection, options, streams }: Task): Promise<void> {
  let before: number | undefined
  for (let row = 0; ; row++) {
    if (row % ROWS_A_HEADING === 0) streams.print(HEADING)
    const info = textOf(await connection.ask(['INFO']), 'ERROR')
    const requests = figureIn(info, 'total_commands_processed')
    streams.print(rowOf(info, requests, requests - (before ?? requests)))
    before = requests
    if (!(await streams.rest(options.intervalMs ?? INTERVAL_MS))) return
  }
}

function rowOf(info: string, requests: number, more: number): string {
  const cell = (value: number | string, width: number): string => `${value}`.padEnd(width)
  return (
    cell(keysIn(info), 11) +
    cell(readableSize(figureIn(info, 'used_memory')), 9) +
    cell(figureIn(info, 'connected_clients'), 8) +
    cell(figureIn(info, 'blocked_clients'), 8) +
    cell(`${requests} (+${more})`, 20) +
    cell(figureIn(info, 'total_connections_received'), 12) +
    `${workIn(info)}\n`
  )
}

/** The name of the server's background writes, in redis-cli's words for Redis's child processes. */
function workIn(info: string): string {
  if (figureIn(info, 'loading') === 1) return 'LOAD'
  const saves = figureIn(info, 'rdb_bgsave_in_progress') === 1 ? ['SAVE'] : []
  const rewrites = figureIn(info, 'aof_rewrite_in_progress') === 1 ? ['AOF'] : []
  return [...saves, ...rewrites].join('+')
}

function keysIn(info: string): number {
  let keys = 0
  for (const [, count] of info.matchAll(/^db\d+:keys=(\d+)/gm)) keys += Number(count)
  return keys
}

function figureIn(info: string, name: string): number {
  return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0)
}
