import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Config } from '../../src/config/config.ts'
import { parseCommandLine, parseConfigFile } from '../../src/config/config-file.ts'
import { rewriteConfigFile } from '../../src/config/config-rewrite.ts'
import { DurabilityRules, parseDurabilityRules, type SyncPolicy } from '../../src/config/durability-rules.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { globMatch } from '../../src/util/bytes/glob.ts'
import { createEngine } from '../support/engine.ts'

function policyOf(rules: string, key: string, otherwise: SyncPolicy = 'everysec'): SyncPolicy {
  return new DurabilityRules(parseDurabilityRules(rules)).policyOf(Bytes.from(key), otherwise)
}

describe('the policy of a key', () => {
  test('is that of the rule that matches it, else the general one', () => {
    const rules = 'bull:* always cache:* none'
    expect(policyOf(rules, 'bull:mail:wait')).toBe('always')
    expect(policyOf(rules, 'cache:1')).toBe('no')
    expect(policyOf(rules, 'other')).toBe('everysec')
    expect(policyOf(rules, 'bull')).toBe('everysec')
    expect(policyOf(rules, '')).toBe('everysec')
    expect(policyOf('', 'bull:1', 'no')).toBe('no')
  })

  test.each([
    ['* none bull:* always', 'bull:1', 'always'],
    ['bull:* always bull:mail:* none', 'bull:mail:1', 'no'],
    ['bull:* always bull:mail:* none', 'bull:sms:1', 'always'],
    ['bull:mail:* none bull:* always', 'bull:mail:1', 'no'],
    ['bull:*:events none bull:* always', 'bull:mail:events', 'always'],
    ['bull:* always bull:*:events none', 'bull:mail:events', 'no'],
    ['bull:* always bull:mail none', 'bull:mail', 'no'],
    ['bull:* always bull:mail none', 'bull:mail2', 'always'],
    ['ab* none abc?e always', 'abcde', 'always'],
    ['ab* none abc?e always', 'abcdef', 'no'],
    ['a[bc]* always', 'ac1', 'always'],
    ['a[bc]* always', 'ad1', 'everysec'],
    ['*:jobs always', 'x:jobs', 'always'],
    ['* always', 'x', 'always'],
    ['\\*x always', '*x', 'always'],
  ] as const)('under %j of %j is %s: the longest literal prefix decides, then the later rule', (rules, key, policy) => {
    expect(policyOf(rules, key)).toBe(policy)
  })

  test('is that of looking at every rule in turn, whatever the rules', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), minLength: 1, maxLength: 5 })
    const rule = fc.tuple(text, fc.constantFrom('always', 'everysec', 'none'))
    const key = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 })
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 8 }), key, (pairs, name) => {
        const rules = parseDurabilityRules(pairs.flat().join(' '))
        const prefixLength = (pattern: string): number => (/[*?]/.exec(pattern) ?? { index: pattern.length }).index
        let best: (typeof rules)[number] | undefined
        for (const candidate of rules) {
          if (candidate.pattern !== '*' && !globMatch(candidate.pattern, name)) {
            // A prefix with a star matches its prefix alone, too.
            if (!(candidate.pattern.endsWith('*') && candidate.pattern.slice(0, -1) === name)) continue
            if (/[*?]/.test(candidate.pattern.slice(0, -1))) continue
          }
          if (best === undefined || prefixLength(candidate.pattern) >= prefixLength(best.pattern)) best = candidate
        }
        expect(new DurabilityRules(rules).policyOf(Bytes.from(name), 'everysec')).toBe(best?.policy ?? 'everysec')
      }),
      { numRuns: 2000 },
    )
  })
})

describe('the setting', () => {
  test('is set, shown and refused like any other', () => {
    const client = createEngine().connect()
    expect(client.ask('CONFIG', 'GET', 'durability')).toBe('*2\r\n$10\r\ndurability\r\n$0\r\n\r\n')
    expect(client.ask('CONFIG', 'SET', 'durability', 'bull:* ALWAYS cache:* no')).toBe('+OK\r\n')
    expect(client.ask('CONFIG', 'GET', 'durability')).toContain('$26\r\nbull:* always cache:* none\r\n')
    expect(client.ask('CONFIG', 'SET', 'durability', 'bull:*')).toBe(
      "-ERR CONFIG SET failed (possibly related to argument 'durability') - argument must be pairs of a key pattern and a policy\r\n",
    )
    expect(client.ask('CONFIG', 'SET', 'durability', 'bull:* sometimes')).toContain(
      "the policy of 'bull:*' must be one of the following: always, everysec, none",
    )
    expect(client.ask('CONFIG', 'SET', 'durability', 'a none a always')).toBe('+OK\r\n')
    expect(client.ask('CONFIG', 'GET', 'durability')).toContain('$8\r\na always\r\n')
    expect(client.ask('CONFIG', 'SET', 'durability', '')).toBe('+OK\r\n')
    expect(client.ask('CONFIG', 'GET', 'durability')).toContain('$0\r\n\r\n')
  })

  test('adds up over the lines of a config file and of the command line', () => {
    const text = 'durability "bull:*" always\ndurability cache:* none\n'
    expect(parseConfigFile(text, () => '')).toEqual({ durability: 'bull:* always cache:* none' })
    const line = ['x', '--durability', 'jobs:*', 'always', '--port', '1']
    expect(parseCommandLine(line, () => text).settings.durability).toBe('bull:* always cache:* none jobs:* always')
    const twice = ['--durability', 'a', 'always', '--durability', 'b', 'none']
    expect(parseCommandLine(twice, () => '').settings.durability).toBe('a always b none')
    const config = new Config({ durability: 'bull:* always cache:* none' })
    expect(rewriteConfigFile(text, config)).toContain('durability bull:* always\ndurability cache:* none\n')
    expect(rewriteConfigFile('', config)).toContain('durability bull:* always\ndurability cache:* none\n')
    config.set('durability', '"a" always')
    expect(rewriteConfigFile('', config)).toContain('durability "\\"a\\"" always\n')
  })
})
