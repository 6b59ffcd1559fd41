// Measures itself: from calling openBroker() to the first reply, the module being loaded.

import { pathToFileURL } from 'node:url'
import { childInput, reportAndExit } from '../child.ts'

/** The little of the package that is measured; it is loaded built, so its types are not at hand. */
interface Opened {
  call(command: string, ...words: string[]): Promise<unknown>
}

const { module } = childInput<{ module: string }>()
const { openBroker } = (await import(pathToFileURL(module).href)) as { openBroker: () => Promise<Opened> }
const started = performance.now()
const broker = await openBroker()
await broker.call('SET', 'key', 'value')
reportAndExit({ milliseconds: performance.now() - started })
