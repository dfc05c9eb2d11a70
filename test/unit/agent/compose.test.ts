/** What the composition root refuses before it opens anything. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { compose } from '../../../main/compose.ts';
import { nodePorts } from '../../../main/host-ports.ts';
import { findPlaces } from '../../../main/places.ts';

const platform = process.platform;
const homes: string[] = [];
afterEach(() => {
  Object.defineProperty(process, 'platform', { value: platform });
  for (const home of homes.splice(0)) rmSync(home, { recursive: true });
});

describe('starting', () => {
  it.each(['darwin', 'win32', 'freebsd'])('is refused on %s, where the user on the other end cannot be told', async (other) => {
    const home = mkdtempSync(join(tmpdir(), 'lpn-'));
    homes.push(home);
    Object.defineProperty(process, 'platform', { value: other });
    const uid = process.getuid?.() ?? 0;
    const started = compose(nodePorts({ vault: 'memory', log: () => undefined }), {
      places: findPlaces({ home, env: {}, uid }),
      uid,
      version: '0',
      onStop: () => undefined,
    });
    const outcome = await started.then(
      async (running) => {
        await running.close('test');
        return { code: 'started' };
      },
      (error: unknown) => error,
    );
    expect(outcome).toMatchObject({ code: 'PLATFORM_UNSUPPORTED' });
    expect(readdirSync(home)).toEqual([]);
  });
});
