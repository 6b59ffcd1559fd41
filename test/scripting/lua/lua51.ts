// Runs the same Lua programs in Debian’s lua5.1 and here, to compare their output and their errors.

import { spawnSync } from 'node:child_process'
import { NONE } from '../../../src/scripting/lua/calling-convention.ts'
import { LuaError } from '../../../src/scripting/lua/errors.ts'
import { toLuaString } from '../../../src/scripting/lua/lib/base.ts'
import { stringLibrary } from '../../../src/scripting/lua/lib/string.ts'
import { LuaRuntime, type RuntimeOptions } from '../../../src/scripting/lua/runtime.ts'
import { raisedValue, rawToString } from '../../../src/scripting/lua/value.ts'

export const HAS_LUA51 = spawnSync('lua5.1', ['-v']).status === 0

/** Makes a runtime with the string library, whose `print` appends to `output`. */
export function runtimeWithPrint(output: string[], options: RuntimeOptions = {}): LuaRuntime {
  const runtime = new LuaRuntime(options)
  runtime.addLibrary('string', stringLibrary)
  runtime.globals.set('print', (...args) => {
    output.push(args.map((arg) => rawToString(toLuaString(arg))).join('\t'))
    return NONE
  })
  return runtime
}

/** Returns what a program prints here, with the error that ends it, if any. */
export function runHere(program: string, options: RuntimeOptions = {}): string {
  const output: string[] = []
  const runtime = runtimeWithPrint(output, options)
  try {
    runtime.run(runtime.compile(program, 'user_script'))
  } catch (error) {
    if (!(error instanceof LuaError)) throw error
    output.push(`error: ${rawToString(raisedValue(error))}`)
  }
  return output.join('\n')
}

const DRIVER = `
local programs = {}
for length in function() return io.read('*n') end do io.read(1) programs[#programs + 1] = io.read(length) or '' end
for _, source in ipairs(programs) do
  local out = {}
  local env = setmetatable({}, {__index = _G})
  env._G = env
  env.print = function(...)
    local line = {}
    for i = 1, select('#', ...) do line[i] = tostring((select(i, ...))) end
    out[#out + 1] = table.concat(line, '\\t')
  end
  local f, message = loadstring(source, '@user_script')
  if f then
    local ok, err = pcall(setfenv(f, env))
    if not ok then out[#out + 1] = 'error: ' .. tostring(err) end
  else out[#out + 1] = 'error: ' .. message end
  local text = table.concat(out, '\\n')
  io.write(#text, '\\n', text)
end
`

/** Returns what programs print in lua5.1, with the errors that end them. */
export function runLua51(programs: readonly string[]): string[] {
  const input = Buffer.from(programs.map((program) => `${program.length}\n${program}`).join(''), 'latin1')
  const done = spawnSync('lua5.1', ['-e', DRIVER], { input, maxBuffer: 1 << 28, timeout: 60_000 })
  if (done.status !== 0) throw new Error(`lua5.1 failed: ${done.stderr.toString('latin1')}`)
  const text = done.stdout.toString('latin1')
  const results: string[] = []
  for (let at = 0; at < text.length; ) {
    const lineEnd = text.indexOf('\n', at)
    const length = Number(text.slice(at, lineEnd))
    results.push(text.slice(lineEnd + 1, lineEnd + 1 + length))
    at = lineEnd + 1 + length
  }
  return results
}

/** Makes addresses comparable. */
export function withoutAddresses(text: string): string {
  return text.replace(/0x[0-9a-f]+/g, '0x')
}
