// Wrong memory reports itself, in the checked build.

import { describe, expect, test } from 'vitest'
import { Arena } from '../../src/store/memory/arena.ts'
import { Dictionary } from '../../src/store/structures/dictionary.ts'
import { packedAppend, packedElement } from '../../src/store/structures/packed.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { SpareMemory } from '../../src/util/memory/spare-memory.ts'
import { HASH_KEY } from '../support/structure-host.ts'

describe('a fault in memory is an assertion that fails', () => {
  test('when a block is written to past its end, as soon as it is freed or walked', () => {
    const arena = new Arena()
    const ref = arena.allocate(100)
    arena.source(ref).u8[arena.start(ref) + arena.capacity(ref)] = 1
    expect(() => arena.check()).toThrow('written to within its bounds')
    expect(() => arena.free(ref)).toThrow('written to within its bounds')
  })

  test('when a block that was freed is written to, as soon as it is allocated again', () => {
    const arena = new Arena()
    const ref = arena.allocate(100)
    arena.allocate(100)
    arena.free(ref)
    arena.source(ref).u8[arena.start(ref) + 50] = 1
    expect(() => arena.allocate(100)).toThrow('written to by its former owner no more')
  })

  test('when an owner reads through a ref that was freed, or frees it twice', () => {
    const arena = new Arena()
    const members = arena.viewFor('member')
    const ref = members.allocate(100)
    members.allocate(100)
    members.free(ref)
    expect(() => members.source(ref)).toThrow('in use while its ref is')
    expect(() => members.free(ref)).toThrow('in use while its ref is')
  })

  test('when an owner reads through the ref of another kind of owner', () => {
    const arena = new Arena()
    const page = arena.viewFor('list page').allocate(100)
    expect(() => arena.viewFor('member').start(page)).toThrow('not through that of a list page')
    expect(() => arena.viewFor('member').moveIfLeaving(page)).toThrow('not through that of a list page')
    expect(arena.viewFor('list page').start(page)).toBeGreaterThan(0)
  })

  test('when a ref lies between two blocks, or in memory that no slab has', () => {
    const arena = new Arena()
    const ref = arena.viewFor('key').allocate(100)
    expect(() => arena.viewFor('key').source(ref + 1)).toThrow('assertion failed')
    expect(() => arena.viewFor('key').source(100_000)).toThrow('a ref names a block in use')
  })

  test('when an element claims more bytes than its block has', () => {
    const arena = new Arena().viewFor('packed')
    const ref = packedAppend(arena, 0, Bytes.from('element'))
    arena.source(ref).u8[arena.start(ref) + 4] = 90
    expect(() => packedElement(arena, ref, 4, new Bytes())).toThrow('lies in its sequence')
    const dictionary = new Dictionary(new Arena(), HASH_KEY)
    const entry = dictionary.insert(Bytes.from('field'), 10)
    expect(() => dictionary.valueOf(entry, 1000, new Bytes())).toThrow('lies within its block')
  })

  test('when spare memory is written to after it was given back', () => {
    const spare = new SpareMemory(() => {})
    const { u8 } = spare.take(5000)
    expect(spare.keep(u8.buffer as ArrayBuffer)).toBe(true)
    u8[17] = 1
    expect(() => spare.take(5000)).toThrow('written to by its former owner no more')
  })
})

test('memory that is given to the next owner holds nothing of the former', () => {
  const spare = new SpareMemory(() => {})
  const first = spare.take(5000)
  first.u8.fill('secret')
  spare.keep(first.u8.buffer as ArrayBuffer)
  const second = spare.take(5000)
  expect(second.u8.buffer).toBe(first.u8.buffer)
  expect(second.u8.includes('secret')).toBe(false)
  const arena = new Arena()
  const ref = arena.allocate(100)
  arena.source(ref).u8.fill('secret', arena.start(ref), arena.start(ref) + 100)
  arena.free(ref)
  expect(arena.source(ref).u8.includes('secret')).toBe(false)
})
