// The command that brings optional packages to where this program finds them: that depends on how
// the program was installed.

import { realpathSync } from 'node:fs'
import { sep } from 'node:path'

/** How the program was started, as far as it matters here. */
export interface Installation {
  /** The file of the program, links resolved. */
  readonly program: string
}

/** Returns the command for these packages. */
export function installCommand(packages: readonly string[], { program }: Installation = ownInstallation()): string {
  const path = program.split(sep).join('/')
  if (path.includes('/_npx/')) {
    const names = ['respite', ...packages].map((name) => `-p ${name}`).join(' ')
    return `npx ${names} respite …, with your arguments in the place of the dots`
  }
  // npm's folder for global packages: lib/node_modules of a prefix, or npm/node_modules on Windows.
  const isGlobal = /\/(lib|npm)\/node_modules\/respite\//.test(path)
  return `npm install ${isGlobal ? '--global ' : ''}${packages.join(' ')}`
}

function ownInstallation(): Installation {
  const [, program = ''] = process.argv
  try {
    return { program: realpathSync(program) }
  } catch {
    // A program that embeds the server may have no file.
    return { program }
  }
}
