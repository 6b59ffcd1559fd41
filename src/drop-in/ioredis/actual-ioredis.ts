// ioredis itself, where a test has put `respite/ioredis` in its place: by `jest.mock('ioredis', ()
// => require('respite/ioredis'))`, or by a line of Jest's `moduleNameMapper`. Both reach the
// modules of packages, too, so asking for ioredis here finds `respite/ioredis` again, with nothing
// in it yet. Jest hands out the original by another name of the same file.

import { AbstractConnector, Command, Pipeline, Redis, ReplyError, ScanStream } from 'ioredis'

const found = { AbstractConnector, Command, Pipeline, Redis, ReplyError, ScanStream }
type IORedisModule = typeof found

/**
 * The path of the file that 'ioredis' resolves to, which the lines of moduleNameMapper do not
 * match.
 */
const ORIGINAL = 'ioredis/built/index.js'

/** As tests write it. */
const ENTRY = "'respite/ioredis'"

/** Jest's object, which exists in each module that Jest runs. */
declare const jest: { requireActual(name: string): IORedisModule } | undefined

export const actual: IORedisModule = isComplete(found) ? found : originalOfJest()

function isComplete(module: Partial<IORedisModule>): boolean {
  return typeof module.Redis === 'function'
}

function originalOfJest(): IORedisModule {
  const original = typeof jest === 'object' ? jest.requireActual(ORIGINAL) : undefined
  if (original !== undefined && isComplete(original)) return original
  throw new Error(
    `${ENTRY} needs ioredis itself, and finds itself in its place. With Jest write ` +
      `jest.mock('ioredis', () => require(${ENTRY})), or moduleNameMapper: { '^ioredis$': ${ENTRY} }; ` +
      `with Vitest vi.mock('ioredis', () => import(${ENTRY})).`,
  )
}
