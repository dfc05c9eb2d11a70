/** The verbs of a packaged installation start the app, hidden, and wait until it answers. Here a script stands for the app: it writes down how it was started, and becomes a real agent. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { z } from 'zod';
import { agentAnswers, connectAgent, startDesktop } from '../../../main/cli/agent-client.ts';
import { findPlaces, type Places } from '../../../main/places.ts';
import { ms } from '../../../main/units.ts';
import { statusViewSchema } from '../../../preload/contract/control.ts';

const headless = fileURLToPath(new URL('../../../main/headless.ts', import.meta.url));
let home: string;
let places: Places;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'lpd-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  places = findPlaces({ home, env: {}, uid: process.getuid?.() ?? -1 });
});

function app(body: string): string {
  const file = join(home, 'lakepass-desktop');
  writeFileSync(file, `#!/bin/sh\nprintf '%s\\n' "$PWD" "\${ELECTRON_RUN_AS_NODE-none}" "$@" > '${home}/started'\n${body}\n`);
  chmodSync(file, 0o755);
  return file;
}
const start = (body: string, limit = 30_000): Promise<void> => startDesktop(places, app(body), { home, vault: 'memory' }, ms(limit));

/** The processes above one, nearest first. */
function above(pid: number): number[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  return parent === 0 ? [] : [parent, ...above(parent)];
}

describe('starting the desktop app', () => {
  it('starts it hidden, where nobody stands, and waits until it answers', async () => {
    vi.stubEnv('ELECTRON_RUN_AS_NODE', '1');
    await start(`shift\nexec '${process.execPath}' '${headless}' "$@"`);
    expect(readFileSync(join(home, 'started'), 'utf8').trim().split('\n')).toEqual([
      '/',
      'none',
      '--hidden',
      '--vault',
      'memory',
      '--home',
      home,
    ]);
    const agent = connectAgent(places);
    const status = await agent.get('/v1/status', statusViewSchema);
    expect(status).toMatchObject({ vault: 'memory' });
    // It stands below nobody who asks: neither the verb nor what ran the verb.
    expect(above(status.pid)).not.toContain(process.pid);
    await agent.post('/v1/stop', {}, z.object({ stopping: z.boolean() }));
    while (await agentAnswers(places).catch(() => true)) await new Promise((done) => setTimeout(done, 20));
  });

  it('says so where it ends by itself', async () => {
    await expect(start('exit 3')).rejects.toMatchObject({ code: 'AGENT_START_FAILED', reason: 'desktop' });
  });

  it('goes on waiting where it has found another one and ended well, but not for ever', async () => {
    await expect(start('exit 0', 500)).rejects.toMatchObject({ code: 'AGENT_START_FAILED', reason: 'desktop' });
  });

  it('says so where it cannot be started at all', async () => {
    await expect(startDesktop(places, join(home, 'gone'), { home: undefined, vault: 'keychain' }, ms(5000))).rejects.toMatchObject({
      code: 'AGENT_START_FAILED',
    });
  });
});
