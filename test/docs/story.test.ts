// The story of README.md happens as its picture shows it.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { storyPicture } from '../../scripts/draw-story.ts'
import { recordStory } from '../../scripts/record-story.ts'

const PICTURE = join(import.meta.dirname, '../../docs/diagrams/story.svg')

test('a subscriber that was away hears what it missed, although the broker was killed', async () => {
  const lines = await recordStory()
  expect(lines.filter(({ pane }) => pane === 'billing').map(({ text }) => text)).toEqual([
    'node billing.mjs',
    'listening',
    'Killed (kill -9)',
    'node billing.mjs',
    'listening',
    'orders.eu order 1',
    'orders.eu order 2',
    'orders.eu order 3',
  ])
  expect(storyPicture(lines), 'npm run docs').toBe(readFileSync(PICTURE, 'utf8'))
})
