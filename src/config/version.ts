// The version of Respite, and the version of Redis that it answers as.

/** The Redis whose behaviour is followed; clients open their version gates by it. */
export const REDIS_VERSION = '7.2.6'

/** The version of this package; a test holds it against package.json. */
export const RESPITE_VERSION = '0.1.0'
