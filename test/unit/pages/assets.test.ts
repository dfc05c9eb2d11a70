import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAssets, pageFiles } from '../../../main/pages/assets.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lp-assets-'));
});
afterEach(() => rm(folder, { recursive: true }));

const fill = () => Promise.all(pageFiles.map((file) => writeFile(join(folder, file), `this is ${file}`)));
const assets = () => createAssets(pathToFileURL(`${folder}/`));

describe('the files of the pages', () => {
  it('are not there before they are asked for', async () => {
    await fill();
    expect(assets().find('ui', '/')).toBeUndefined();
  });

  it('belong to one host each', async () => {
    await fill();
    const loaded = assets();
    await loaded.load();
    expect(loaded.find('ui', '/')).toEqual({ type: 'text/html; charset=utf-8', bytes: Buffer.from('this is ui.html') });
    expect(loaded.find('ceremony', '/')?.bytes.toString()).toBe('this is ceremony.html');
    expect([loaded.find('ui', '/ceremony.js'), loaded.find('ceremony', '/ui.js')]).toEqual([undefined, undefined]);
  });

  it.each(['/ui.html', '/../package.json', '/%2e%2e/x', '//ui.js', '/UI.js', '/constructor', '/__proto__', '', '/ui.js/'])(
    'are a fixed table: nothing is at %j',
    async (path) => {
      await fill();
      const loaded = assets();
      await loaded.load();
      expect(loaded.find('ui', path)).toBeUndefined();
    },
  );

  it('that were not built are said to be missing, and found once they are there', async () => {
    const loaded = assets();
    await expect(loaded.load()).rejects.toMatchObject({ code: 'INTERNAL', reason: 'pages' });
    await fill();
    await loaded.load();
    expect(loaded.find('ui', '/ui.css')?.type).toBe('text/css; charset=utf-8');
  });
});
