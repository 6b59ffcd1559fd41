import { expect, test } from 'vitest'
import { checkSystem } from '../../src/server/process/system-check.ts'

const GOOD: Readonly<Record<string, string>> = {
  '/sys/devices/system/clocksource/clocksource0/current_clocksource': 'tsc\n',
  '/proc/sys/vm/overcommit_memory': '0\n',
  '/proc/self/limits':
    'Limit   Soft Limit  Hard Limit  Units\nMax open files            20000                20000                files\n',
  '/proc/sys/net/core/somaxconn': '4096\n',
}

function hints(files: Readonly<Record<string, string>>): (string | undefined)[] {
  return checkSystem({ maxclients: 10000, backlog: 511 }, (path) => files[path])
    .filter(({ hint }) => hint !== undefined)
    .map(({ name, hint }) => `${name}: ${hint}`)
}

test('a machine that is as it should be, or hides what it is, gives no hint', () => {
  expect(hints(GOOD)).toEqual([])
  expect(hints({})).toEqual([])
})

test.each([
  [
    '/sys/devices/system/clocksource/clocksource0/current_clocksource',
    'hpet',
    "slow-clocksource: the system's clock source is hpet",
  ],
  ['/proc/sys/vm/overcommit_memory', '2', 'overcommit: memory must not be overcommitted here'],
  [
    '/proc/self/limits',
    'Max open files  1024  4096  files',
    'open-files: maxclients 10000 needs 10032 open files, but the limit is 1024',
  ],
  ['/proc/sys/net/core/somaxconn', '128', 'tcp-backlog: tcp-backlog 511 is cut to 128'],
])('%s of %j is one hint', (path, content, hint) => {
  const found = hints({ ...GOOD, [path]: content })
  expect(found).toEqual([expect.stringContaining(hint)])
})
