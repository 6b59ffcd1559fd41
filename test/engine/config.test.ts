import { describe, expect, test } from 'vitest'
import { CONFIG_NAMES, Config, ConfigError, type ConfigName, configRow } from '../../src/config/config.ts'

function refusal(name: ConfigName, text: string): string | undefined {
  try {
    new Config().check(name, text)
    return undefined
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.message
  }
}

describe('the table', () => {
  test('every default is what its own row prints and reads', () => {
    for (const name of new Set(CONFIG_NAMES.values())) {
      const row = configRow(name)
      const text = row.format(row.default)
      // A replica of nobody is written in two words, and shown in none.
      if (name === 'replicaof') continue
      expect(row.format(row.parse(text, row.default)), name).toBe(text)
    }
  })

  test('a name is found in any case, and by its old name', () => {
    expect(Config.resolve('MaxMemory')).toBe('maxmemory')
    expect(Config.resolve('hash-max-ziplist-entries')).toBe('hash-max-listpack-entries')
    expect(Config.resolve('lua-time-limit')).toBe('busy-reply-threshold')
    expect(Config.resolve('toString')).toBeUndefined()
  })

  test('no name stands for two settings', () => {
    const aliases = Object.values([...new Set(CONFIG_NAMES.values())].map((name) => configRow(name).alias ?? name))
    expect(new Set(aliases).size).toBe(aliases.length)
  })
})

describe('values', () => {
  test.each([
    ['maxmemory', '100mb', '104857600'],
    ['maxmemory', '1GB', '1073741824'],
    ['maxmemory', '1g', '1000000000'],
    ['maxmemory', '2k', '2000'],
    ['maxmemory', '512b', '512'],
    ['maxmemory', 'kb', '0'],
    ['appendonly', 'YES', 'yes'],
    ['loglevel', 'Debug', 'debug'],
    ['save', '3600 1 300 100 60 10000', '3600 1 300 100 60 10000'],
    ['save', '', ''],
    ['save', '1 0', '1 0'],
    ['unixsocketperm', '770', '770'],
    ['notify-keyspace-events', 'KEg$lshzxetd', 'AKE'],
    ['slowlog-log-slower-than', '9223372036854775807', '9223372036854775807'],
    ['slowlog-log-slower-than', '-1', '-1'],
    ['maxmemory-clients', '5%', '5%'],
    ['maxmemory-clients', '1mb', '1048576'],
    ['latency-tracking-info-percentiles', '50 99.9 100', '50 99.9 100'],
    ['shutdown-on-sigterm', 'NOSAVE force', 'nosave force'],
    ['oom-score-adj-values', '-5 0 10', '-5 0 10'],
  ] as const)('%s takes %j and prints %j', (name, text, printed) => {
    const config = new Config()
    config.set(name, text)
    expect(config.text(name)).toBe(printed)
  })

  test.each([
    ['maxmemory', '1gbb', 'argument must be a memory value'],
    ['maxmemory', '-1', 'argument must be a memory value'],
    ['proto-max-bulk-len', '10', 'argument must be between 1048576 and 9223372036854775807 inclusive'],
    ['timeout', '010', "argument couldn't be parsed into an integer"],
    ['timeout', '-1', 'argument must be between 0 and 2147483647 inclusive'],
    ['timeout', '1.5', "argument couldn't be parsed into an integer"],
    ['slowlog-max-len', '-1', 'argument must be between 0 and 9223372036854775807 inclusive'],
    ['slowlog-max-len', '9223372036854775808', "argument couldn't be parsed into an integer"],
    ['slowlog-max-len', '99999999999999999999', "argument couldn't be parsed into an integer"],
    ['appendonly', 'maybe', "argument must be 'yes' or 'no'"],
    ['appendfsync', 'x', 'argument(s) must be one of the following: everysec, always, no'],
    ['save', '60', 'Invalid save parameters'],
    ['save', '0 1', 'Invalid save parameters'],
    ['save', '60 -1', 'Invalid save parameters'],
    ['save', ' 60   10 ', 'Invalid save parameters'],
    ['notify-keyspace-events', 'Q', "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."],
    ['maxmemory-clients', '500%', 'percentage argument must be less or equal to 100'],
    ['unixsocketperm', '999', "argument couldn't be parsed as an octal number"],
    ['appendfilename', 'a/b', "appendfilename can't be a path, just a filename"],
    ['oom-score-adj-values', '1 2', 'wrong number of arguments'],
    [
      'latency-tracking-info-percentiles',
      '1 101',
      'latency-tracking-info-percentiles parameters should sit between [0.0,100.0]',
    ],
  ] as const)('%s refuses %j: %s', (name, text, reason) => {
    expect(refusal(name, text)).toBe(reason)
  })

  test('a value that cannot be honoured is refused rather than ignored', () => {
    expect(refusal('replicaof', 'host 65536')).toBe('Invalid master port')
  })
})

describe('several at once', () => {
  test('are all taken back when one value cannot be read', () => {
    const config = new Config()
    expect(() =>
      config.setAll([
        ['maxmemory', '1mb'],
        ['timeout', 'x'],
      ]),
    ).toThrow(ConfigError)
    expect(config.get('maxmemory')).toBe(0)
  })

  test('are all taken back when a listener refuses, and those who were told are told again', () => {
    const config = new Config()
    const heard: number[] = []
    config.onChange('maxmemory', (value) => heard.push(value))
    config.onChange('timeout', () => {
      throw new ConfigError('not now')
    })
    let option: string | undefined
    try {
      config.setAll([
        ['maxmemory', '1mb'],
        ['timeout', '5'],
      ])
    } catch (error) {
      option = (error as ConfigError).option
    }
    expect(option).toBe('timeout')
    expect(heard).toEqual([1024 * 1024, 0])
    expect(config.get('timeout')).toBe(0)
  })

  test('listeners hear of a change once, after all values are in place', () => {
    const config = new Config()
    const seen: string[] = []
    config.onChange('timeout', () => seen.push(config.text('maxmemory')))
    config.setAll([
      ['timeout', '5'],
      ['maxmemory', '7'],
    ])
    expect(seen).toEqual(['7'])
  })
})
