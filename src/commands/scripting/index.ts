import type { Command } from '../../engine/spec/command.ts'
import { eval_, evalRo, evalsha, evalshaRo } from './eval.ts'
import { fcallRo, fcallWriting } from './fcall.ts'
import { function_ } from './function.ts'
import { functionDelete } from './function-delete.ts'
import { functionDump, functionRestore } from './function-dump.ts'
import { functionFlush } from './function-flush.ts'
import { functionHelp } from './function-help.ts'
import { functionList } from './function-list.ts'
import { functionLoad } from './function-load.ts'
import { functionStats } from './function-stats.ts'
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
  fcallWriting,
  fcallRo,
  function_,
  functionDelete,
  functionDump,
  functionFlush,
  functionHelp,
  functionKill,
  functionList,
  functionLoad,
  functionRestore,
  functionStats,
  script,
  scriptDebug,
  scriptExists,
  scriptFlush,
  scriptHelp,
  scriptKill,
  scriptLoad,
]
