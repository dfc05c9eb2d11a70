/** Waiting for a person: what the terminal says meanwhile, and how the wait ends. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { AppError } from '../../../main/app-error.ts';
import { connectAgent } from '../../../main/cli/agent-client.ts';
import { askingText, askThrough, waitOf } from '../../../main/cli/asking.ts';
import { newsText } from '../../../main/cli/verbs/run.ts';
import { route } from '../../../main/control/door.ts';
import { seconds } from '../../../main/units.ts';
import type { AskView } from '../../../preload/contract/consent.ts';
import { grantProgressSchema } from '../../../preload/contract/control.ts';
import { type StandInAgent, startStandInAgent } from './stand-in-agent.ts';

const ask: AskView = {
  ...{ id: 'a1', purpose: 'create', expected: null, profile: 'acme', workspace: 'main', scopes: ['sql', 'files'] },
  ...{ words: ['Run SQL', 'Read files'], grant: null, label: 'sh', until: null, approval: 'tap', spans: ['grant'] },
  ...{ askedAt: '2026-01-01T00:00:00Z', answerableAt: null, openUntil: '2026-01-01T00:10:00Z', requests: 1 },
  caller: {
    ...{ kind: 'ai-agent', title: 'python3.12', pid: 7 },
    facts: [
      { name: 'program', value: '/usr/bin/python3.12', proof: 'verified' },
      { name: 'ai-agent', value: 'claude', proof: 'verified' },
      { name: 'notebook', value: 'churn\u001b[2J.ipynb', proof: 'claimed' },
    ],
  },
};

describe('the line for the person', () => {
  it('says program, act, scopes, workspace and where to answer, each fact marked', () => {
    const text = askingText({ asking: ask, url: 'http://127.0.0.1:1/#c' });
    for (const part of [
      'python3.12 (verified)',
      'ai-agent claude (verified)',
      '(claimed)',
      'sql files',
      'on main',
      'http://127.0.0.1:1/#c',
      'touch',
    ])
      expect(text).toContain(part);
  });

  it('names the command where no address is known, and a click where that is enough', () => {
    const text = askingText({ asking: { ...ask, approval: 'click' }, url: null });
    expect(text).toContain('`lakepass ui`');
    expect(text).not.toContain('touch');
  });

  it.each([
    [{ ended: 'program-ended' }, 'the grant has ended (program-ended)'],
    [{ answered: 'denied' as const }, 'you refused it'],
    [{ refused: new AppError('AWAY').toFailure() }, '[AWAY]'],
    [{ asking: { ...ask, purpose: 'use' as const }, url: null }, 'may use a grant made for another program'],
  ])('tells the news %j', (news, words) => {
    expect(newsText(news)).toContain(words);
  });
});

describe('--wait', () => {
  it.each([
    ['30s', 30_000],
    ['5m', 300_000],
    ['0', undefined],
    [undefined, 630_000],
  ])('%s', (wait, expected) => {
    expect(waitOf(wait === undefined ? {} : { wait })).toBe(expected);
  });

  it.each(['soon', '-1s', '0s', '1e3s', ''])('%j is no time', (wait) => {
    expect(() => waitOf({ wait })).toThrow(expect.objectContaining({ code: 'INPUT_INVALID', reason: 'wait' }));
  });
});

describe('waiting', () => {
  let agent: StandInAgent;
  let withdrawn: PromiseWithResolvers<string>;
  let said: string;
  beforeEach(async () => {
    said = '';
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      said += String(text);
      return true;
    });
    withdrawn = Promise.withResolvers();
    const grants = z.strictObject({ end: z.enum(['made', 'denied', 'nothing', 'crash', 'at once']) });
    agent = await startStandInAgent([
      route(
        'POST',
        '/v1/grants',
        grants,
        ({ input }) => ({
          lines: async (send, signal) => {
            if (input.end !== 'at once') send({ asking: ask, url: 'http://127.0.0.1:1/#c' });
            if (input.end === 'made' || input.end === 'at once') send({ made: { grant, host: 'https://h', url: 'http://127.0.0.1:1/x' } });
            if (input.end === 'denied') send({ failure: new AppError('CONSENT_DENIED').toFailure() });
            if (input.end !== 'nothing') return;
            await new Promise((resolve) => signal.addEventListener('abort', resolve));
            withdrawn.resolve('withdrawn');
          },
        }),
        'attributed',
      ),
    ]);
  });
  afterEach(() => agent.close());

  const grant = {
    ...{ id: 'g1', profile: 'acme', workspace: 'main', scopes: ['sql'], label: '', createdAt: '2026-01-01T00:00:00Z', members: 1 },
    ...{
      until: '2026-01-01T00:00:00Z',
      approved: 'tap',
      binding: 'run',
      caller: null,
      state: 'live',
      paused: false,
      lastUsedAt: null,
      served: 0,
    },
  };
  const asked = (end: string, wait: ReturnType<typeof waitOf>) =>
    askThrough(connectAgent(agent.places), { path: '/v1/grants', body: { end }, line: grantProgressSchema, wait }, (line) =>
      'made' in line ? line.made.grant.id : undefined,
    );

  it('tells the terminal once, and goes on with the answer', async () => {
    expect(await asked('made', seconds(60))).toBe('g1');
    expect(said).toMatch(/^lakepass: you are asked whether python3\.12 .*\n$/);
    expect(said).not.toContain('\u001b');
  });

  it('says nothing where nobody has to be asked', async () => {
    expect(await asked('at once', undefined)).toBe('g1');
    expect(said).toBe('');
  });

  it('ends with the refusal', async () => {
    await expect(asked('denied', seconds(60))).rejects.toMatchObject({ failure: { code: 'CONSENT_DENIED' } });
  });

  it('withdraws the request after its time', async () => {
    await expect(asked('nothing', seconds(1))).rejects.toMatchObject({ code: 'CONSENT_UNANSWERED' });
    expect(await withdrawn.promise).toBe('withdrawn');
  });

  it('withdraws it at once where nobody may be asked, and disturbs nobody', async () => {
    await expect(asked('nothing', undefined)).rejects.toMatchObject({ code: 'CONSENT_UNANSWERED' });
    expect(await withdrawn.promise).toBe('withdrawn');
    expect(said).toBe('');
  });

  it('does not take the end of the agent for an answer', async () => {
    await expect(asked('crash', seconds(60))).rejects.toMatchObject({ code: 'AGENT_NOT_RUNNING' });
  });
});
