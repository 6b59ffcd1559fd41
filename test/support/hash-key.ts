// One key for hashes wherever a test does not care which.

import { HashKey } from '../../src/util/keyed-hash.ts'

export const HASH_KEY = new HashKey(0x5eed, 0x7e57)
