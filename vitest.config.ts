import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** They wait for processes more than they compute: begun last, one of them would go on alone. */
const FIRST = [
  'test/examples/',
  'test/cli/prove-durability',
  'test/persistence/kill',
  'test/shadow/',
  'test/differential/random-',
]

// Node reads the certificates that this names at every start, which takes 150 ms, longer than all else of it; the tests start hundreds
// of processes. Nobody but npm asks anything of others here.
const { NODE_EXTRA_CA_CERTS } = process.env
if (NODE_EXTRA_CA_CERTS !== undefined) {
  process.env.npm_config_cafile ??= NODE_EXTRA_CA_CERTS
  delete process.env.NODE_EXTRA_CA_CERTS
}

class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isFirst = ({ moduleId }: TestSpecification): boolean => FIRST.some((name) => moduleId.includes(name))
    const sorted = await super.sort(files)
    return [...sorted.filter(isFirst), ...sorted.filter((file) => !isFirst(file))]
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
    // Two cores: one worker talks to servers while the other computes.
    maxWorkers: 2,
    sequence: { sequencer: SlowestFirst },
    // Modules keep no state of their own, so a worker loads them once: with a fresh registry for each file, loading took longer than
    // many of the tests (103 s of 279 s for the commands and the engine).
    isolate: false,
    // For a machine that is busy with something else; a test that hangs is found all the same.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // `expose-gc` lets the tests that bound memory ask for a collection first.
    execArgv: ['--expose-gc'],
  },
})
