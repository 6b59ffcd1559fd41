import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Two cores: one worker talks to servers while the other computes.
    maxWorkers: 2,
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
