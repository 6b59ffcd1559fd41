// redis-benchmark, which puts loads on servers.

import { spawn } from 'node:child_process'

/** Clients, bytes of a value, keys. */
export const COMMON = ['-c', '50', '-d', '64', '-r', '100000']

export interface Load {
  perSecond: number
  p99Ms: number
}

/** Runs redis-benchmark and returns the line of one test. */
export async function redisBenchmark(
  port: number,
  words: readonly string[],
  line: string,
  program = 'redis-benchmark',
): Promise<Load> {
  const child = spawn(program, ['-p', String(port), '--csv', ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let csv = ''
  for await (const chunk of child.stdout) csv += chunk
  for (const row of csv.split('\n')) {
    const cells = row.split('","').map((cell) => cell.replaceAll('"', ''))
    if (cells[0]?.startsWith(line)) return { perSecond: Number(cells[1]), p99Ms: Number(cells[6]) }
  }
  throw new Error(`redis-benchmark ${words.join(' ')} printed no line for ${line}:\n${csv}`)
}
