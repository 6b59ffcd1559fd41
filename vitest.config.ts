import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { plainReads } from './scripts/plain-reads.ts'

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

// Beliefs that are dear to look at are looked at, too (src/util/invariant.ts).
process.env.RESPITE_CHECKED = 'yes'

class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isFirst = ({ moduleId }: TestSpecification): boolean => FIRST.some((name) => moduleId.includes(name))
    const sorted = await super.sort(files)
    return [...sorted.filter(isFirst), ...sorted.filter((file) => !isFirst(file))]
  }
}

/** Tests that compare values with a model or with redis-server: they also run while housekeeping never rests (src/util/restless.ts). */
const RESTLESS = [
  'test/engine/{checkpoints,restless}.test.ts',
  'test/store/{database,dictionary,field-*,hash,keyspace,list,member-set,moved-values,packed,score-tree}.test.ts',
  'test/store/{sorted-set,stream,stream-index}.test.ts',
  'test/embedded/moments.test.ts',
  'test/differential/random-*.test.ts',
]

export default defineConfig({
  plugins: [plainReads({ checked: true })],
  test: {
    // Two cores: one worker talks to servers while the other computes.
    maxWorkers: 2,
    sequence: { sequencer: SlowestFirst },
    // A worker loads each module once: with a fresh registry for each file, loading took longer than many of the tests (103 s of
    // 279 s for the commands and the engine). So a module keeps no state that one test could see of another: it has room for the
    // call under way, caches that are right for any caller, and numbers that no two things of a process may share.
    isolate: false,
    // For a machine that is busy with something else; a test that hangs is found all the same.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // `expose-gc` lets the tests that bound memory ask for a collection first.
    execArgv: ['--expose-gc'],
    projects: [
      {
        extends: true,
        test: { name: 'usual', include: ['test/**/*.test.ts', 'examples/**/*.test.ts'] },
      },
      {
        extends: true,
        // The seed; each choice of housekeeping follows from it.
        test: { name: 'restless', include: RESTLESS, env: { RESPITE_RESTLESS: process.env.RESPITE_RESTLESS ?? '1' } },
      },
    ],
  },
})
