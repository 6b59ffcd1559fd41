import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Two cores: one worker talks to servers while the other computes.
    maxWorkers: 2,
    // For a machine that is busy with something else; a test that hangs is found all the same.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // `expose-gc` lets the tests that bound memory ask for a collection first.
    execArgv: ['--expose-gc'],
  },
})
