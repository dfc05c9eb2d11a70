/** The metadata contract of the Databricks SDKs, over real sockets. */
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { Secret } from '../../../main/secret.ts';
import { hours, later, minutes } from '../../../main/units.ts';
import { failureTexts } from '../../../preload/contract/failure.ts';
import { ask, type Door, openDoor, parseAnswer, raw, request, TOKEN_MARK, WORKSPACE } from './door.ts';

let door: Door;
beforeEach(async () => {
  door = await openDoor();
});
afterEach(() => door.close());

const bodyOf = ({ body }: { body: string }) => JSON.parse(body) as Record<string, unknown>;

describe('the metadata route', () => {
  it('answers a stock SDK with exactly the token, its type and when to come back', async () => {
    const { path } = await door.grant();
    const { status, headers, body } = await ask(door.port, path);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/json');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(JSON.parse(body)).toEqual({
      access_token: `${TOKEN_MARK}-1-sql`,
      token_type: 'Bearer',
      expires_on: Math.floor(door.clock.now() / 1000) + 300,
    });
  });

  it('hands out its URL with the literal address', async () => {
    expect(door.broker.grantUrl(new Secret('abc'))).toBe(`http://127.0.0.1:${door.port}/v1/metadata/abc`);
  });

  it('gives each grant the token of its own scopes', async () => {
    const [sql, jobs] = [await door.grant({ scopes: ['sql'] }), await door.grant({ scopes: ['jobs', 'sql'] })];
    expect(bodyOf(await ask(door.port, sql.path))['access_token']).toMatch(/-sql$/);
    expect(bodyOf(await ask(door.port, jobs.path))['access_token']).toMatch(/-jobs\.sql$/);
  });

  it('answers when there is no token yet, as soon as it is minted', async () => {
    door.tokens.mode = 'mint';
    const { path } = await door.grant();
    expect((await ask(door.port, path)).status).toBe(200);
    expect(door.audit.of('token.served')).toHaveLength(1);
  });

  it.each(['https://ACME.cloud.databricks.com/', 'acme.cloud.databricks.com', `${WORKSPACE}:443`, `${WORKSPACE}/?o=123`])(
    'takes the workspace as the SDK writes it: %s',
    async (workspace) => {
      const { path } = await door.grant();
      expect((await ask(door.port, path, { headers: { 'X-Databricks-Host': workspace } })).status).toBe(200);
    },
  );

  it.each(['https://other.cloud.databricks.com', 'http://acme.cloud.databricks.com', `${WORKSPACE}:8443`, '', 'https://'])(
    'refuses a grant for a workspace other than it names (%s)',
    async (workspace) => {
      const { path, grant } = await door.grant();
      const answer = await ask(door.port, path, { headers: { 'X-Databricks-Host': workspace } });
      expect(answer.status).toBe(403);
      expect(bodyOf(answer)).toMatchObject({ error: 'WORKSPACE_MISMATCH' });
      expect(door.refused.map(({ failure }) => failure.code)).toEqual(['WORKSPACE_MISMATCH']);
      expect(door.audit.of('token.refused')).toEqual([
        expect.objectContaining({ grant: grant.id, code: 'WORKSPACE_MISMATCH', caller: expect.any(String), count: 1 }),
      ]);
      expect(door.tokens.asked).toBe(0);
    },
  );

  it('does not take a workspace that was right for one grant as right for another', async () => {
    const acme = await door.grant();
    const other = await door.grant({ workspace: 'https://other.cloud.databricks.com' });
    expect((await ask(door.port, acme.path)).status).toBe(200);
    expect((await ask(door.port, other.path)).status).toBe(403);
  });

  it.each(['cached', 'mint'] as const)('refuses the grant of somebody who was signed in before (token: %s)', async (mode) => {
    door.tokens.mode = mode;
    const { path } = await door.grant({ subject: '00u2' });
    const { status, body } = await ask(door.port, path);
    expect({ status, ...bodyOf({ body }) }).toMatchObject({ status: 403, error: 'GRANT_OTHER_PERSON' });
    expect(body).not.toContain(TOKEN_MARK);
    expect(door.audit.of('token.served')).toEqual([]);
  });

  it('refuses a revoked grant, and says so', async () => {
    const { path, grant } = await door.grant();
    await door.grants.end(grant.id, 'revoked');
    expect(bodyOf(await ask(door.port, path))).toMatchObject({ error: 'GRANT_REVOKED', next: failureTexts.GRANT_REVOKED.next });
    expect(door.tokens.asked).toBe(0);
  });

  it('refuses a grant from the moment it ends, on a connection that was open before', async () => {
    const { path } = await door.grant({ until: later(door.clock.now(), minutes(10)) });
    const keepAlive = { headers: { Connection: 'keep-alive' } };
    const answers: string[] = [];
    const socket = connect(door.port, '127.0.0.1').setEncoding('latin1');
    socket.on('data', (text) => answers.push(String(text)));
    socket.write(request(door.port, path, keepAlive));
    await expect.poll(() => answers.length).toBe(1);
    door.clock.sleepThrough(minutes(10));
    socket.write(request(door.port, path, keepAlive));
    await expect.poll(() => answers.length).toBe(2);
    socket.destroy();
    expect(answers[0]).toContain(TOKEN_MARK);
    expect(answers[1]).toContain('GRANT_EXPIRED');
    expect(answers[1]).not.toContain(TOKEN_MARK);
  });

  it('refuses a grant whose profile is no longer configured', async () => {
    const { path } = await door.grant({ profile: 'gone' });
    expect(bodyOf(await ask(door.port, path))).toMatchObject({ error: 'PROFILE_UNKNOWN' });
  });

  it('answers an unknown, a mangled and a malformed secret alike', async () => {
    const { path, secret } = await door.grant();
    const paths = [
      `/v1/metadata/${'A'.repeat(43)}`,
      path.slice(0, -1),
      `${path}A`,
      `${path}/`,
      '/v1/metadata/',
      '/v1/metadata/%00',
      '/v1/metadata/../up',
      `/v1/metadata//${secret}`,
      path.replace(secret, secret.split('').reverse().join('')),
      `/v1/metadata/${'x'.repeat(4000)}`,
    ];
    const answers = await Promise.all(paths.map((each) => ask(door.port, each)));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(403);
    expect(door.tokens.asked).toBe(0);
  });

  it('says why a mint failed, once to the audit log and to whoever follows the grant', async () => {
    const { path, grant } = await door.grant();
    door.tokens.mode = new AppError('EXCHANGE_WRONG_AUDIENCE', { detail: 'The audience is lakepass.' });
    const answer = await ask(door.port, path);
    expect(answer.status).toBe(403);
    expect(bodyOf(answer)).toEqual({
      error: 'EXCHANGE_WRONG_AUDIENCE',
      message: `${failureTexts.EXCHANGE_WRONG_AUDIENCE.cause} The audience is lakepass.`,
      next: failureTexts.EXCHANGE_WRONG_AUDIENCE.next,
    });
    expect(door.refused).toHaveLength(1);
    for (let n = 0; n < 20; n++) await ask(door.port, path);
    await door.clock.advance(60_000);
    expect(door.audit.of('token.refused').map(({ count }) => count)).toEqual([1, 20]);
    expect(door.audit.of('token.refused')[0]?.grant).toBe(grant.id);
  });

  it('turns a bug into an answer that says nothing about it', async () => {
    const { path } = await door.grant();
    door.tokens.mode = new TypeError(`cannot read ${TOKEN_MARK}`) as AppError;
    const answer = await ask(door.port, path);
    expect(answer.status).toBe(500);
    expect(bodyOf(answer)).toEqual({ error: 'INTERNAL', message: failureTexts.INTERNAL.cause, next: failureTexts.INTERNAL.next });
  });

  it('turns a bug of the cache into such an answer too', async () => {
    const { path } = await door.grant();
    door.tokens.peek = () => {
      throw new TypeError(TOKEN_MARK);
    };
    const answer = await ask(door.port, path);
    expect(answer.status).toBe(500);
    expect(answer.body).not.toContain(TOKEN_MARK);
  });

  it('hands out nothing while the audit log cannot be written', async () => {
    const { path } = await door.grant();
    door.audit.fail();
    const answer = await ask(door.port, path);
    expect(answer.status).toBe(503);
    expect(bodyOf(answer)).toMatchObject({ error: 'AUDIT_UNWRITABLE' });
    expect(answer.body).not.toContain(TOKEN_MARK);
    door.audit.mend();
    expect((await ask(door.port, path)).status).toBe(200);
  });

  it('hands out nothing when the grant is revoked while its token is minted', async () => {
    door.tokens.mode = 'slow';
    const { path, grant } = await door.grant();
    const waiting = ask(door.port, path);
    await expect.poll(() => door.tokens.asked).toBe(2);
    await door.grants.end(grant.id, 'revoked');
    door.tokens.release();
    const answer = await waiting;
    expect(bodyOf(answer)).toMatchObject({ error: 'GRANT_REVOKED' });
    expect(answer.body).not.toContain(TOKEN_MARK);
    expect(door.audit.of('token.served')).toEqual([]);
  });

  it('gives up after eight seconds, before the SDKs do, and serves others meanwhile', async () => {
    door.tokens.mode = 'slow';
    const { path } = await door.grant({ scopes: ['jobs'] });
    const waiting = ask(door.port, path);
    await expect.poll(() => door.tokens.asked).toBe(2);
    door.tokens.mode = 'cached';
    const other = await door.grant();
    expect((await ask(door.port, other.path)).status).toBe(200);
    await door.clock.advance(7_999);
    expect(door.refused).toEqual([]);
    await door.clock.advance(1);
    const answer = await waiting;
    expect(answer.status).toBe(503);
    expect(bodyOf(answer)).toMatchObject({ error: 'DEADLINE_PASSED' });
    door.tokens.release();
  });

  it('records no token as served to a client that has gone', async () => {
    door.tokens.mode = 'slow';
    const { path } = await door.grant();
    const socket = connect(door.port, '127.0.0.1', () => socket.write(request(door.port, path)));
    await expect.poll(() => door.tokens.asked).toBe(2);
    socket.destroy();
    await new Promise((resolve) => socket.once('close', resolve));
    await ask(door.port, '/v1/up');
    door.tokens.release();
    await ask(door.port, '/v1/up');
    expect(door.audit.of('token.served')).toEqual([]);
  });

  it('lets fifteen hundred requests of a grant wait and refuses more, while others are served', { timeout: 60_000 }, async () => {
    door.tokens.mode = 'slow';
    const { path } = await door.grant();
    const waiting = Array.from({ length: 1500 }, () => ask(door.port, path));
    await expect.poll(() => door.tokens.asked, { timeout: 30_000 }).toBe(3000);
    expect(bodyOf(await ask(door.port, path))).toMatchObject({ error: 'DOOR_BUSY' });
    door.tokens.mode = 'cached';
    expect((await ask(door.port, (await door.grant({ scopes: ['jobs'] })).path)).status).toBe(200);
    door.tokens.release();
    const answers = await Promise.all(waiting);
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  });

  it('counts use by grant and profile', async () => {
    const { path, grant } = await door.grant();
    for (let n = 0; n < 5; n++) await ask(door.port, path);
    expect(door.grants.get(grant.id)).toMatchObject({ served: 5, lastUsedAt: door.clock.now() });
    expect(door.used).toEqual(Array(5).fill('acme'));
    await door.clock.advance(60_000);
    expect(door.audit.of('token.served')).toHaveLength(1);
    expect(door.audit.of('token.served-again')).toEqual([{ type: 'token.served-again', grant: grant.id, count: 4 }]);
  });

  it('writes the counts that are left when it closes', async () => {
    const { path, grant } = await door.grant();
    await ask(door.port, path);
    await ask(door.port, path);
    await door.broker.close();
    expect(door.audit.of('token.served-again')).toEqual([{ type: 'token.served-again', grant: grant.id, count: 1 }]);
  });

  it('ignores an Authorization header, which python-requests takes from ~/.netrc', async () => {
    const { path } = await door.grant();
    expect((await ask(door.port, path, { headers: { Authorization: 'Basic eDp5' } })).status).toBe(200);
  });

  it('serves an IPv6 socket that speaks IPv4, as Java’s', async () => {
    const { path } = await door.grant();
    expect(parseAnswer(await raw(door.port, request(door.port, path), { host: '::ffff:127.0.0.1' })).status).toBe(200);
  });

  it('serves a client that has finished sending', async () => {
    const { path } = await door.grant();
    expect(parseAnswer(await raw(door.port, request(door.port, path), { half: true })).status).toBe(200);
  });

  it('answers requests that were sent one behind the other, each for itself', async () => {
    const { path } = await door.grant();
    const keepAlive = { headers: { Connection: 'keep-alive' } };
    const text = await raw(
      door.port,
      request(door.port, path, keepAlive) + request(door.port, '/v1/up', keepAlive) + request(door.port, '/nowhere'),
    );
    expect(text.match(/HTTP\/1\.1 \d{3}/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 404']);
  });
});

