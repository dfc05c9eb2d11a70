/** Whom the command line speaks to: the user's own agent, or nobody. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { z } from 'zod';
import { agentAnswers, connectAgent } from '../../../main/cli/agent-client.ts';
import type { Places } from '../../../main/places.ts';

let base: string;
let server: Server;
let asked: number;
beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), 'lpc-'));
  mkdirSync(join(base, 'real'), { mode: 0o700 });
  asked = 0;
  server = createServer((_, response) => {
    asked += 1;
    response.end('{"up":true}');
  });
  await new Promise<void>((resolve) => server.listen(join(base, 'real', 'control.sock'), resolve));
});
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(base, { recursive: true });
});

const at = (name: string): Places => ({
  ...{ config: join(base, 'config.yaml'), policy: join(base, 'policy.yaml'), data: join(base, 'data'), state: join(base, 'state') },
  ...{ runtime: join(base, name), socket: join(base, name, 'control.sock') },
});
const up = z.object({ up: z.boolean() });

it('speaks to the agent in a runtime folder of the user alone', async () => {
  expect(await connectAgent(at('real')).get('/v1/status', up)).toEqual({ up: true });
  expect(await agentAnswers(at('real'))).toBe(true);
});

it('says AGENT_NOT_RUNNING where there is no such folder yet', async () => {
  await expect(connectAgent(at('nowhere')).get('/v1/status', up)).rejects.toMatchObject({ code: 'AGENT_NOT_RUNNING' });
  expect(await agentAnswers(at('nowhere'))).toBe(false);
});

it('does not speak through one that appears after it has looked', async () => {
  const places = { ...at('nowhere'), socket: at('real').socket };
  await expect(connectAgent(places).get('/v1/status', up)).rejects.toMatchObject({ code: 'AGENT_NOT_RUNNING' });
  expect(asked).toBe(0);
});

it('never speaks through a runtime folder that is a link, or that others can enter', async () => {
  symlinkSync(join(base, 'real'), join(base, 'link'));
  const refused = (reason: string) => expect.objectContaining({ code: 'RUNTIME_UNSAFE', reason });
  await expect(connectAgent(at('link')).post('/v1/token', {}, up)).rejects.toEqual(refused('symlink'));
  await expect(agentAnswers(at('link'))).rejects.toEqual(refused('symlink'));
  chmodSync(join(base, 'real'), 0o755);
  await expect(connectAgent(at('real')).get('/v1/status', up)).rejects.toEqual(refused('mode'));
  expect(asked).toBe(0);
});
