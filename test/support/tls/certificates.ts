// The certificates of the tests: what `make.sh` made, by name.
//
// `server` and `renewed` are of `authority`, and so are `worker` (CN=worker) and `expired`; `stranger` is of `other-authority`.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const certificateFile = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

export const certificate = (name: string): string => readFileSync(certificateFile(name), 'utf8')

/** Whom a client trusts, and what it shows. */
export function clientTls(name?: 'worker' | 'expired' | 'stranger'): { ca: string; cert?: string; key?: string } {
  const ca = certificate('authority.crt')
  return name === undefined ? { ca } : { ca, cert: certificate(`${name}.crt`), key: certificate(`${name}.key`) }
}
