import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { RESPITE_VERSION } from '../../src/config/version.ts'

test('the version in the code is the one in package.json', () => {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  expect(RESPITE_VERSION).toBe(manifest.version)
})
