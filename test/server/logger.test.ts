import fs from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Config } from '../../src/engine/config.ts'
import { LogFileError, startServer } from '../../src/index.ts'
import { ProgramLog } from '../../src/server/logger.ts'
import { temporaryDirectory } from '../support/server.ts'

test('events are written in order, at the level in force, errors with their stack', async () => {
  const logfile = join(temporaryDirectory(), 'log')
  const config = new Config({ logfile, loglevel: 'notice' })
  const log = new ProgramLog(config)
  log.debug({}, 'unheard')
  log.info({}, 'first')
  log.warn({ error: new Error('it broke') }, 'second')
  // Said before pino is there, written once it is.
  expect(fs.readFileSync(logfile, 'utf8')).toBe('')
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

test('last words are written at once, behind what was said before', () => {
  const logfile = join(temporaryDirectory(), 'log')
  const log = new ProgramLog(new Config({ logfile, loglevel: 'notice' }))
  log.debug({}, 'unheard')
  log.info({ a: 1 }, 'first')
  log.lastWords('fatal', { error: new Error('it broke') }, 'last')
  expect(fs.readFileSync(logfile, 'utf8')).toMatch(/^\S+ info first a=1\n\S+ fatal last error="Error: it broke\\n.*\n$/)
})

test.each([
  ['a directory that is not there', 'nowhere/log', /^can't open the log file: ENOENT/],
  ['a directory', '.', /^can't open the log file: EISDIR/],
])('%s is refused at the start', async (_, name, message) => {
  const logfile = join(temporaryDirectory(), name)
  expect(() => new ProgramLog(new Config({ logfile }))).toThrow(message)
  await expect(startServer({ port: false, unixSocket: `${logfile}.sock`, config: { logfile } })).rejects.toThrow(
    LogFileError,
  )
})

test('a server inside a program logs to its logfile', async () => {
  const directory = temporaryDirectory()
  const logfile = join(directory, 'log')
  const server = await startServer({ port: false, unixSocket: join(directory, 'sock'), config: { logfile } })
  await server.close()
  const lines = fs.readFileSync(logfile, 'utf8').trim().split('\n')
  expect(lines.map((line) => / (?:is ready|shutting down|bye)/.exec(line)?.[0])).toEqual([
    ' is ready',
    ' shutting down',
    ' bye',
  ])
})
