// Measures itself: from calling openBroker() to the first reply, the module being loaded.

import { pathToFileURL } from 'node:url'
import { childInput, reportAndExit } from '../child.ts'

interface Opened {
  ask?(...words: string[]): Promise<unknown>
}

const { module } = childInput<{ module: string }>()
const { openBroker } = (await import(pathToFileURL(module).href)) as { openBroker: () => Opened | Promise<Opened> }
const started = performance.now()
const broker = await openBroker()
reportAndExit({ milliseconds: performance.now() - started, kind: typeof broker })
