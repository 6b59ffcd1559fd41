// The prover must pass servers that keep their promises, and find servers that do not.

import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { ConfigSettings } from '../../src/config/config.ts'
import { PowerTrial } from '../../src/prover/durability/power-trial.ts'
import { durabilityRules, type Finding, type Policy } from '../../src/prover/durability/workload.ts'
import { runProveDurability } from '../../src/prover/prove-durability.ts'
import { program } from '../support/build.ts'
import { temporaryDirectory } from '../support/server.ts'

const RULES = durabilityRules('always', 'everysec')

async function powerCuts(
  lives: number,
  settings: ConfigSettings,
  policies: readonly Policy[],
  seed: number,
  saves = true,
): Promise<Finding[]> {
  const trial = new PowerTrial(seed, saves)
  const findings: Finding[] = []
  for (let life = 0; life < lives; life++) findings.push(...(await trial.live(settings, policies)))
  return findings
}

function sum(findings: readonly Finding[], what: 'acknowledged' | 'lost' | 'forbidden', policy?: Policy): number {
  return findings.reduce((total, one) => total + (policy === undefined || one.policy === policy ? one[what] : 0), 0)
}

const LIVES = process.env.SOAK ? 300 : 3

describe('power cuts', () => {
  test.each([
    ['keys of every policy in one file', { appendfsync: 'no', durability: RULES }, ['always', 'everysec', 'none']],
    ['always', { appendfsync: 'always' }, ['always']],
    ['everysec', { appendfsync: 'everysec' }, ['everysec']],
    ['no', { appendfsync: 'no' }, ['none']],
  ] as const)('under %s break no promise', async (_, settings, policies) => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    const findings = await powerCuts(LIVES, settings, policies, seed)
    expect(
      findings.filter(({ forbidden, broken }) => forbidden > 0 || broken !== undefined),
      `seed ${seed}`,
    ).toEqual([])
    expect(sum(findings, 'acknowledged')).toBeGreaterThan(100)
    expect(sum(findings, 'lost', 'always')).toBe(0)
  })

  test('are noticed when a promise of `always` is broken', async () => {
    expect(sum(await powerCuts(4, { appendfsync: 'no' }, ['always'], 1, false), 'forbidden')).toBeGreaterThan(0)
    expect(sum(await powerCuts(4, { appendfsync: 'everysec' }, ['always'], 1, false), 'forbidden')).toBeGreaterThan(0)
  })

  test('are noticed when a promise of `everysec` is broken', async () => {
    expect(sum(await powerCuts(8, { appendfsync: 'no' }, ['everysec'], 1, false), 'forbidden')).toBeGreaterThan(0)
  })
})

test('a server is found out that forgets ids, positions or messages, or has unwritten ones', async () => {
  const trial = new PowerTrial(1)
  const settings = { appendfsync: 'always' }
  await trial.live(settings, ['always'])
  const channel = (way: string) => `prove:always:1.0:${way}`
  const findings = await trial.live(
    settings,
    ['always'],
    [
      ['DEL', `ids:channel:{${channel('dedupe')}}`],
      ['DEL', `places:channel:{${channel('place')}}`],
      ['CHANNEL', 'FORGET', channel('group'), '$share', 'provers'],
      ['XADD', `channel:{${channel('publish')}}`, '99999999999999-0', 'message', '7'],
      ['XTRIM', 'channel:{prove:always:1.1:group}', 'MAXLEN', '=', '1'],
    ],
  )
  const found = (way: string) => findings.filter(({ broken }) => broken?.startsWith(`${channel(way)}: `))
  expect(found('dedupe')[0]?.broken).toMatch(/item \d+ was sent again and accepted again$/)
  expect(found('place')).toEqual([
    expect.objectContaining({ recovered: 0, broken: expect.stringMatching(/is not remembered$/) }),
  ])
  expect(sum(found('place'), 'forbidden')).toBeGreaterThan(0)
  expect(found('group')[0]?.broken).toMatch(/is not remembered$/)
  expect(found('publish')[0]?.broken).toMatch(/there is 7$/)
  expect(findings.filter(({ broken }) => broken !== undefined)).toHaveLength(5)
})

test('the program kills its server, prints what it found and cleans up', { timeout: 60_000 }, () => {
  const dir = temporaryDirectory()
  const seconds = process.env.SOAK ? '60' : '1'
  const args = [program(), 'prove-durability', '--dir', dir, '--seconds', seconds]
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect(stdout).toMatch(/killed \(SIGKILL\) \d+ times\n {2}policy[^\n]*\n {2}always +[1-9]\d* +[1-9]\d* +0 +0\n/)
  expect(stdout).toMatch(/power cut \d+ times/)
  expect(stdout).toContain('Every promise was kept.')
  expect(status).toBe(0)
  expect(readdirSync(dir)).toEqual([])
})

test('the command line is explained', async () => {
  const printed: string[] = []
  const terminal = { print: (line: string) => void printed.push(line), confirm: async () => false }
  expect(await runProveDurability(['--help'], terminal)).toBe(0)
  expect(await runProveDurability([], terminal)).toBe(2)
  expect(await runProveDurability(['--dir', 'x', '--policy', 'sometimes'], terminal)).toBe(2)
  expect(printed[0]).toContain('Usage: respite prove-durability')
})