describe('the up route', () => {
  it('says that the agent is up, and nothing else', async () => {
    const { status, body } = await ask(door.port, '/v1/up', {
      headers: { 'X-Databricks-Metadata-Version': null, 'X-Databricks-Host': null },
    });
    expect(status).toBe(200);
    expect(body).toBe('{"up":true}');
  });

  it.each(['/v1/up?', '/v1/up/', '/v1/upp', '/V1/UP', '/', '//v1/up', '/v1', '/favicon.ico', '/v1/%75p'])('is not at %s', async (path) => {
    expect((await ask(door.port, path)).status).toBe(404);
  });

  it('works for Node’s own client', async () => {
    const status = await new Promise((resolve, reject) => {
      httpRequest({ host: '127.0.0.1', port: door.port, path: '/v1/up' }, (response) => resolve(response.resume().statusCode))
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${door.port}/v1/up`)).status).toBe(200);
  });
});

describe('a restart', () => {
  it('keeps port, grants and URLs', async () => {
    const first = await openDoor({ folder: door.folder, clock: door.clock }).catch((error: unknown) => error);
    expect(first).not.toBeInstanceOf(Error);
    await (first as Door).close();
    const { path } = await door.grant({ until: later(door.clock.now(), hours(1)) });
    await door.broker.close();
    // `first` moved because the port was held; whoever starts now finds the port that was kept last.
    const second = await openDoor({ folder: door.folder, clock: door.clock });
    try {
      expect(second.moved).toBe(false);
      expect((await ask(second.port, path)).status).toBe(200);
    } finally {
      await second.close();
    }
  });
});
