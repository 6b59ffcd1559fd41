import { describe, expect, test } from 'vitest'
import { PersistenceError } from '../../src/persistence/errors.ts'
import { Manifest } from '../../src/persistence/log/manifest.ts'

const parse = (text: string): Manifest => Manifest.parse(Buffer.from(text, 'latin1'), '/d/m')

describe('manifest', () => {
  test('manifests of Redis 7 are read and written alike', () => {
    const text =
      'file appendonly.aof.2.base.rdb seq 2 type b\n' +
      'file appendonly.aof.1.incr.aof seq 1 type h\n' +
      'file appendonly.aof.2.incr.aof seq 2 type i\n' +
      'file appendonly.aof.3.incr.aof seq 3 type i\n'
    const manifest = parse(text)
    expect(manifest.base).toEqual({ name: 'appendonly.aof.2.base.rdb', sequence: 2, type: 'base' })
    expect(manifest.parts.map((part) => part.name)).toEqual([
      'appendonly.aof.2.base.rdb',
      'appendonly.aof.2.incr.aof',
      'appendonly.aof.3.incr.aof',
    ])
    expect(manifest.history.map((part) => part.sequence)).toEqual([1])
    expect(manifest.format().toString()).toBe(text)
  })

  test('comments and unknown pairs are passed over', () => {
    const manifest = parse('# written by hand\nfile a seq 1 type i offset 12\n')
    expect(manifest.increments).toEqual([{ name: 'a', sequence: 1, type: 'increment' }])
  })

  test.each(['two words', 'quo"te', 'back\\slash', 'naïve', 'tab\there', "it's"])('the name %j survives', (name) => {
    const manifest = new Manifest()
    manifest.addIncrement(name)
    expect(Manifest.parse(manifest.format(), '/d/m').increments[0]!.name).toBe(`${name}.1.incr.aof`)
  })

  test('the next increment follows the last one in number', () => {
    const manifest = parse('file a.7.incr.aof seq 7 type i\n')
    expect(manifest.addIncrement('a').name).toBe('a.8.incr.aof')
  })

  test('the next increment never takes the name of a file that is still named', () => {
    const manifest = parse('file a.1.incr.aof seq 1 type b\nfile a.2.incr.aof seq 2 type h\n')
    expect(manifest.addIncrement('a').name).toBe('a.3.incr.aof')
  })

  test.each([
    ['empty', '', 'empty'],
    ['torn', 'file a seq 1 type i', 'not whole'],
    ['no words', '\n', 'line 1'],
    ['odd words', 'file a seq 1 type\n', 'line 1'],
    ['no type', 'file a seq 1 kind i\n', 'line 1'],
    ['unknown type', 'file a seq 1 type x\n', 'line 1'],
    ['sequence 0', 'file a seq 0 type i\n', 'line 1'],
    ['no number', 'file a seq one type i\n', 'line 1'],
    ['a path', 'file ../a seq 1 type i\n', 'outside'],
    ['unbalanced quotes', 'file "a seq 1 type i\n', 'line 1'],
    ['two bases', 'file a seq 1 type b\nfile b seq 2 type b\n', 'line 2'],
    ['increments out of order', 'file a seq 2 type i\nfile b seq 2 type i\n', 'line 2'],
    ['a file twice', 'file a seq 1 type h\nfile a seq 2 type i\n', 'line 2'],
    [
      'a line break that was lost',
      'file a seq 1 type b file b seq 2 type i\n',
      "Invalid AOF manifest file format: line 1 says 'file' twice",
    ],
    ['a line break that became another character', 'file a seq 1 type b\vfile b seq 2 type i\n', 'line 1'],
    ['a long line', `file ${'a'.repeat(1100)} seq 1 type i\n`, 'line 1'],
  ])('refused: %s', (_what, text, where) => {
    expect(() => parse(text)).toThrow(PersistenceError)
    expect(() => parse(text)).toThrow(where)
    expect(() => parse(text)).toThrow('/d/m')
  })
})
