// The libraries beside redis-server with random input: the same answers, including the texts of
// errors. LIBRARY_SEED chooses other input, LIBRARY_RUNS asks for more.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { redisServerMissing } from '../../../support/redis-server.ts'
import { seedOf } from '../../../support/seed.ts'
import { bytes, damaged, hasOneOrder, json, layout, message, number, value } from './generators.ts'
import { call, type LibraryCall, type Plain, useLibraryOracle } from './library-oracle.ts'

const SEED = seedOf('LIBRARY_SEED')
const RUNS = Number(process.env.LIBRARY_RUNS ?? 500)

const BIT = ['tobit', 'bnot', 'bswap', 'tohex', 'band', 'bor', 'bxor', 'lshift', 'rshift', 'arshift', 'rol', 'ror']
const messages = fc.array(message, { maxLength: 4 }).map((list) => list.join(''))
const offset = fc.integer({ min: -1, max: 20 })

/** Random calls of each library. */
const CALLS: Record<string, fc.Arbitrary<LibraryCall[]>> = {
  'cjson.decode': json.map((text) => [call('cjson.decode', text)]),
  'cjson.decode of what is damaged': damaged(json).map((text) => [call('cjson.decode', text)]),
  'cjson.encode': value.map((plain) => [call('cjson.encode', plain)]),
  'cmsgpack.pack': value.filter(hasOneOrder).map((plain) => [call('cmsgpack.pack', plain)]),
  'cmsgpack.unpack': message.map((packed) => [call('cmsgpack.unpack', packed)]),
  'cmsgpack.unpack of what is damaged': damaged(message).map((packed) => [call('cmsgpack.unpack', packed)]),
  'cmsgpack.unpack of any bytes': bytes(30).map((packed) => [call('cmsgpack.unpack', packed)]),
  'cmsgpack by pieces': fc
    .tuple(messages, fc.integer({ min: -1, max: 5 }), offset)
    .map(([packed, limit, at]) => [
      call('cmsgpack.unpack_limit', packed, limit, at),
      call('cmsgpack.unpack_one', packed, at),
    ]),
  struct: fc
    .tuple(layout, bytes(40), fc.array(fc.oneof(number, bytes(6)), { maxLength: 6 }), fc.integer({ min: 1, max: 9 }))
    .map(([options, packed, values, from]) => [
      call('struct.pack', options, ...(values as Plain[])),
      call('struct.unpack', options, packed),
      call('struct.unpack', options, packed, from),
      call('struct.size', options),
    ]),
  bit: fc
    .tuple(fc.constantFrom(...BIT), fc.array(number, { minLength: 1, maxLength: 4 }))
    .map(([name, numbers]) => [call(`bit.${name}`, ...numbers)]),
}

describe.skipIf(redisServerMissing())('library calls by chance answer as in redis-server', () => {
  const oracle = useLibraryOracle()

  test.each(Object.entries(CALLS))('%s', async (_, arbitrary) => {
    const calls = fc.sample(arbitrary, { numRuns: RUNS, seed: SEED }).flat()
    const differences = await oracle.differences(calls)
    expect(differences.slice(0, 10), `LIBRARY_SEED=${SEED}`).toEqual([])
  })
})
