import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { answerPage, pagePolicy, pageTable, readPageFiles } from '../../../main/desktop/page-files.ts';
import { pageUrls } from '../../../main/desktop/window-options.ts';
import { windowKinds } from '../../../preload/contract/desktop.ts';

const files = new Map(
  windowKinds.flatMap((kind) => Object.values(pageTable[kind]).map(({ file }) => [file, Buffer.from(`the ${file}`)] as const)),
);
const get = (url: string, kind: 'main' | 'approval' = 'main', method = 'GET') => answerPage(kind, { method, url }, files);

describe('the pages of the windows', () => {
  it.each(windowKinds)('are there for %s, each with its script and its style sheet', async (kind) => {
    for (const [path, { file, type }] of Object.entries(pageTable[kind])) {
      const answer = get(`app://lakepass${path}`, kind);
      expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([200, type, `the ${file}`]);
    }
    expect(get(pageUrls[kind], kind).status).toBe(200);
  });

  it('may do nothing but run and show what lies beside them', () => {
    expect(pagePolicy).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'none'; base-uri 'none'; " +
        "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    );
  });

  it.each([
    ['a page', 'app://lakepass/', 200],
    ['nothing', 'app://lakepass/nothing', 404],
  ])('come with their policy, unsniffed and unkept: %s', (_, url, status) => {
    const answer = get(url);
    expect(answer.status).toBe(status);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-security-policy': pagePolicy,
      ...{ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cache-control': 'no-store' },
    });
  });

  it.each([
    ['the page of the other window', 'app://lakepass/approval'],
    ['the script of the other window', 'app://lakepass/approval.js'],
    ['the page of a key', 'app://lakepass/ceremony.html'],
    ['a file by its name', 'app://lakepass/ui.html'],
    ['a preload', 'app://lakepass/preload.cjs'],
    ['a way out', 'app://lakepass/../desktop.mjs'],
    ['an escaped way out', 'app://lakepass/%2e%2e/desktop.mjs'],
    ['a backslash', 'app://lakepass/..\\desktop.mjs'],
    ['a double slash', 'app://lakepass//ui.js'],
    ['an escaped name', 'app://lakepass/ui%2ejs'],
    ['a name of every object', 'app://lakepass/__proto__'],
    ['its constructor', 'app://lakepass/constructor'],
    ['no path', 'app:ui.js'],
    ['no URL', 'ui.js'],
  ])('hold nothing else: %s', (_, url) => {
    expect(get(url).status).toBe(404);
  });

  it.each([
    ['another host', 'app://evil/'],
    ['a host that begins so', 'app://lakepass.evil/'],
    ['a port', 'app://lakepass:1/'],
    ['a person', 'app://ada@lakepass/'],
    ['a question', 'app://lakepass/?x=1'],
    ['another scheme', 'https://lakepass/'],
  ])('are at one host alone: %s', (_, url) => {
    expect(get(url).status).toBe(404);
  });

  it.each(['POST', 'HEAD', 'PUT', 'OPTIONS'])('answer no %s', (method) => {
    expect(get('app://lakepass/', 'main', method).status).toBe(405);
  });

  it('are read whole or not at all', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pages-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, 'ui.html'), 'x');
    await expect(readPageFiles(folder)).rejects.toMatchObject({ code: 'INTERNAL', reason: 'pages' });
    for (const [name, bytes] of files) await writeFile(join(folder, name), bytes);
    const pages = await readPageFiles(folder);
    expect(await pages.answer('approval', { method: 'GET', url: 'app://lakepass/approval' }).text()).toBe('the approval.html');
  });
});
