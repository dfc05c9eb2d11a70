/**
 * The files the pages are made of: a fixed table, read once from where the build put them, when the first page is asked for. No path
 * of a request ever becomes a path on the disk.
 */
import { readFile } from 'node:fs/promises';
import { AppError } from '../app-error.ts';
import type { PageHost } from './entries.ts';

export interface Asset {
  type: string;
  bytes: Buffer;
}

export interface Assets {
  /**
   * Reads all files, or none. A failed reading is tried again the next time.
   * @throws AppError INTERNAL (reason pages): the pages were not built
   */
  load(): Promise<void>;
  /** undefined: there is nothing at that path on that host, or nothing was loaded yet. */
  find(host: PageHost, path: string): Asset | undefined;
}

const html = 'text/html; charset=utf-8';
const script = 'text/javascript; charset=utf-8';
const style = 'text/css; charset=utf-8';

/** Each host has its own page and its own files, and nothing of the other's. */
const table: Readonly<Record<PageHost, Readonly<Record<string, { file: string; type: string }>>>> = {
  ui: {
    '/': { file: 'ui.html', type: html },
    '/ui.js': { file: 'ui.js', type: script },
    '/ui.css': { file: 'ui.css', type: style },
  },
  ceremony: {
    '/': { file: 'ceremony.html', type: html },
    '/ceremony.js': { file: 'ceremony.js', type: script },
    '/ceremony.css': { file: 'ceremony.css', type: style },
  },
};

/** What a build of the pages must contain. */
export const pageFiles: readonly string[] = Object.values(table).flatMap((paths) => Object.values(paths).map(({ file }) => file));

/** Beside the bundle this file was made part of; run from source, where `test/setup.mjs` has built them. */
const builtFolder = (): URL => new URL(import.meta.url.endsWith('.ts') ? '../../.cache/pages/' : './pages/', import.meta.url);

/** @param folder ends in a slash; by default where the build puts the pages */
export function createAssets(folder: URL = builtFolder()): Assets {
  let loading: Promise<Map<string, Buffer>> | undefined;
  let loaded: Map<string, Buffer> | undefined;

  async function read(): Promise<Map<string, Buffer>> {
    const files = await Promise.all(pageFiles.map(async (file) => [file, await readFile(new URL(file, folder))] as const));
    return new Map(files);
  }

  return {
    async load() {
      loading ??= read();
      try {
        loaded = await loading;
      } catch (cause) {
        loading = undefined;
        throw new AppError('INTERNAL', { reason: 'pages', detail: 'The pages are not built; `npm run build` makes them.', cause });
      }
    },
    find(host, path) {
      const found = Object.hasOwn(table[host], path) ? table[host][path] : undefined;
      const bytes = found === undefined ? undefined : loaded?.get(found.file);
      return found === undefined || bytes === undefined ? undefined : { type: found.type, bytes };
    },
  };
}
