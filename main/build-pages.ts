/**
 * Bundles the pages of the browser: the UI and the ceremony page, each one script, one style sheet and one document, without anything
 * inline and without a file that both share, for their hosts share nothing either.
 *
 *   node main/build-pages.ts FOLDER
 */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type OutputChunk, rolldown } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));

/** For each page its script, its document, and its style sheets in the order in which they apply. */
const pages = {
  ui: { script: 'renderer/ui.tsx', document: 'renderer/ui.html', styles: ['ui/tokens.css', 'ui/base.css', 'ui/parts.css', 'screens.css'] },
  ceremony: {
    script: 'renderer/pages/ceremony.tsx',
    document: 'renderer/pages/ceremony.html',
    styles: ['ui/tokens.css', 'ui/base.css', 'ui/parts.css', 'pages/ceremony.css'],
  },
} as const;

async function bundleScript(source: string, folder: string, name: string): Promise<OutputChunk[]> {
  const build = await rolldown({
    input: resolve(root, source),
    platform: 'browser',
    transform: { define: { 'process.env.NODE_ENV': '"production"' } },
    treeshake: true,
  });
  const { output } = await build.write({ dir: folder, format: 'esm', entryFileNames: `${name}.js`, codeSplitting: false, minify: true });
  await build.close();
  return output.filter((file): file is OutputChunk => file.type === 'chunk');
}

/** Builds both pages into `folder`. Returns what was bundled, for the list of licences. */
export async function buildPages(folder: string): Promise<OutputChunk[]> {
  await mkdir(folder, { recursive: true });
  const chunks: OutputChunk[] = [];
  for (const [name, { script, document, styles }] of Object.entries(pages)) {
    chunks.push(...(await bundleScript(script, folder, name)));
    await copyFile(join(root, document), join(folder, `${name}.html`));
    const sheets = await Promise.all(styles.map((style) => readFile(join(root, 'renderer', style), 'utf8')));
    await writeFile(join(folder, `${name}.css`), sheets.join('\n'));
  }
  return chunks;
}

if (import.meta.main) await buildPages(resolve(process.argv[2] ?? join(root, '.cache/pages')));
