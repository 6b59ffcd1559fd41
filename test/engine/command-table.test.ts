// Finding commands by the bytes of their names.

import { expect, test } from 'vitest'
import { catalog } from '../../src/commands/catalog.ts'
import { CommandTable } from '../../src/engine/spec/command-table.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { Random } from '../../src/util/numbers/random.ts'

test('a command is found in any case, and nothing else is, whatever was asked for before', () => {
  const table = new CommandTable(catalog)
  const names = [...table.values()].map(({ name }) => name)
  const random = new Random(11)
  const spelled = (name: string) => {
    const letters = [...name].map((letter) => (random.below(4) === 0 ? letter.toUpperCase() : letter))
    // One letter more or less, or another one.
    const at = random.below(letters.length)
    const change = random.below(8)
    if (change === 0) letters.splice(at, 1)
    else if (change === 1) letters.splice(at, 0, 'x')
    else if (change === 2) letters[at] = 'q'
    return letters.join('')
  }
  for (let i = 0; i < 20_000; i++) {
    const word = spelled(names[random.below(names.length)]!)
    const repeated = 1 + random.below(3)
    for (let j = 0; j < repeated; j++) expect(table.find(Bytes.from(word))).toBe(table.get(word))
  }
})

test('a renamed command is found by its new name only, however long; an old name may be given to another', () => {
  const table = new CommandTable(catalog)
  const long = 'b840fc02d524045429941cc15f59e41cb7be6c52'
  const [get, set] = [table.get('get'), table.get('set')]
  table.rename('config', long)
  table.rename('get', 'fetch')
  table.rename('set', 'get')
  table.rename('del', '')
  const found = (word: string) => table.find(Bytes.from(word))
  expect(found('CONFIG')).toBeUndefined()
  expect(found(long.toUpperCase())?.name).toBe('config')
  expect([found('Fetch'), found('GET'), found('set'), found('DEL')]).toEqual([get, set, undefined, undefined])
  expect(table.findWritten(Bytes.from('Set'))).toBe(set)
  expect(table.findWritten(Bytes.from('DEL'))?.name).toBe('del')
  expect(() => table.rename('nosuch', 'x')).toThrow('cannot be renamed')
  expect(() => table.rename('fetch', 'get')).toThrow('cannot be renamed')
})
