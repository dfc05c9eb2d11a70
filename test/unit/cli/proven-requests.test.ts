/** How the command line proves which program asks, and how it hears the answer. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { AppError } from '../../../main/app-error.ts';
import { connectAgent } from '../../../main/cli/agent-client.ts';
import { route } from '../../../main/control/door.ts';
import { type StandInAgent, somebody, startStandInAgent } from './stand-in-agent.ts';

let agent: StandInAgent;
let withdrawn: PromiseWithResolvers<string>;
const anything = z.strictObject({ word: z.string().default('') });
beforeEach(async () => {
  withdrawn = Promise.withResolvers();
  agent = await startStandInAgent([
    route('POST', '/v1/plain', anything, ({ by }) => ({ json: { pid: by.process?.pid ?? null } })),
    route('POST', '/v1/proven', anything, ({ by }) => ({ json: { pid: by.process?.pid ?? null } }), 'attributed'),
    route(
      'POST',
      '/v1/lines',
      anything,
      ({ input }) => ({
        lines: async (send, signal) => {
          send({ word: input.word });
          if (input.word === 'refuse') throw new AppError('CONSENT_DENIED');
          if (input.word !== 'wait') return send({ word: 'done' });
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          withdrawn.resolve('withdrawn');
        },
      }),
      'attributed',
    ),
  ]);
});
afterEach(() => agent.close());

const whose = z.object({ pid: z.int().nullable() });
const line = z.object({ word: z.string() });
const never = new AbortController().signal;

describe('a proven request', () => {
  it('is known by the program that showed the nonce to the broker', async () => {
    expect(await connectAgent(agent.places).postProven('/v1/proven', {}, whose)).toEqual({ pid: somebody.process?.pid });
  });

  it('shows a new nonce each time, by GET, with the exact Host of the kept port', async () => {
    const client = connectAgent(agent.places);
    await client.postProven('/v1/proven', {}, whose);
    await client.postProven('/v1/proven', {}, whose);
    const [first, second] = agent.shown;
    expect(first).toMatchObject({ method: 'GET', host: expect.stringMatching(/^127\.0\.0\.1:\d{5}$/) });
    expect(first?.nonce).toMatch(/^[A-Za-z0-9_-]{22}$/);
    expect(second?.nonce).not.toBe(first?.nonce);
  });

  it('is the exception: other requests show nothing', async () => {
    expect(await connectAgent(agent.places).post('/v1/plain', {}, whose)).toEqual({ pid: null });
    expect(agent.shown).toEqual([]);
  });

  it('goes to no port that the environment names, and through no proxy', async () => {
    for (const name of ['LAKEPASS_PORT', 'PORT']) vi.stubEnv(name, '1');
    for (const name of ['http_proxy', 'HTTP_PROXY', 'all_proxy']) vi.stubEnv(name, 'http://127.0.0.1:1');
    vi.stubEnv('NODE_USE_ENV_PROXY', '1');
    expect(await connectAgent(agent.places).postProven('/v1/proven', {}, whose)).toEqual({ pid: 4711 });
  });

  it.each([
    ['', 'port'],
    ['99', 'port'],
    ['99999\n', 'port'],
    ['12345.example', 'port'],
    ['http://127.0.0.1:12345', 'port'],
  ])('is not made where the port file says %j', async (text, reason) => {
    writeFileSync(join(agent.places.state, 'port'), text);
    await expect(connectAgent(agent.places).postProven('/v1/proven', {}, whose)).rejects.toMatchObject({ code: 'CALLER_UNPROVEN', reason });
  });

  it('is not made without a kept port, or with nobody behind it', async () => {
    rmSync(join(agent.places.state, 'port'));
    const client = connectAgent(agent.places);
    await expect(client.postProven('/v1/proven', {}, whose)).rejects.toMatchObject({ code: 'CALLER_UNPROVEN', reason: 'port' });
    writeFileSync(join(agent.places.state, 'port'), '10240\n');
    await expect(client.postProven('/v1/proven', {}, whose)).rejects.toMatchObject({ code: 'CALLER_UNPROVEN', reason: 'unreachable' });
  });

  it('ends where the broker refuses the nonce', async () => {
    agent.status = 403;
    const refused = connectAgent(agent.places).stream('/v1/lines', { word: 'x' }, line, () => undefined, never);
    await expect(refused).rejects.toMatchObject({ code: 'CALLER_UNPROVEN', reason: 'refused' });
  });
});

describe('a stream', () => {
  const hear = async (word: string, signal: AbortSignal, onLine: (said: string) => void = () => undefined) =>
    connectAgent(agent.places).stream('/v1/lines', { word }, line, (said) => onLine(said.word), signal);

  it('hears line by line until the answer', async () => {
    const heard: string[] = [];
    await hear('first', never, (word) => heard.push(word));
    expect(heard).toEqual(['first', 'done']);
  });

  it('ends with the failure that its last line tells', async () => {
    await expect(hear('refuse', never)).rejects.toMatchObject({ failure: { code: 'CONSENT_DENIED' } });
  });

  it('ends with the failure of a request that was refused before it began', async () => {
    const refused = connectAgent(agent.places).stream('/v1/lines', { word: 7 }, line, () => undefined, never);
    await expect(refused).rejects.toMatchObject({ failure: { code: 'INPUT_INVALID', reason: 'word' } });
  });

  it('withdraws what was asked when it is given up', async () => {
    const over = new AbortController();
    await hear('wait', over.signal, () => over.abort());
    expect(await withdrawn.promise).toBe('withdrawn');
  });
});
