import { expect, test } from 'vitest'
import { Config } from '../../src/config/config.ts'
import { titleOf, withoutSecrets } from '../../src/server/process/process-title.ts'

test.each([
  [{}, 'respite 127.0.0.1:6379'],
  [{ bind: '-::1 10.0.0.1', port: '7000' }, 'respite ::1:7000'],
  [{ port: '0', unixsocket: '/run/respite.sock' }, 'respite /run/respite.sock'],
  [{ 'proc-title-template': '{{x} {title} {port} {config-file}' }, '{x} respite 6379 /etc/respite.conf'],
])('the title of %j is %j', (settings, title) => {
  expect(titleOf(new Config(settings), '/etc/respite.conf')).toBe(title)
})

test('a secret that looks like an option is one all the same', () => {
  expect(withoutSecrets(['--requirepass', '--x', '--port', '5'])).toEqual([
    '--requirepass',
    '(redacted)',
    '--port',
    '5',
  ])
})

test('secrets are taken out of a command line in each of its spellings, and nothing else is', () => {
  expect(
    withoutSecrets(['a.conf', '--requirepass', 'x', 'y', '--port', '5', '--MASTERAUTH z', '--dir', 'requirepass']),
  ).toEqual([
    'a.conf',
    '--requirepass',
    '(redacted)',
    '(redacted)',
    '--port',
    '5',
    '--MASTERAUTH (redacted)',
    '--dir',
    'requirepass',
  ])
})
