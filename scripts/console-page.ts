// Builds the page of the console out of `src/console`: one document, one script and one style sheet.
//
// The script and the styles have a hash of their content in their names, so a browser may keep them
// for ever. Each file is written in Brotli, as the door sends it to all browsers that know it.
// Packages (Preact, uPlot) become part of the script: the page loads nothing else.

import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { brotliCompressSync, constants as zlib } from 'node:zlib'
import { rolldown } from 'rolldown'

/** The page, compressed by Brotli, is fetched within a blink over a slow line, too. */
export const PAGE_BYTES_MAX = 120_000

/** Writes the page, and returns how many bytes a browser fetches for it. */
export async function writeConsolePage(source: string, target: string): Promise<number> {
  const files = new Map<string, string>()
  const script = await scriptOf(join(source, 'main.tsx'))
  files.set(script.name, script.code)
  const styles = stylesOf(join(source, 'styles'))
  const styleName = `assets/console-${hashOf(styles)}.css`
  files.set(styleName, styles)
  const page = readFileSync(join(source, 'index.html'), 'utf8')
    .replace('STYLES', styleName)
    .replace('SCRIPT', script.name)
    .replace(/<!--.*?-->\s*|\n\s*/gs, '')
  files.set('index.html', page)
  files.set('icon.svg', readFileSync(join(source, 'icon.svg'), 'utf8'))

  let bytes = 0
  for (const [name, text] of files) bytes += writePacked(join(target, name), Buffer.from(text))
  if (bytes > PAGE_BYTES_MAX) throw new Error(`the page of the console has ${bytes} bytes: more than ${PAGE_BYTES_MAX}`)
  return bytes
}

async function scriptOf(input: string): Promise<{ name: string; code: string }> {
  const bundle = await rolldown({
    input: { console: input },
    platform: 'browser',
    transform: { target: 'es2022', jsx: { runtime: 'automatic', importSource: 'preact', development: false } },
  })
  const { output } = await bundle.generate({ format: 'esm', minify: true, comments: false })
  await bundle.close()
  const [chunk, ...others] = output
  if (others.length > 0) throw new Error('the script of the console is one file')
  const code = `${chunk.code.trim()}\n`
  return { name: `assets/console-${hashOf(code)}.js`, code }
}

/** The style sheets in the order of their names, behind uPlot's own, without blanks. */
function stylesOf(folder: string): string {
  const sheets = readdirSync(folder)
    .filter((name) => name.endsWith('.css'))
    .sort()
    .map((name) => readFileSync(join(folder, name), 'utf8'))
  const chart = join(dirname(createRequire(import.meta.url).resolve('uplot')), 'uPlot.min.css')
  return [readFileSync(chart, 'utf8'), ...sheets]
    .join('\n')
    .replace(/\/\*.*?\*\//gs, '')
    .replace(/\s+/g, ' ')
    .replace(/ ?([{};,]) ?/g, '$1')
    .replace(/: /g, ':')
    .replaceAll(';}', '}')
    .trim()
}

/** Returns the size of what was written. */
function writePacked(file: string, content: Buffer): number {
  const brotli = brotliCompressSync(content, {
    params: { [zlib.BROTLI_PARAM_QUALITY]: zlib.BROTLI_MAX_QUALITY, [zlib.BROTLI_PARAM_SIZE_HINT]: content.length },
  })
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(`${file}.br`, brotli)
  return brotli.length
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}
