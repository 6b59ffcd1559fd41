import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Two cores: one worker talks to servers while the other computes.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // `expose-gc` lets the tests that bound memory ask for a collection first.
    execArgv: ['--expose-gc'],
  },
})
