/**
 * Bundles the pages: the UI, the window in which a request is answered, and the page on which a key is touched. Each is one script, one
 * style sheet and one document with fixed names, without anything inline and without a file that two share, for their hosts share
 * nothing either.
 *
 *   node main/build-pages.ts FOLDER
 */
import { copyFile, mkdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { OutputChunk } from 'rolldown';
import { build, type InlineConfig } from 'vite';

const root = fileURLToPath(new URL('..', import.meta.url));

/** For each page its script and its document; the style sheet is what the script imports. */
const pages = {
  ui: { script: 'renderer/ui.tsx', document: 'renderer/ui.html' },
  approval: { script: 'renderer/approval.tsx', document: 'renderer/approval.html' },
  ceremony: { script: 'renderer/pages/ceremony.tsx', document: 'renderer/pages/ceremony.html' },
} as const;

/** Browsers that know `light-dark()`; what they cannot do is not made up for. */
const browsers = ['chrome125', 'edge125', 'firefox125', 'safari17.5'];

/** The same whoever builds and whatever NODE_ENV says: what is tested is what is shipped. */
const settings = (script: string, folder: string, name: string): InlineConfig => ({
  root,
  configFile: false,
  envDir: false,
  publicDir: false,
  logLevel: 'warn',
  mode: 'production',
  define: { 'process.env.NODE_ENV': '"production"' },
  oxc: { jsx: { runtime: 'automatic', development: false } },
  resolve: { conditions: ['module', 'browser', 'production'] },
  css: { modules: { generateScopedName: (local, file) => `${basename(file, '.module.css')}-${local}` } },
  build: {
    outDir: folder,
    emptyOutDir: false,
    copyPublicDir: false,
    target: browsers,
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: false,
    // One file per page is meant: it lies on this very machine.
    chunkSizeWarningLimit: Number.POSITIVE_INFINITY,
    rolldownOptions: {
      input: resolve(root, script),
      // `use client` means something to servers that draw pages; there is none.
      onLog: (level, log, pass) => (log.code === 'MODULE_LEVEL_DIRECTIVE' ? undefined : pass(level, log)),
      output: { codeSplitting: false, entryFileNames: `${name}.js`, assetFileNames: `${name}[extname]` },
    },
  },
});

async function bundlePage(script: string, folder: string, name: string): Promise<OutputChunk[]> {
  const built = await build(settings(script, folder, name));
  const outputs = Array.isArray(built) ? built : [built];
  return outputs
    .flatMap((result) => ('output' in result ? result.output : []))
    .filter((file): file is OutputChunk => file.type === 'chunk');
}

/** Builds all pages into `folder`. Returns what was bundled, for the list of licences. */
export async function buildPages(folder: string): Promise<OutputChunk[]> {
  await mkdir(folder, { recursive: true });
  const chunks: OutputChunk[] = [];
  for (const [name, { script, document }] of Object.entries(pages)) {
    chunks.push(...(await bundlePage(script, folder, name)));
    await copyFile(join(root, document), join(folder, `${name}.html`));
  }
  return chunks;
}

if (import.meta.main) await buildPages(resolve(process.argv[2] ?? join(root, '.cache/pages')));
