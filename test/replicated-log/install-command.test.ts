import { expect, test } from 'vitest'
import { installCommand } from '../../src/config/install-command.ts'

test.each([
  [
    '/home/u/.npm/_npx/12ab/node_modules/respite/dist/cli/respite.js',
    'npx -p respite -p one -p two respite …, with your arguments in the place of the dots',
  ],
  ['/usr/local/lib/node_modules/respite/dist/cli/respite.js', 'npm install --global one two'],
  ['/home/u/app/node_modules/respite/dist/cli/respite.js', 'npm install one two'],
  ['', 'npm install one two'],
])('optional packages of a program in %j are installed by the command that reaches it', (program, command) => {
  expect(installCommand(['one', 'two'], { program })).toBe(command)
})
