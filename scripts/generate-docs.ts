// Writes the reference pages, the files of Kubernetes, the diagrams and the story: npm run docs. The story needs `dist`.

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { diagrams } from './draw-diagrams.ts'
import { storyPicture } from './draw-story.ts'
import { kubernetesFiles } from './kubernetes/files.ts'
import { recordStory } from './record-story.ts'
import { referencePages } from './reference-pages.ts'
import { typedCommands } from './typed-commands.ts'

const root = new URL('../', import.meta.url)

const story = ['docs/diagrams/story.svg', storyPicture(await recordStory())] as const
for (const [path, text] of [...referencePages(), ...kubernetesFiles(), ...diagrams(), typedCommands(), story]) {
  mkdirSync(new URL(`${dirname(path)}/`, root), { recursive: true })
  writeFileSync(new URL(path, root), text)
  process.stdout.write(`${path} written\n`)
}
