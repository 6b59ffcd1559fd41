// The checked build, in which beliefs are asserted that are too dear to check in production.
//
// A cheap belief is always asserted (assert.ts). A dear one goes behind CHECKED. That is true where
// the environment has RESPITE_CHECKED or RESPITE_RESTLESS, as in tests, which run the source. In
// dist it is the constant false, and the bundler removes the code behind it. A structure has a
// `check` that walks it wholly and throws AssertionFailure; tests call it between the steps of
// their random programs.

export const CHECKED = process.env.RESPITE_CHECKED !== undefined || process.env.RESPITE_RESTLESS !== undefined
