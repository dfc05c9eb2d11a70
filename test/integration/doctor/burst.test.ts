/** Tokens of the provider that are rejected one after the other, in the composed agent: one record, a problem in the status, a row of the doctor. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { compose } from '../../../main/compose.ts';
import { nodePorts } from '../../../main/host-ports.ts';
import { callUi } from '../../../main/pages/ui-agent.ts';
import { findPlaces } from '../../../main/places.ts';
import type { DoctorView } from '../../../preload/contract/doctor.ts';
import { startIdp } from '../../fixtures/idp/idp.ts';
import { scriptedBrowser } from '../../fixtures/scripted-browser.ts';
import { createSoftwareKey } from '../../fixtures/software-key/software-key.ts';

/** As a browser comes back from the provider. */
const visit = (url: URL): Promise<void> =>
  new Promise((resolve, reject) => {
    get(url, { agent: false }, (answer) => answer.resume().once('end', () => resolve())).once('error', reject);
  });

it('five in a row are one record, a problem and a row; four are none of these', { timeout: 60_000 }, async () => {
  const home = mkdtempSync(join(tmpdir(), 'lph-'));
  onTestFinished(() => rmSync(home, { recursive: true }));
  const places = findPlaces({ home, env: {}, uid: process.getuid?.() ?? -1 });
  const idp = await startIdp();
  onTestFinished(() => idp.close());
  const key = createSoftwareKey();
  await idp.enrol('alice', key);
  mkdirSync(dirname(places.config), { recursive: true, mode: 0o700 });
  const lines = [
    ...[
      'version: 1',
      'profiles:',
      '  acme:',
      '    test: true',
      '    idp:',
      `      issuer: ${idp.issuer}`,
      `      clientId: ${idp.clientId}`,
    ],
    // The provider signs otherwise, so no token of it passes.
    ...['      algorithms: [EdDSA]', "    workspaces: [{ name: main, host: 'http://127.0.0.1:9' }]", ''],
  ];
  writeFileSync(places.config, lines.join('\n'), { mode: 0o600 });
  const ports = {
    ...nodePorts({ vault: 'memory', log: () => undefined }),
    watchDesktop: undefined,
    openBrowser: async () => 'none' as const,
  };
  const agent = await compose(ports, { places, uid: process.getuid?.() ?? -1, version: '0.0.0', onStop: () => undefined });
  onTestFinished(() => agent.close('test'));

  const rejectedSignIn = async (): Promise<void> => {
    const { url } = await agent.agent.beginSignIn({ profile: 'acme', stepUp: false }, await agent.self());
    const back = await scriptedBrowser({ key, username: 'alice' }).authorize(new URL(url));
    await Promise.all([visit(back), expect(agent.agent.signInOutcome('acme')).rejects.toMatchObject({ code: 'ID_TOKEN_REJECTED' })]);
  };
  const records = () => {
    const text = readFileSync(join(places.state, 'audit', 'audit-000001.jsonl'), 'utf8');
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; count?: number; profile?: string });
  };
  const problems = () => agent.agent.status().problems.map(({ code }) => code);

  for (let count = 0; count < 4; count += 1) await rejectedSignIn();
  expect([records().filter(({ type }) => type === 'token.validation-failed').length, problems().includes('TOKENS_REJECTED')]).toEqual([
    4,
    false,
  ]);
  for (let count = 0; count < 2; count += 1) await rejectedSignIn();
  expect(records().filter(({ type }) => type === 'token.validation-burst')).toMatchObject([{ profile: 'acme', count: 5 }]);
  expect(problems()).toContain('TOKENS_REJECTED');
  const { checks } = (await callUi(agent.ui, 'doctor/far', {}, await agent.self())) as DoctorView;
  expect(checks.find(({ id }) => id === 'watched-rejected-acme')).toMatchObject({ state: 'weak' });
});
