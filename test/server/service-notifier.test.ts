import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { supervisorOf } from '../../src/server/process/service-notifier.ts'
import { eventually, RawConnection, startTestServer, temporaryDirectory } from '../support/server.ts'

/** Puts a `systemd-notify` on the PATH that writes down what it is told; it fails where `exitCode` says so. */
function fakeSystemd(exitCode = 0): () => string[] {
  const directory = temporaryDirectory()
  const told = join(directory, 'told')
  writeFileSync(join(directory, 'systemd-notify'), `#!/bin/sh\necho "$*" >> '${told}'\nexit ${exitCode}\n`)
  chmodSync(join(directory, 'systemd-notify'), 0o755)
  vi.stubEnv('PATH', `${directory}:${process.env.PATH}`)
  vi.stubEnv('NOTIFY_SOCKET', '/nobody/listens')
  onTestFinished(() => {
    vi.unstubAllEnvs()
  })
  return () => (existsSync(told) ? readFileSync(told, 'utf8').split('\n').filter(Boolean) : [])
}

test('systemd is told when clients are served, and when the end begins', async () => {
  const told = fakeSystemd()
  const server = await startTestServer({ config: { supervised: 'auto' } })
  const ready = `--pid=${process.pid} --ready --status=Ready to accept connections`
  await eventually(() => told().length === 1)
  expect(told()).toEqual([ready])
  const connection = await RawConnection.open(server.port)
  connection.send('INFO server\r\n')
  await eventually(() => connection.received.includes('\r\nprocess_supervised:systemd\r\n'))
  await server.close()
  await eventually(() => told().length === 2)
  expect(told()).toEqual([ready, `--pid=${process.pid} STOPPING=1 --status=Writing what is not on disk yet`])
})

test('a supervisor that cannot be told is a line in the log, and nothing else', async () => {
  const told = fakeSystemd(1)
  const lines: string[] = []
  const keep = (_: object, message: string): void => void lines.push(message)
  const log = { debug: keep, info: keep, warn: keep, error: keep, fatal: keep }
  const server = await startTestServer({ config: { supervised: 'systemd' }, log })
  await eventually(() => told().length === 1 && lines.includes('systemd could not be told'))
  await server.close()
  vi.stubEnv('NOTIFY_SOCKET', undefined)
  await startTestServer({ config: { supervised: 'systemd' }, log })
  expect(lines).toContain('systemd supervision is asked for, but NOTIFY_SOCKET is not set')
})

test('auto is the supervisor that the environment names', () => {
  expect(supervisorOf('auto', {})).toBe('no')
  expect(supervisorOf('auto', { NOTIFY_SOCKET: '/run/systemd/notify' })).toBe('systemd')
  expect(supervisorOf('auto', { UPSTART_JOB: 'respite' })).toBe('upstart')
  expect(supervisorOf('no', { NOTIFY_SOCKET: '/run/systemd/notify' })).toBe('no')
  expect(supervisorOf('upstart', {})).toBe('upstart')
})
