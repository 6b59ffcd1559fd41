// Runs `respite cli` in this process, and redis-cli beside it.

import { spawn, spawnSync } from 'node:child_process'
import { Readable } from 'node:stream'
import { runCli } from '../../src/cli/client.ts'
import { redisServerMissing } from '../support/redis-server.ts'

export interface Outcome {
  code: number
  printed: string
  complaints: string[]
}

/** Runs it; `input` is its standard input. After `rests` pauses it ends; with 'endless' a pause never ends. */
export async function cli(
  args: readonly string[],
  input: string | Buffer = '',
  rests: number | 'endless' = 0,
): Promise<Outcome> {
  let printed = ''
  const complaints: string[] = []
  let left = rests === 'endless' ? 0 : rests
  const code = await runCli(args, {
    input: Readable.from([Buffer.from(input)]),
    inputIsTerminal: false,
    outputIsTerminal: false,
    print: (latin1) => {
      printed += latin1
    },
    complain: (line) => void complaints.push(line),
    rest: () => (rests === 'endless' ? new Promise(() => {}) : Promise.resolve(left-- > 0)),
    now: () => performance.now(),
  })
  return { code, printed, complaints }
}

export function redisCliMissing(): boolean {
  return redisServerMissing() || spawnSync('redis-cli', ['--version']).status !== 0
}

/** Runs redis-cli, output as latin1; it is killed when its output has so many lines. */
export async function redisCli(
  args: readonly string[],
  input: string | Buffer = '',
  lines = Infinity,
): Promise<Outcome> {
  const isEndless = lines !== Infinity
  // Its output is buffered where it is no terminal.
  const [program, words] = isEndless ? ['stdbuf', ['-o0', 'redis-cli', ...args]] : ['redis-cli', args]
  const child = spawn(program, words, { stdio: 'pipe' })
  let printed = ''
  let complaints = ''
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString('latin1')
    if (printed.split('\n').length > lines) child.kill()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    complaints += chunk.toString('latin1')
  })
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const code = await new Promise<number>((resolve) => child.once('close', resolve))
  return { code, printed, complaints: complaints.split('\n').slice(0, -1) }
}
