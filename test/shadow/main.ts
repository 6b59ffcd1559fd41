// `npm run shadow`: see README.md beside it.

import { parseArgs } from 'node:util'
import { seedOf } from '../support/seed.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    restless: { type: 'boolean', default: false },
    model: { type: 'boolean', default: false },
    brief: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
  },
})
const seconds = Number(values.seconds)
const seed = Number(values.seed ?? seedOf('SHADOW_SEED'))
if (!(seconds > 0) || !Number.isInteger(seed)) {
  console.error('npm run shadow -- [--seconds N] [--seed N] [--restless] [--model] [--brief] [--quiet]')
  process.exit(2)
}
if (values.restless) {
  // For the broker in this process; read when the sources are loaded.
  process.env.RESPITE_RESTLESS = String(seed)
}
// Servers end with this process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const { judge } = await import('./judge.ts')
const { redisServerIsOlder, redisServerMissing } = await import('../support/redis-server.ts')

const oracle = values.model || redisServerMissing() || redisServerIsOlder() ? 'model' : 'redis-server'
console.log(`seed ${seed}, ${seconds} s`)
const startedMs = performance.now()
const verdict = await judge({
  seconds,
  seed,
  oracle,
  restless: values.restless,
  brief: values.brief,
  say: (line) => {
    if (!values.quiet) console.log(line)
  },
})
const tookS = ((performance.now() - startedMs) / 1000).toFixed(1)
const kinds = [...verdict.kinds].map(([kind, count]) => `${kind} ${count}`).join(', ')
console.log(
  `${verdict.commands} commands and ${verdict.values} values beside ${verdict.oracle} in ${tookS} s: ${kinds}`,
)
if (verdict.difference !== undefined) {
  console.log(`\nDIFFERENCE after ${tookS} s\n${verdict.difference}`)
  process.exit(1)
}
console.log('no difference')
process.exit(0)
