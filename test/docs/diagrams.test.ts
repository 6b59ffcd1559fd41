// The diagrams in docs are those that the script draws, and the house shows the folders that there are.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { diagrams, foldersOfSource } from '../../scripts/draw-diagrams.ts'
import { Drawing } from '../../scripts/svg-drawing.ts'

const ROOT = join(import.meta.dirname, '../..')

describe('diagrams', () => {
  test.each([...diagrams()])('%s is up to date (npm run docs)', (path, text) => {
    expect(readFileSync(join(ROOT, path), 'utf8')).toBe(text)
  })

  test('show every folder of src and every room in the house', () => {
    const house = readFileSync(join(ROOT, 'docs/diagrams/house.svg'), 'utf8')
    for (const [folder, rooms] of foldersOfSource()) {
      for (const name of [folder, ...rooms]) expect(house).toContain(`>${name}</text>`)
    }
  })

  test('have colours for light and for dark pages', () => {
    for (const text of diagrams().values()) expect(text).toContain('prefers-color-scheme: dark')
  })
})

describe('a drawing', () => {
  const box = { x: 10, y: 40, width: 200, height: 60 }

  test('refuses boxes that overlap', () => {
    const drawing = new Drawing(500, 'title', 'description')
    drawing.box({ ...box, name: 'one' })
    expect(() => drawing.box({ ...box, x: 150, name: 'two' })).toThrow('two overlaps one')
  })

  test('refuses a text that is higher than its box', () => {
    const drawing = new Drawing(500, 'title', 'description')
    expect(() => drawing.box({ ...box, name: 'one', text: 'word '.repeat(40) })).toThrow('the text of one')
  })

  test('refuses an arrow through a text', () => {
    const drawing = new Drawing(500, 'title', 'description')
    drawing.box({ ...box, name: 'one' })
    drawing.arrow([
      { x: 0, y: 60 },
      { x: 300, y: 60 },
    ])
    expect(() => drawing.toString()).toThrow('an arrow crosses “one”')
  })

  test('refuses a note that leaves the picture', () => {
    const drawing = new Drawing(300, 'title', 'description')
    expect(() => drawing.note({ x: 250, y: 30 }, 'a long note beside the edge')).toThrow('leaves the picture')
  })
})
