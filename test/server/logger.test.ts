import fs from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Config } from '../../src/config/config.ts'
import { LogFileError, startServer } from '../../src/index.ts'
import { ProgramLog } from '../../src/server/process/logger.ts'
import { temporaryDirectory } from '../support/server.ts'

test('events are written in order, at the level in force, errors with their stack', async () => {
  const logfile = join(temporaryDirectory(), 'log')
  const config = new Config({ logfile, loglevel: 'notice', 'log-format': 'pretty' })
  const log = new ProgramLog(config)
  log.debug({}, 'unheard')
  log.info({}, 'first')
  log.warn({ error: new Error('it broke') }, 'second')
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

const eventsIn = (file: string): Record<string, unknown>[] =>
  fs
    .readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

test('to a file it is JSON, a line an event, whether pino has written it or not', async () => {
  const logfile = join(temporaryDirectory(), 'log')
  const config = new Config({ logfile })
  const log = new ProgramLog(config)
  log.debug({}, 'unheard')
  log.info({ name: 'a\x1b[2J\x9bb\nc' }, 'first')
  await log.load()
  log.warn({ error: new TypeError('it broke') }, 'second')
  log.lastWords('fatal', { error: new TypeError('it broke') }, 'third')
  expect(fs.readFileSync(logfile, 'utf8')).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/)
  const error = {
    type: 'TypeError',
    message: 'it broke',
    stack: expect.stringMatching(/^TypeError: it broke\n {4}at /),
  }
  const time = expect.any(Number)
  expect(eventsIn(logfile)).toEqual([
    { level: 30, time, name: 'a\x1b[2J\x9bb\nc', msg: 'first' },
    { level: 40, time, error, msg: 'second' },
    { level: 60, time, error, msg: 'third' },
  ])
  config.set('log-format', 'pretty')
  log.info({}, 'fourth')
  expect(fs.readFileSync(logfile, 'utf8')).toMatch(/Z info fourth\n$/)
})

test('last words are written at once, behind what was said before', () => {
  const logfile = join(temporaryDirectory(), 'log')
  const log = new ProgramLog(new Config({ logfile, loglevel: 'notice', 'log-format': 'pretty' }))
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
  expect(eventsIn(logfile).map(({ msg }) => msg)).toEqual([
    expect.stringMatching(/^respite \S+ is ready$/),
    'Ready to accept connections unix',
    'User requested shutdown...',
    'Respite is now ready to exit, bye bye...',
  ])
})
