/** A command line proves at this door which program it is: over real sockets, with the system's own word on who is there. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attacker, itWithSecondUser, makeHome, runAs } from '../../machine/accounts.ts';
import { ask, type Door, openDoor, parseAnswer, raw, request } from './door.ts';

const run = promisify(execFile);
/** The command line sends neither of the SDKs' headers. */
const BARE = { 'X-Databricks-Metadata-Version': null, 'X-Databricks-Host': null, 'User-Agent': 'curl/8.14.1' };

let door: Door;
let nonce: string;
let path: string;
beforeEach(async () => {
  door = await openDoor();
  nonce = randomBytes(16).toString('base64url');
  path = `/v1/caller/${nonce}`;
});
afterEach(() => door.close());

const show = (at = path) => ask(door.port, at, { headers: BARE });
const refusals = () => door.audit.of('door.refused').map(({ code, reason }) => `${code} ${reason}`);

describe('a nonce shown at the broker', () => {
  it('is seen, and names the process that showed it, once', async () => {
    const { status, body, headers } = await show();
    expect({ status, body, cache: headers.get('cache-control') }).toEqual({ status: 200, body: '{"seen":true}', cache: 'no-store' });
    expect(door.broker.claimCaller(nonce)?.process?.pid).toBe(process.pid);
    expect(door.broker.claimCaller(nonce)).toBeUndefined();
    expect(door.audit.events).toEqual([]);
    expect(door.gate.asked).toEqual([]);
  });

  it('names the program that spoke, not the one that claims: curl, whose configuration comes from standard input', async () => {
    const curl = run('curl', ['-q', '-sS', '--config', '-']);
    curl.child.stdin?.end(`url = "http://127.0.0.1:${door.port}${path}"\n`);
    expect((await curl).stdout).toBe('{"seen":true}');
    const caller = door.broker.claimCaller(nonce);
    expect(caller?.process).toMatchObject({ pid: curl.child.pid, executable: expect.stringMatching(/\/curl$/) });
    expect(caller?.ancestors.map(({ pid }) => pid)).toContain(process.pid);
    expect(JSON.stringify(caller)).not.toContain(nonce);
  });

  it('is refused when it is shown again, and then names nobody at all', async () => {
    await show();
    const again = await show();
    expect({ status: again.status, error: JSON.parse(again.body).error }).toEqual({ status: 403, error: 'CALLER_UNPROVEN' });
    expect(door.broker.claimCaller(nonce)).toBeUndefined();
    expect(refusals()).toEqual(['CALLER_UNPROVEN nonce-repeated']);
    expect(JSON.stringify(door.audit.events)).not.toContain(nonce);
  });

  it('is forgotten after ten seconds', async () => {
    await show();
    await door.clock.advance(10_000);
    expect(door.broker.claimCaller(nonce)).toBeUndefined();
  });

  itWithSecondUser('is not heard from another user of the machine', async () => {
    const other = attacker();
    const home = makeHome(other);
    try {
      const { stdout } = await runAs(other, 'curl', ['-q', '-sS', '--max-time', '20', '-i', `http://127.0.0.1:${door.port}${path}`], {
        home,
      });
      expect(stdout).toBe('');
    } finally {
      await rm(home, { recursive: true });
    }
    expect(door.broker.claimCaller(nonce)).toBeUndefined();
  });
});

describe('a nonce that is not one', () => {
  it.each([
    ['nothing', ''],
    ['too short', 'A'.repeat(21)],
    ['too long', 'A'.repeat(44)],
    ['not base64url', `${'A'.repeat(21)}+`],
    ['padded', `${'A'.repeat(22)}==`],
    ['escaped', `%41${'A'.repeat(21)}`],
    ['a path', `${'A'.repeat(11)}/${'A'.repeat(11)}`],
    ['followed by a slash', `${'A'.repeat(22)}/`],
    ['a way out', '../../v1/up'],
    ['a fragment', `${'A'.repeat(22)}#`],
  ])('is at no address: %s', async (_, text) => {
    const answer = await show(`/v1/caller/${text}`);
    expect({ status: answer.status, error: JSON.parse(answer.body).error }).toEqual({ status: 404, error: 'ROUTE_UNKNOWN' });
    expect(door.broker.claimCaller(text)).toBeUndefined();
  });
});

