// The man page and the completion of shells, and the tables that they are made of. That they are up to date is a
// rule of the house (test/tidy.test.ts).

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runAudit } from '../../src/cli/audit.ts'
import { runCheckAof, runCheckRdb } from '../../src/cli/check-files.ts'
import { runCluster } from '../../src/cli/cluster.ts'
import { runConsole } from '../../src/cli/console.ts'
import { runHealth } from '../../src/cli/health.ts'
import { TOOLS } from '../../src/cli/options/tools.ts'
import { runProveDurability } from '../../src/prover/prove-durability.ts'
import { cli } from './run-client.ts'

const DEPLOY = join(import.meta.dirname, '../../deploy')
const read = (name: string): string => readFileSync(join(DEPLOY, name), 'utf8')

/** What a tool prints of itself. */
async function helpOf(name: string): Promise<string> {
  if (name === 'cli') return (await cli(['--help'])).printed
  let printed = ''
  const print = (line: string): void => {
    printed += `${line}\n`
  }
  const terminal = { print, confirm: async () => false }
  const runs: Record<string, (args: readonly string[], to: typeof terminal) => Promise<number>> = {
    cluster: runCluster,
    console: runConsole,
    'check-aof': runCheckAof,
    'check-rdb': runCheckRdb,
    audit: runAudit,
    'prove-durability': runProveDurability,
    health: runHealth,
  }
  await runs[name]!(['--help'], terminal)
  return printed
}

describe.each(TOOLS.map((tool) => [tool.name, tool] as const))('%s', (name, { commands, options }) => {
  test('has every option of its table in its help, and no other', async () => {
    const help = await helpOf(name)
    const words = options.flatMap(({ names }) => names).filter((word) => word !== '--help')
    expect([...words, ...commands.map((one) => one.name)].filter((word) => !help.includes(word))).toEqual([])
    const named = new Set(help.match(/(?<![\w-])--[a-z][a-z-]+/g))
    const known = new Set<string>([...words, '--help'])
    expect([...named].filter((word) => !known.has(word) && !/^--(check-system|option|replicaof)$/.test(word))).toEqual(
      [],
    )
  })

  test('is in the man page and in the completion of each shell', () => {
    const words = options.flatMap(({ names }) => names)
    const man = read('respite.1').replaceAll('\\-', '-')
    const fish = read('completions/respite.fish')
    for (const word of words) {
      expect(man, word).toContain(word)
      expect(read('completions/_respite'), word).toContain(`'${word}:`)
      const spelled = word.startsWith('--') ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`
      expect(fish, word).toMatch(new RegExp(`__fish_seen_subcommand_from ${name}' .*${spelled} `))
    }
  })
})

describe('bash', () => {
  /** What is offered for the last word of a line. */
  function offered(...words: string[]): string[] {
    const script = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _respite; printf '%s\\n' "\${COMPREPLY[@]}"`
    const args = ['-c', script, 'bash', join(DEPLOY, 'completions/respite.bash'), 'respite', ...words]
    return spawnSync('bash', args, { encoding: 'utf8' }).stdout.split('\n').slice(0, -1)
  }

  test('completes tools, settings, and the options of a tool', () => {
    expect(offered('cl')).toEqual(['cli', 'cluster'])
    expect(offered('--appendfs')).toEqual(['--appendfsync'])
    expect(offered('a.conf', '--appendfs')).toEqual(['--appendfsync'])
    expect(offered('cli', '--big')).toEqual(['--bigkeys'])
    expect(offered('cluster', 'add')).toEqual(['add-shard'])
    expect(offered('cluster', 'create', '--sn')).toEqual(['--snapshots', '--sni'])
    expect(offered('cli', '--appendfs')).toEqual([''])
  })
})
