import { expect, test } from 'vitest'
import { withPlainNodeModules } from '../../scripts/node-modules.ts'

test('modules of Node are used without a wrapper, and what is called is taken out of them once', () => {
  const code = [
    'const require_rolldown_runtime = require("./rolldown-runtime.js");',
    'let node_fs = require("node:fs");',
    'node_fs = require_rolldown_runtime.__toESM(node_fs, 1);',
    'node_fs.default.closeSync(1);',
    '(0, node_fs.writeSync)(1, text);',
    '(0, node_fs.writeSync)(2, text);',
    '',
  ].join('\n')
  expect(withPlainNodeModules(code)).toBe(
    [
      'let node_fs = require("node:fs");',
      'const { writeSync: node_fs_writeSync } = node_fs;',
      'node_fs.closeSync(1);',
      'node_fs_writeSync(1, text);',
      'node_fs_writeSync(2, text);',
      '',
    ].join('\n'),
  )
})

test('one that is loaded when it is first used is looked into at each use', () => {
  const code = [
    'let node_tls = require("node:tls");',
    'node_tls = __toESM(node_tls, 1);',
    '(0, node_tls.connect)(options);',
    '',
  ]
  expect(withPlainNodeModules(code.join('\n'))).toBe([code[0], code[2], ''].join('\n'))
})

test('packages keep theirs, and with it what makes it', () => {
  const code = [
    'const require_rolldown_runtime = require("./rolldown-runtime.js");',
    'let node_os = require("node:os");',
    'let pino = require("pino");',
    'pino = require_rolldown_runtime.__toESM(pino, 1);',
    '(0, pino.default)(node_os.EOL);',
    '',
  ].join('\n')
  expect(withPlainNodeModules(code)).toBe(code)
})
