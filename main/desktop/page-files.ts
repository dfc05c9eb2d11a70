/**
 * The pages of the windows: a fixed table of files, read once. No path of a request ever becomes a path on the disk, each window's
 * session has its own page alone, and every answer says what the page may do.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WindowKind } from '../../preload/contract/desktop.ts';
import { AppError } from '../app-error.ts';
import { pageHost, scheme } from './window-options.ts';

const html = 'text/html; charset=utf-8';
const script = 'text/javascript; charset=utf-8';
const style = 'text/css; charset=utf-8';

export const pageTable: Readonly<Record<WindowKind, Readonly<Record<string, { file: string; type: string }>>>> = {
  main: {
    '/': { file: 'ui.html', type: html },
    '/ui.js': { file: 'ui.js', type: script },
    '/ui.css': { file: 'ui.css', type: style },
  },
  approval: {
    '/approval': { file: 'approval.html', type: html },
    '/approval.js': { file: 'approval.js', type: script },
    '/approval.css': { file: 'approval.css', type: style },
  },
};

/** What a page may do: run and show what lies beside it. It speaks to nobody; what it asks goes through its preload. */
export const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const headers = {
  // check: window-page-policy
  'Content-Security-Policy': pagePolicy,
  // end check
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), microphone=(), geolocation=(), clipboard-read=(), publickey-credentials-get=()',
  'Cache-Control': 'no-store',
} as const;

const empty = (status: number): Response => new Response(null, { status, headers });

export interface PageFiles {
  /** Answers every request of the window's session under our scheme. */
  answer(kind: WindowKind, request: Pick<Request, 'method' | 'url'>): Response;
}

/**
 * Reads all files, or none.
 *
 * @param folder where the build put the pages
 * @throws AppError INTERNAL (reason pages): they were not built
 */
export async function readPageFiles(folder: string): Promise<PageFiles> {
  const names = Object.values(pageTable).flatMap((paths) => Object.values(paths).map(({ file }) => file));
  const read = async (name: string) => [name, await readFile(join(folder, name))] as const;
  const files = new Map(
    await Promise.all(names.map(read)).catch((cause: unknown) => {
      throw new AppError('INTERNAL', { reason: 'pages', detail: 'The pages are not built; `npm run build` makes them.', cause });
    }),
  );
  return { answer: (kind, request) => answerPage(kind, request, files) };
}

/** 200 with the file, 405 for another method than GET, 404 for everything else. */
export function answerPage(
  kind: WindowKind,
  { method, url }: Pick<Request, 'method' | 'url'>,
  files: ReadonlyMap<string, Buffer>,
): Response {
  // check: page-get-only
  if (method !== 'GET') return empty(405);
  // end check
  const path = pathOf(url);
  const table = pageTable[kind];
  const found = path !== null && Object.hasOwn(table, path) ? table[path] : undefined;
  const bytes = found === undefined ? undefined : files.get(found.file);
  if (found === undefined || bytes === undefined) return empty(404);
  return new Response(new Uint8Array(bytes), { status: 200, headers: { ...headers, 'Content-Type': found.type } });
}

/** The path of a URL that is ours and says nothing else; null for any other. */
function pathOf(url: string): string | null {
  const parsed = URL.parse(url);
  if (parsed === null) return null;
  const { protocol, host, username, password, pathname, search } = parsed;
  // check: page-own-host
  if (protocol !== `${scheme}:` || host !== pageHost || username !== '' || password !== '' || search !== '') return null;
  // end check
  return pathname;
}
