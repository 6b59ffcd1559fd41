import fs from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Config } from '../../src/engine/config.ts'
import { formatLine, ProgramLog } from '../../src/server/logger.ts'
import { temporaryDirectory } from '../support/server.ts'

describe('a line', () => {
  const time = Date.UTC(2026, 0, 2, 3, 4, 5, 6)

  test('is time, level, message and details', () => {
    const line = formatLine({ time, level: 30, msg: 'is ready', address: '127.0.0.1:6379', keys: 3, data: '/my data' })
    expect(line).toBe('2026-01-02T03:04:05.006Z info is ready address=127.0.0.1:6379 keys=3 data="/my data"\n')
  })

  test('stays one line, whatever is in it', () => {
    const line = formatLine({
      time,
      level: 50,
      msg: 'a\r\nb',
      error: { message: 'm', stack: 'Error: m\n  at x' },
      s: 'c\nd',
    })
    expect(line).toBe('2026-01-02T03:04:05.006Z error a b error="Error: m\\n  at x" s="c\\nd"\n')
  })
})

test('events are written in order, at the level in force, errors with their stack', async () => {
  const logfile = join(temporaryDirectory(), 'log')
  const config = new Config({ logfile, loglevel: 'notice' })
  const log = new ProgramLog(config)
  log.debug({}, 'unheard')
  log.info({}, 'first')
  log.warn({ error: new Error('it broke') }, 'second')
  // Said before pino is there, written once it is.
  expect(fs.existsSync(logfile)).toBe(false)
  await log.written()
  config.set('loglevel', 'debug')
  log.debug({}, 'third')
  config.set('loglevel', 'warning')
  log.info({}, 'unheard')
  log.fatal({}, 'fourth')
  const lines = fs.readFileSync(logfile, 'utf8').trim().split('\n')
  expect(lines.map((line) => line.split(' ').slice(1, 3).join(' '))).toEqual([
    'info first',
    'warn second',
    'debug third',
    'fatal fourth',
  ])
  expect(lines[1]).toContain('error="Error: it broke\\n')
})
