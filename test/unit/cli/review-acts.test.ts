/** `lakepass admin review` as an admin types it: what it reads, what it says, and how it ends. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ReviewOptions, reviewFolder } from '../../../main/cli/review-acts.ts';
import type { EpochMs } from '../../../main/units.ts';
import { ada, heldBy, newDevice, recordBy } from '../enroll/record-setting.ts';
import { signedBundle, signingKey } from '../enroll/setting.ts';

const root = mkdtempSync(join(tmpdir(), 'lakepass-review-'));
afterAll(() => rmSync(root, { recursive: true }));
const day = 86_400_000;

let said: string[];
beforeEach(() => {
  said = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    said.push(String(text));
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

let made = 0;
async function setting(username = ada.username) {
  made += 1;
  const folder = join(root, `f${made}`);
  mkdirSync(folder);
  const key = await signingKey();
  const dates = { issuedAt: new Date(Date.now() - day).toISOString(), expires: new Date(Date.now() + day).toISOString() };
  const changes = { ...dates, revision: 3 };
  const bundle = join(root, `b${made}.json`);
  writeFileSync(bundle, await signedBundle([key], changes));
  const held = heldBy(await newDevice(), key, { ...changes, revision: 2 });
  writeFileSync(join(folder, 'one.jws'), await recordBy(held, { ...ada, username }, null, Date.now() as EpochMs));
  const run = async (options: Partial<ReviewOptions> = {}): Promise<string> => {
    await reviewFolder(folder, { days: '30', ...options });
    return said.join('');
  };
  return { folder, bundle, held, run };
}

describe('lakepass admin review', () => {
  it('says what it read, and that nothing was found', async () => {
    const { run, bundle, held } = await setting();
    const text = await run({ bundle });
    expect(text).toMatch(/^Against revision 3 of Acme, signed by [\w-]{43}\.\n1 record of 1 device\.\n/);
    expect(text).toContain(`${held.device.id}  ${ada.username}  0     2`);
    expect(text).toMatch(/Nothing was found\.\n$/);
    expect(process.exitCode ?? 0).toBe(0);
  });

  it('says so where there is no bundle to compare with', async () => {
    const { run } = await setting();
    expect(await run()).toMatch(/^Without --bundle, nothing is compared with what the company wants\.\n/);
  });

  it('fails where something is found, with a line for each', async () => {
    const { run, bundle, folder } = await setting();
    writeFileSync(join(folder, 'two.jws'), 'x');
    const expect_ = join(root, 'staff.txt');
    writeFileSync(expect_, `# everybody\n${ada.username}\r\n\n  bob@acme.test  \n`);
    const text = await run({ bundle, expect: expect_ });
    expect(text).toMatch(
      /Found 2:\nfile {5}- {2}- {14}two\.jws is no record that can be used \(shape\)\.\nmissing {2}- {2}bob@acme\.test {2}No record was found\.\n$/,
    );
    expect(process.exitCode).toBe(1);
  });

  it('gives scripts the same as JSON', async () => {
    const { run, bundle, held } = await setting();
    expect(JSON.parse(await run({ bundle, json: true }))).toMatchObject({
      ...{ findings: [], records: 1, others: 0, metadata: null },
      bundle: { organization: 'Acme', revision: 3 },
      devices: [{ device: held.device.id, deviceKey: held.device.thumbprint, person: ada.username, keys: [] }],
    });
  });

  it.each<[string, Partial<ReviewOptions>, string]>([
    ['a bundle that is not there', { bundle: '/nowhere' }, 'INPUT_INVALID bundle'],
    ['a bundle that is none', { bundle: import.meta.filename }, 'INPUT_INVALID bundle'],
    ['a list that is a folder', { expect: root }, 'INPUT_INVALID expect'],
    ['metadata that is none', { mds: import.meta.filename }, 'MDS_INVALID shape'],
    ['no number of days', { days: '0' }, 'INPUT_INVALID days'],
    ['days as words', { days: '30d' }, 'INPUT_INVALID days'],
  ])('refuses %s', async (_, options, outcome) => {
    const { run } = await setting();
    const [code, reason] = outcome.split(' ');
    await expect(run(options)).rejects.toMatchObject({ code, reason });
  });

  it('refuses a bundle that was changed after it was signed', async () => {
    const { run, bundle } = await setting();
    const { readFileSync } = await import('node:fs');
    const signed = JSON.parse(readFileSync(bundle, 'utf8'));
    const payload = Buffer.from(signed.payload, 'base64url').toString().replace('"revision":3', '"revision":4');
    writeFileSync(bundle, JSON.stringify({ ...signed, payload: Buffer.from(payload).toString('base64url') }));
    await expect(run({ bundle })).rejects.toMatchObject({ code: 'BUNDLE_INVALID', reason: 'signature' });
  });
});