describe('an attacker that shows a nonce of its own', () => {
  const at = (port: number) => `127.0.0.1:${port}`;
  it.each([
    [
      'a page that has rebound a name',
      (port: number) => request(port, path, { headers: { ...BARE, Host: `evil.test:${port}` } }),
      'HOST_REFUSED',
    ],
    [
      'a rebound page behind our own Host',
      (port: number) => request(port, path, { headers: BARE, extra: ['Host: evil.test'] }),
      'HOST_REFUSED',
    ],
    [
      'a page with an Origin',
      (port: number) => request(port, path, { headers: { ...BARE, Origin: 'http://evil.test' } }),
      'BROWSER_REFUSED',
    ],
    [
      'a page of our own origin',
      (port: number) => request(port, path, { headers: { ...BARE, Origin: `http://${at(port)}` } }),
      'BROWSER_REFUSED',
    ],
    [
      'a page without one',
      (port: number) => request(port, path, { headers: { ...BARE, 'Sec-Fetch-Site': 'cross-site' } }),
      'BROWSER_REFUSED',
    ],
    [
      'an address typed by a person',
      (port: number) => request(port, path, { headers: { ...BARE, 'Sec-Fetch-Site': 'none' } }),
      'BROWSER_REFUSED',
    ],
    [
      'a page of an old browser',
      (port: number) => request(port, path, { headers: { ...BARE, Referer: 'http://evil.test/' } }),
      'BROWSER_REFUSED',
    ],
    ['a page with our cookie', (port: number) => request(port, path, { headers: { ...BARE, Cookie: 'a=1' } }), 'BROWSER_REFUSED'],
    ['a form', (port: number) => request(port, path, { method: 'POST', headers: { ...BARE, 'Content-Length': '0' } }), 'METHOD_REFUSED'],
    ['a HEAD', (port: number) => request(port, path, { method: 'HEAD', headers: BARE }), 'METHOD_REFUSED'],
    ['a preflight', (port: number) => request(port, path, { method: 'OPTIONS', headers: BARE }), 'METHOD_REFUSED'],
    ['a proxy', (port: number) => request(port, `http://${at(port)}${path}`, { headers: BARE }), 'TARGET_REFUSED'],
    ['a query', (port: number) => request(port, `${path}?`, { headers: BARE }), 'TARGET_REFUSED'],
    ['a body', (port: number) => `${request(port, path, { headers: { ...BARE, 'Content-Length': '1' } })}x`, 'INPUT_INVALID'],
    ['a smuggled body', (port: number) => request(port, path, { headers: BARE, extra: ['Transfer-Encoding: chunked'] }), 'INPUT_INVALID'],
  ])('is refused as %s, and the nonce stays unknown', async (_, requestTo, code) => {
    const text = await raw(door.port, requestTo(door.port));
    expect(refusals()[0]?.split(' ')[0]).toBe(code);
    if (code !== 'METHOD_REFUSED') expect(JSON.parse(parseAnswer(text).body).error).toBe(code);
    expect(text).not.toContain('"seen"');
    expect(text).not.toMatch(/access-control|location:/i);
    expect(door.broker.claimCaller(nonce)).toBeUndefined();
    expect((await show()).status).toBe(200);
  });

  it('cannot fill the audit log, nor put anything of its own into it', async () => {
    for (let n = 0; n < 200; n++) await show(`/v1/caller/evil-${n}`);
    await door.clock.advance(60_000);
    expect(refusals()).toEqual(['ROUTE_UNKNOWN nonce', 'ROUTE_UNKNOWN nonce']);
    expect(JSON.stringify(door.audit.events)).not.toContain('evil');
  });
});
