import type { Command } from '../../engine/command.ts'
import { evalRo, eval_, evalsha, evalshaRo } from './eval.ts'
import { script } from './script.ts'
import { scriptDebug } from './script-debug.ts'
import { scriptExists } from './script-exists.ts'
import { scriptFlush } from './script-flush.ts'
import { scriptHelp } from './script-help.ts'
import { functionKill, scriptKill } from './script-kill.ts'
import { scriptLoad } from './script-load.ts'

export const scriptingCommands: readonly Command[] = [
  eval_,
  evalRo,
  evalsha,
  evalshaRo,
  script,
  scriptDebug,
  scriptExists,
  scriptFlush,
  scriptHelp,
  scriptKill,
  scriptLoad,
]
