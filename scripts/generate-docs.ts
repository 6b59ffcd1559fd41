// Writes the reference pages, the diagrams and the story: npm run docs. The story needs `dist`.

import { mkdirSync, writeFileSync } from 'node:fs'
import { diagrams } from './draw-diagrams.ts'
import { storyPicture } from './draw-story.ts'
import { recordStory } from './record-story.ts'
import { referencePages } from './reference-pages.ts'
import { typedCommands } from './typed-commands.ts'

const root = new URL('../', import.meta.url)

mkdirSync(new URL('docs/diagrams/', root), { recursive: true })
const story = ['docs/diagrams/story.svg', storyPicture(await recordStory())] as const
for (const [path, text] of [...referencePages(), ...diagrams(), typedCommands(), story]) {
  writeFileSync(new URL(path, root), text)
  process.stdout.write(`${path} written\n`)
}
