import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { matchingFiles, readConfigFile } from '../../src/cli/config-files.ts'
import { CONFIG_NAMES, Config } from '../../src/config/config.ts'
import { parseCommandLine } from '../../src/config/config-file.ts'
import { Server } from '../../src/server/boot/server.ts'
import { temporaryDirectory } from '../support/server.ts'

test('a pattern means files in order, in folders too, but not those that begin with a dot', () => {
  const directory = temporaryDirectory()
  for (const folder of ['b', 'a']) {
    mkdirSync(join(directory, folder))
    for (const name of ['2.conf', '1.conf', '.3.conf', 'x']) writeFileSync(join(directory, folder, name), '')
  }
  const found = (pattern: string): string[] =>
    matchingFiles(join(directory, pattern)).map((path) => path.slice(directory.length + 1))
  expect(found('*/[12].conf')).toEqual(['a/1.conf', 'a/2.conf', 'b/1.conf', 'b/2.conf'])
  expect(found('a/*.conf')).toEqual(['a/1.conf', 'a/2.conf'])
  expect(found('a/.*')).toEqual(['a/.3.conf'])
  expect(found('no*/x')).toEqual([])
  expect(found('?/nosuch')).toEqual([])
})

test('a file that cannot be read is reported with the reason of the system', () => {
  expect(() => readConfigFile('/nowhere/respite.conf')).toThrow(/^No such file or directory$/)
})

test('respite.conf changes nothing, and a server starts with it', async () => {
  const directory = temporaryDirectory()
  const args = ['respite.conf', '--port', '0', '--dir', directory]
  const { settings } = parseCommandLine(args, readConfigFile)
  const [before, after] = [new Config(), new Config(settings)]
  for (const name of new Set(CONFIG_NAMES.values())) {
    if (name !== 'port' && name !== 'dir') expect(after.text(name), name).toBe(before.text(name))
  }
  const server = await Server.start({ config: after, ephemeralPort: true, configFile: join(directory, 'respite.conf') })
  await server.stop('test')
})
