import { describe, expect, it } from 'vitest';
import { failureAnswer, rawAnswer, statusOf, tokenAnswer } from '../../../main/broker/answers.ts';
import { Secret } from '../../../main/secret.ts';
import { failureCodes, failureTexts } from '../../../preload/contract/failure.ts';

/** What makes Go's SDK try again by itself. */
const RETRY_WORDS = ['throttled', 'too many requests', '429', 'request limit exceeded', 'rate limit'];
const bodyOf = ({ body }: { body: string }): unknown => JSON.parse(body);

describe('an answer of the broker', () => {
  it('holds a token and nothing else when all is well', () => {
    const answer = tokenAnswer(new Secret('t0ken'), 1_800_000_000);
    expect(answer.status).toBe(200);
    expect(answer.body).toBe('{"access_token":"t0ken","token_type":"Bearer","expires_on":1800000000}');
  });

  it.each(failureCodes)('says code, cause and next step of %s, and none of the words that make Go try again', (code) => {
    const answer = failureAnswer({ code, ...failureTexts[code] });
    expect(bodyOf(answer)).toEqual({ error: code, message: failureTexts[code].cause, next: failureTexts[code].next });
    for (const word of RETRY_WORDS) expect(answer.body.toLowerCase()).not.toContain(word);
    expect([200, 404, 429, 504]).not.toContain(code === 'ROUTE_UNKNOWN' ? 0 : answer.status);
    expect(answer.status).toBeGreaterThanOrEqual(400);
  });

  it.each([
    'The host is adb-1429.azuredatabricks.net.',
    'Too Many Requests',
    'You were throttled.',
    'RATE LIMIT',
    'request limit exceeded',
  ])('leaves out the detail %j, which would make Go try again', (detail) => {
    const answer = failureAnswer({ code: 'WORKSPACE_BUSY', ...failureTexts.WORKSPACE_BUSY, detail });
    expect(bodyOf(answer)).toMatchObject({ message: failureTexts.WORKSPACE_BUSY.cause });
  });

  it('says a detail that helps', () => {
    const answer = failureAnswer({
      code: 'EXCHANGE_WRONG_AUDIENCE',
      ...failureTexts.EXCHANGE_WRONG_AUDIENCE,
      detail: 'The audience is lakepass.',
    });
    expect(bodyOf(answer)).toMatchObject({ message: expect.stringContaining('lakepass') });
  });

  it.each([
    ['GRANT_UNKNOWN', 403],
    ['WORKSPACE_MISMATCH', 403],
    ['SIGNED_OUT', 403],
    ['VERSION_REFUSED', 400],
    ['METHOD_REFUSED', 405],
    ['ROUTE_UNKNOWN', 404],
    ['DEADLINE_PASSED', 503],
    ['ISSUER_UNREACHABLE', 503],
    ['AUDIT_UNWRITABLE', 503],
    ['INTERNAL', 500],
  ] as const)('gives %s the status %i', (code, status) => {
    expect(statusOf(code)).toBe(status);
  });

  it('keeps every browser from storing, framing, sniffing or reading it', () => {
    for (const { headers } of [tokenAnswer(new Secret('x'), 1), failureAnswer({ code: 'INTERNAL', ...failureTexts.INTERNAL })]) {
      const pairs = Object.fromEntries(Array.from({ length: headers.length / 2 }, (_, n) => [headers[2 * n], headers[2 * n + 1]]));
      expect(pairs).toMatchObject({
        'Content-Type': 'application/json',
        'Cache-Control': 'no-store',
        'X-Content-Type-Options': 'nosniff',
        'Content-Security-Policy': "default-src 'none'",
        'Cross-Origin-Resource-Policy': 'same-origin',
        'Referrer-Policy': 'no-referrer',
      });
      expect(Object.keys(pairs).filter((name) => /^access-control|^location$|^set-cookie$/i.test(name))).toEqual([]);
    }
  });

  it('is ASCII, so that its length is its number of bytes', () => {
    const detail = 'Zürich – 東京 \u{1f511}';
    const answer = failureAnswer({ code: 'WORKSPACE_TLS', ...failureTexts.WORKSPACE_TLS, detail });
    expect(answer.body).toMatch(/^[\x20-\x7e]+$/);
    expect(bodyOf(answer)).toMatchObject({ message: expect.stringContaining(detail) });
    expect(answer.headers.at(-1)).toBe(String(Buffer.byteLength(answer.body)));
  });

  it('can be written to a bare socket', () => {
    const text = rawAnswer(failureAnswer({ code: 'INPUT_INVALID', ...failureTexts.INPUT_INVALID }, 431));
    expect(text).toMatch(/^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/);
    expect(text).toMatch(/\r\nConnection: close\r\n\r\n\{.*\}$/);
  });
});
