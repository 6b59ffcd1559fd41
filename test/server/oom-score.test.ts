import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Config } from '../../src/config/config.ts'
import { silentLog } from '../../src/engine/log.ts'
import { followOomScore } from '../../src/server/process/oom-score.ts'
import { temporaryDirectory } from '../support/server.ts'

function withScore(score: string): { file: string; score(): string } {
  const file = join(temporaryDirectory(), 'score')
  writeFileSync(file, score)
  return { file, score: () => readFileSync(file, 'latin1') }
}

test('the score is that of a master: added to what was there, or as it is; and goes back with `no`', () => {
  const { file, score } = withScore('7\n')
  const config = new Config({ 'oom-score-adj-values': '10 200 800' })
  followOomScore(config, silentLog, file)
  expect(score()).toBe('7\n')
  config.set('oom-score-adj', 'yes')
  expect(score()).toBe('17')
  config.set('oom-score-adj-values', '50 60 70')
  expect(score()).toBe('57')
  config.set('oom-score-adj', 'absolute')
  expect(score()).toBe('50')
  config.set('oom-score-adj-values', '1500 1600 1700')
  expect(score()).toBe('1000')
  config.set('oom-score-adj', 'no')
  expect(score()).toBe('7')
  config.set('oom-score-adj-values', '1 2 3')
  expect(score()).toBe('7')
})

test('a score that cannot be set is refused, and at the start only logged', () => {
  const config = new Config({ 'oom-score-adj': 'yes' })
  const warnings: string[] = []
  followOomScore(config, { ...silentLog, warn: (_, message) => void warnings.push(message) }, '/nonexistent/score')
  expect(warnings).toHaveLength(1)
  expect(() => config.set('oom-score-adj-values', '1 2 3')).toThrow('Failed to set current oom_score_adj')
  expect(config.text('oom-score-adj-values')).toBe('0 200 800')
})
