// The network of a cluster under test.

import { expect, test } from 'vitest'
import { freeSubnet } from '../../src/prover/cluster/network.ts'

test('a subnet that another prover has left behind is not taken', () => {
  const first = freeSubnet(28, [])
  const next = freeSubnet(28, [{ address: `${first}.1` }, undefined])
  expect(next).not.toBe(first)
  // 10.213.2 is not a part of 10.213.28.
  expect(freeSubnet(28, [{ address: `${first.slice(0, -1)}.1` }])).toBe(first)
})

test('a machine whose networks are all in use is told so', () => {
  const all = Array.from({ length: 256 }, (_, i) => ({ address: freeSubnet(i, []).concat('.1') }))
  expect(() => freeSubnet(0, all)).toThrow('in use')
})
