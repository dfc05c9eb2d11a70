/** The support file: only what is named in it, and of that nothing that opens anything or names a person. */
import { describe, expect, it } from 'vitest';
import { type BundleParts, supportFile } from '../../../main/doctor/bundle.ts';
import type { StatusView } from '../../../preload/contract/control.ts';
import { session, status, tapKey } from './setting.ts';

const parts = (changes: Partial<BundleParts> = {}): BundleParts => ({
  ...{ version: '1.2.3', system: { platform: 'linux' }, at: '2026-01-05T09:00:00.000Z', status: status(), checks: [], audit: [], log: [] },
  folders: [['/home/ada', '~']],
  ...changes,
});
const read = (changes: Partial<BundleParts> = {}) => JSON.parse(supportFile(parts(changes)));
const jwt = `eyJhbGciOiJSUzI1NiJ9.${'eyJzdWIiOiJhZGEifQ'}.${'A1b2C3d4'.repeat(8)}`;
const grantUrl = `http://127.0.0.1:4711/v1/metadata/${'aB3-'.repeat(11)}`;

describe('the support file', () => {
  it('has versions, checks, hosts, health and policy', () => {
    const file = read({ checks: [{ id: 'dns', title: 'Names', state: 'bad', finding: 'None.', next: 'Look.', code: null }] });
    expect(file).toMatchObject({ version: '1.2.3', system: { platform: 'linux' } });
    expect(file.checks[0]).toMatchObject({ id: 'dns', state: 'bad' });
    expect(file.status.config[0].workspaces[0]).toMatchObject({ host: 'https://acme.cloud.databricks.com', health: 'ok' });
    expect(file.status.policy).toEqual({ id: 'acme', revision: 3, mode: 'enforce', expires: null });
  });

  it('names no person, no key of a person and no folder of theirs', () => {
    const view = status({
      warnings: ['Ada at /home/ada/x is 00u1, ada@acme.example, or bob.smith@mail.acme.example.'],
      tapKeys: [tapKey('Ada’s blue one')],
    });
    const text = supportFile(
      parts({ status: view, audit: [{ type: 'session.signed-in', username: 'ada@acme.example', subject: '00u1' }] }),
    );
    for (const word of ['Ada', 'ada', '00u1', 'bob.smith', 'blue']) expect(text).not.toContain(word);
    expect(text).toContain('~/x');
  });

  it('leaves out what nobody has named, wherever it stands', () => {
    const view = { ...status(), later: 'canary-1', profiles: [{ ...status().profiles[0], session: { ...session(), later: 'canary-2' } }] };
    const text = supportFile(
      parts({
        status: view as unknown as StatusView,
        audit: [
          { type: 'token.served', later: 'canary-3', fingerprint: 'canary-4', caller: 'canary-5', label: 'canary-6', tapKey: 'canary-7' },
        ],
        log: ['{"msg":"x","later":"canary-8"}', 'canary-9, no JSON', '"canary-10"'],
      }),
    );
    expect(text).not.toContain('canary');
    expect(text).toContain('token.served');
  });

  it.each([
    ['a token', jwt],
    ['a grant’s address', grantUrl],
    ['a personal token', `dapi${'0123456789abcdef'.repeat(2)}`],
  ])('catches %s in a field that is allowed', (_, secret) => {
    const text = supportFile(
      parts({
        status: status({ warnings: [`So: ${secret}.`] }),
        audit: [{ type: 'x', reason: secret }],
        log: [JSON.stringify({ msg: 'x', reason: secret })],
        checks: [{ id: 'a', title: 'A', state: 'bad', finding: secret, next: `See ${secret}`, code: null }],
      }),
    );
    expect(text).not.toContain(secret.slice(-20));
    expect(text.match(/\[removed\]/g)?.length).toBe(5);
  });

  it('cuts what is too long, and does without a status', () => {
    const file = read({ status: null, audit: [{ type: 'x', reason: 'long '.repeat(500) }] });
    expect(file.status).toBeNull();
    expect(file.audit[0].reason.length).toBeLessThan(510);
  });
});
