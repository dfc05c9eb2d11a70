/** What `npm run test:live` does and prints, rehearsed on the test services: the real sign-in, a table, and nothing in it that should not be. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { type IdpOptions, startIdp } from '../../fixtures/idp/idp.ts';
import { scriptedBrowser } from '../../fixtures/scripted-browser.ts';
import { createSoftwareKey } from '../../fixtures/software-key/software-key.ts';
import { startWorkspace, type Workspace } from '../../fixtures/workspace/workspace.ts';
import { runLive } from '../../live/live.ts';
import { createRedaction } from '../../live/redaction.ts';

interface Rehearsal {
  code: number;
  lines: string[];
  /** The answer to a question, and whether a promise held. */
  row(question: string): { answer: string; mark: string };
  secrets: string[];
  workspace: Workspace;
}

async function rehearse(change: { idp?: IdpOptions; before?: (workspace: Workspace) => void } = {}): Promise<Rehearsal> {
  const secrets: string[] = [];
  const heard = { secrets: (_kind: string, value: string) => void secrets.push(value) };
  const idp = await startIdp({ ...change.idp, ...heard });
  onTestFinished(() => idp.close());
  const key = createSoftwareKey();
  await idp.enrol('alice', key);
  const policies = [{ issuer: idp.issuer, audiences: [idp.clientId], subjectClaim: 'email' }];
  const workspace = await startWorkspace({ users: ['alice@example.com'], policies, ...heard });
  onTestFinished(() => workspace.close());
  change.before?.(workspace);
  const folder = mkdtempSync(join(tmpdir(), 'live-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'config.yaml');
  const provider = `{ issuer: '${idp.issuer}', clientId: ${idp.clientId} }`;
  writeFileSync(
    file,
    `version: 1\nprofiles:\n  acme:\n    test: true\n    idp: ${provider}\n    workspaces: [{ name: main, host: '${workspace.host}' }]\n`,
  );
  const lines: string[] = [];
  const person = scriptedBrowser({ username: 'alice', key });
  const openBrowser = async (url: URL) => {
    await person.open(url);
    return 'opened' as const;
  };
  const code = await runLive({ env: { LAKEPASS_LIVE_CONFIG: file }, say: (line) => void lines.push(line), openBrowser });
  const rows = lines.flatMap((line) => [/^\| (.*) \| (.*) \| (\w*) \|$/.exec(line)?.slice(1) ?? []]);
  const row: Rehearsal['row'] = (question) => {
    const [, answer, mark] = rows.find(([asked]) => asked === question) ?? [];
    if (answer === undefined || mark === undefined) throw new Error(`no row "${question}" in:\n${lines.join('\n')}`);
    return { answer, mark };
  };
  return { code, lines, row, secrets, workspace };
}

it('does nothing without its variables, and says which it wants', async () => {
  const lines: string[] = [];
  const openBrowser = () => Promise.reject(new Error('nobody asked for a browser'));
  expect(await runLive({ env: {}, say: (line) => void lines.push(line), openBrowser })).toBe(0);
  expect(lines[0]).toMatch(/^NOT RUN: test:live\. It needs LAKEPASS_LIVE_CONFIG/);
});

it('signs in, tries every scope, and answers the open questions with what it saw', async () => {
  const { code, row } = await rehearse();
  expect(code).toBe(0);
  expect(row('The sign-in is proven as strongly as the profile demands')).toEqual({ answer: 'phr', mark: 'held' });
  expect(row('Scope genie')).toEqual({ answer: 'given, and nothing beside it', mark: 'held' });
  expect(row('Scope mcp').answer).toMatch(/^400 application\/json, error string: invalid_scope/);
  expect(row('SCIM Me answers a token for sql alone')).toEqual({ answer: 'yes, with X-Databricks-Org-Id', mark: 'held' });
  expect(row('A query runs with a token for sql alone')).toEqual({ answer: 'SUCCEEDED', mark: 'held' });
  expect(row('A token for sql alone is refused by serving').answer).toMatch(
    /^403 application\/json, error_code number: 403 .*model-serving/,
  );
  expect(row('A token for sql alone is refused by Genie').answer).toContain('Invalid scope, required scopes: genie');
  expect(row('The exchange of a token with a wrong signature').answer).toMatch(/^401 .*invalid_client/);
  expect(row('issued_token_type in an exchange’s answer').answer).toBe('absent');
  expect(row('Its end compared with that of the identity token').answer).toBe('0 s');
  expect(row('A device authorization endpoint').answer).toBe('none announced');
  expect(row('A Databricks token exchanged for a narrower one').answer).toMatch(/^401 /);
  expect(row('Signing chain of the FIDO metadata file').answer).toMatch(/^not asked/);
});

it('prints no secret, no person and no company', async () => {
  const { lines, secrets, workspace } = await rehearse();
  // The second line is the address of the sign-in, which the person needs.
  const shown = lines.slice(2).join('\n');
  expect(secrets.length).toBeGreaterThan(20);
  expect(secrets.filter((secret) => secret.length >= 8 && shown.includes(secret))).toEqual([]);
  for (const name of ['alice', 'example.com', workspace.host, workspace.accountId, workspace.workspaceId, 'eyJ']) {
    expect(shown).not.toContain(name);
  }
});

it('calls a workspace that does not narrow by its name, and ends as failed', async () => {
  const { code, row } = await rehearse({ before: (workspace) => workspace.forceScopes(['all-apis']) });
  expect(code).toBe(1);
  expect(row('Scope sql')).toEqual({ answer: 'NOT NARROWED: all-apis', mark: 'BROKEN' });
  expect(row('A token for sql alone is refused by serving')).toMatchObject({ mark: 'BROKEN' });
});

it('shows a refused exchange in the words of the workspace, and asks on without a token what needs none', async () => {
  const { code, row } = await rehearse({ before: (workspace) => workspace.deprovision('alice@example.com') });
  expect(code).toBe(1);
  expect(row('An exchange for the scope sql gives a token')).toMatchObject({
    mark: 'BROKEN',
    answer: expect.stringMatching(/^401 .*invalid_client/),
  });
  expect(row('Grant types the workspace announces').answer).toContain('client_credentials');
});

it('names what is wrong with the configuration by its code', async () => {
  const lines: string[] = [];
  const openBrowser = () => Promise.reject(new Error('nobody asked for a browser'));
  const env = { LAKEPASS_LIVE_CONFIG: '/nonexistent/config.yaml' };
  expect(await runLive({ env, say: (line) => void lines.push(line), openBrowser })).toBe(1);
  expect(lines).toEqual([expect.stringMatching(/^FAILED: \[CONFIG_MISSING\]/)]);
});

it('would rather end than print a secret, whatever is around it', () => {
  const redaction = createRedaction();
  redaction.hide('s3cret-value');
  redaction.rename('acme', 'company');
  expect(redaction.clean('ask ada@acme.example at\nhttps://acme.example/x, 5f0f3f6e-6f3a-4a1c-9d4e-2b7c8a1d0e55')).toBe(
    'ask <address> at <url>, <uuid>',
  );
  expect(() => redaction.clean('Bearer s3cret-value was refused')).toThrow(/ends here/);
});
