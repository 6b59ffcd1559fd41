// Tests of figures: how many bytes something takes, how much is done in one go.

import { test } from 'vitest'
import { RESTLESS } from '../../src/util/restless.ts'

/** A test of sizes as they are in production: where housekeeping never rests pages are tiny, and limits low. */
export const testOfSizes = test.skipIf(RESTLESS)
