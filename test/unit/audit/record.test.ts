import { hash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { decodeLine, encodeRecord, glanceAt, ZERO_HASH } from '../../../main/audit/record.ts';

const head = { seq: 1, at: '2026-01-05T09:00:00.000Z', id: '019b8d2e-7a00-7abc-8def-0123456789ab', prev: ZERO_HASH };
const lineOf = (fields: Record<string, unknown>): Buffer => encodeRecord(head, fields).line.subarray(0, -1);
/** A line whose hash fits, whatever it says: what a forger would write. */
const forged = (body: string | Buffer): Buffer => {
  const bytes = Buffer.from(body);
  return Buffer.concat([bytes, Buffer.from(`,"hash":"${hash('sha256', bytes, 'hex')}"}`)]);
};
const body = `{"seq":1,"at":"${head.at}","id":"${head.id}","prev":"${ZERO_HASH}","type":"audit.gap","count":1`;

describe('a record', () => {
  it('reads back as it was written', () => {
    const decoded = decodeLine(lineOf({ type: 'grant.created', label: 'Jürgen "x" \\ 🔑', scopes: ['sql'] }));
    expect(decoded).toMatchObject({ ok: true, record: { ...head, type: 'grant.created', label: 'Jürgen "x" \\ 🔑', scopes: ['sql'] } });
  });

  it('hashes exactly the bytes before its hash field', () => {
    const { line, hash: digest } = encodeRecord(head, { type: 'audit.gap', count: 1 });
    expect(line.toString()).toBe(`${body},"hash":"${digest}"}\n`);
    expect(digest).toBe(hash('sha256', body, 'hex'));
  });

  it.each([
    ['a newline', '\n'],
    ['NUL and escape', '\u0000\u001b[2J'],
    ['DEL and C1 controls', '\u007f\u009b'],
    ['line separators', '\u2028\u2029'],
    ['bidirectional overrides', '\u202e\u2066'],
    ['a zero-width joiner', '\u200d'],
    ['tag characters', '\u{e0041}'],
    ['a lone surrogate', '\ud800'],
  ])('writes %s escaped, on one line of its own', (_, hostile) => {
    const line = lineOf({ type: 'x', label: `a${hostile}b` });
    expect(line.toString()).toMatch(/^[ -~]*$/);
    expect(decodeLine(line)).toMatchObject({ ok: true, record: { label: `a${hostile}b` } });
  });

  it('accepts the hand-written line the tables below start from', () => {
    expect(decodeLine(forged(body)).ok).toBe(true);
  });

  it.each([
    ['an empty line', Buffer.alloc(0), 'malformed'],
    ['NUL bytes', Buffer.alloc(300), 'malformed'],
    ['a line that is only a tail', Buffer.from(`,"hash":"${ZERO_HASH}"}`), 'malformed'],
    [
      'a hash in capitals',
      Buffer.from(
        forged(body)
          .toString()
          .replace(/[0-9a-f]{64}"\}$/, (tail) => tail.toUpperCase()),
      ),
      'malformed',
    ],
    ['a carriage return at the end', Buffer.concat([forged(body), Buffer.from('\r')]), 'malformed'],
    ['a changed count', Buffer.from(forged(body).toString().replace('"count":1', '"count":2')), 'hash-wrong'],
    ['bytes that are not UTF-8', forged(Buffer.concat([Buffer.from(`${body},"x":"`), Buffer.from([0xff]), Buffer.from('"')])), 'malformed'],
    ['a body that is not JSON', forged(body.replace('"count":1', '"count":')), 'malformed'],
    ['no sequence number', forged(body.replace('"seq":1,', '')), 'malformed'],
    ['sequence number 0', forged(body.replace('"seq":1', '"seq":0')), 'malformed'],
    ['a sequence number as text', forged(body.replace('"seq":1', '"seq":"1"')), 'malformed'],
    ['a time without a zone', forged(body.replace('.000Z', '.000')), 'malformed'],
    ['a prev that is no hash', forged(body.replace(ZERO_HASH, 'abc')), 'malformed'],
    ['no type', forged(body.replace('"type":"audit.gap",', '')), 'malformed'],
    ['a key that stands twice', forged(body.replace('"count":1', '"count":1,"count":2')), 'not-canonical'],
    ['white space', forged(body.replace('"seq":1', '"seq": 1')), 'not-canonical'],
    ['a raw bidirectional override', forged(body.replace('audit.gap', 'audit\u202egap')), 'not-canonical'],
    ['a byte order mark', Buffer.concat([Buffer.from('\ufeff'), forged(body)]), 'hash-wrong'],
  ])('refuses %s', (_, line, problem) => {
    expect(decodeLine(line)).toEqual({ ok: false, problem });
  });
});

describe('a glance at a line', () => {
  it('finds the time and the type of a record, whatever follows', () => {
    const glance = { at: Date.parse(head.at), type: 'audit.gap' };
    expect(glanceAt(lineOf({ type: 'audit.gap', count: 1 }))).toEqual(glance);
    expect(glanceAt(Buffer.from(`${body} and then something else`))).toEqual(glance);
    const last = encodeRecord({ ...head, seq: Number.MAX_SAFE_INTEGER }, { type: 'token.validation-failed' }).line;
    expect(glanceAt(last)?.type).toBe('token.validation-failed');
  });

  it.each([
    ['nothing', ''],
    ['no record', '{"type":"audit.gap"}'],
    ['a type of another form', body.replace('audit.gap', 'audit gap')],
    ['no time', body.replace('2026-01-05', '2026-13-45')],
    ['another order', body.replace('"seq":1,', '').replace('"type"', '"seq":1,"type"')],
  ])('finds none where there is %s', (_, text) => {
    expect(glanceAt(Buffer.from(text))).toBeNull();
  });
});
