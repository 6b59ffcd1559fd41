// package.json as it is packed: without the scripts, which need files that are not packed.
//
//   npm pack ─▶ prepack: build, `take`     package.json is moved aside, and one without scripts is written
//            ─▶ the tarball is made
//            ─▶ postpack: `restore`        package.json is as it was
//
// An installation from git packs without these two, and needs the script `prepare`, which builds.

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'

const MANIFEST = 'package.json'
const ASIDE = '.package.json.whole'

/** Returns a manifest without its scripts. */
export function packedManifest(text: string): string {
  const { scripts: _, ...rest } = JSON.parse(text) as { scripts?: object }
  return `${JSON.stringify(rest, undefined, 2)}\n`
}

/** Moves the manifest back; does nothing when it is in its place. */
function restore(): void {
  if (existsSync(ASIDE)) renameSync(ASIDE, MANIFEST)
}

function take(): void {
  // An earlier run may have been cut off.
  restore()
  const text = readFileSync(MANIFEST, 'utf8')
  renameSync(MANIFEST, ASIDE)
  writeFileSync(MANIFEST, packedManifest(text))
}

const task = process.argv[2]
if (task === 'take') take()
else if (task === 'restore') restore()
