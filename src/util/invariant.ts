// The checked build: beliefs that are too dear to be looked at in production.
//
// What costs nothing is asserted always (assert.ts). What costs stands behind
// CHECKED, which is true where the environment says RESPITE_CHECKED (tests run the source so), and
// the constant false in dist, from where the bundler removes whatever it guards. A structure has a `check` that
// walks it wholly and throws AssertionFailure; tests call it between the steps of
// their random programs.

export const CHECKED = process.env.RESPITE_CHECKED !== undefined || process.env.RESPITE_RESTLESS !== undefined
