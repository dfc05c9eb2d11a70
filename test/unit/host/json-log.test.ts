/** The agent's own log: one object a line, of plain words and numbers, and no secret in any of them. */
import { format, inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { jsonLog } from '../../../main/host-ports.ts';
import { Secret } from '../../../main/secret.ts';

function logged(event: string, fields: Record<string, unknown> = {}): { line: string; object: Record<string, unknown> } {
  const lines: string[] = [];
  jsonLog({ write: (line: string) => void lines.push(line) })(event, fields as never);
  expect(lines).toHaveLength(1);
  const [line = ''] = lines;
  expect([line.endsWith('\n'), line.trimEnd().includes('\n')]).toEqual([true, false]);
  return { line, object: JSON.parse(line) };
}
const jwt = `eyJhbGciOiJFUzI1NiJ9.${'eyJzdWIiOiJhIn0'}.${'c2ln'.repeat(12)}`;

describe('a line of the log', () => {
  it.each([
    ['line ends', 'x\r\n{"level":30}\ny'],
    ['control characters', '\u001b[31m\u0000\u0007'],
    ['other line ends', '\u2028\u2029\u0085'],
    ['half a character', '\ud800'],
    ['quotes', '"},{"msg":"other"'],
  ])('is one object, whatever stands in a field or a name: %s', (_, text) => {
    expect(logged('agent.tried', { reason: text }).object).toMatchObject({ msg: 'agent.tried', reason: text.toWellFormed() });
    expect(logged(text).object['msg']).toBe(text.toWellFormed());
  });

  it('has one level, one time and one message, whatever its fields are called', () => {
    const { line, object } = logged('agent.tried', { level: 60, time: 'never', msg: 'other', __proto__: { a: 1 }, 'a b': 1, count: 2 });
    expect(Object.keys(object)).toEqual(['level', 'time', 'count', 'msg']);
    expect(object).toMatchObject({ level: 30, msg: 'agent.tried', count: 2 });
    expect(line).not.toMatch(/never|other|"level":60/);
  });

  it('masks what looks like a token, in a field and in the name of an event', () => {
    const { line, object } = logged(`came ${jwt}`, {
      detail: `Bearer ${jwt}`,
      other: `dapi${'0a'.repeat(16)}`,
      url: `/v1/metadata/${'g'.repeat(43)}`,
    });
    expect(object).toMatchObject({
      msg: 'came [redacted]',
      detail: 'Bearer [redacted]',
      other: '[redacted]',
      url: '/v1/metadata/[redacted]',
    });
    expect(line).not.toMatch(/eyJ|dapi|ggg/);
  });

  it('leaves out what is neither a word nor a number, and cuts what is long', () => {
    const { object } = logged('agent.tried', {
      secret: new Secret('canary'),
      error: new Error('canary'),
      list: ['canary'],
      none: null,
      text: 'x'.repeat(600),
    });
    expect(Object.keys(object)).toEqual(['level', 'time', 'text', 'msg']);
    expect(object['text']).toBe(`${'x'.repeat(511)}…`);
  });
});

describe('a secret', () => {
  const secret = new Secret('canary-4711');
  it.each<[string, () => string]>([
    ['a template', () => `${secret}`],
    ['JSON', () => JSON.stringify({ secret })],
    ['inspect', () => inspect({ secret })],
    ['inspect without its own words', () => inspect(secret, { showHidden: true, customInspect: false, depth: 9 })],
    ['every form of format', () => format('%s %o %O %j', secret, secret, secret, secret)],
    ['a copy', () => JSON.stringify({ ...secret }) + inspect(structuredClone(secret))],
    ['its keys', () => String(Reflect.ownKeys(secret))],
    ['the cause of an error', () => inspect(new Error('x', { cause: secret }))],
  ])('is not told by %s', (_, tell) => {
    expect(tell()).not.toContain('canary');
  });

  it('is told where it is asked for by name', () => {
    expect(secret.reveal()).toBe('canary-4711');
  });
});
