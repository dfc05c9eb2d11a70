/**
 * SIGKILL in the middle of a renewal where the workspace itself signs people in: real processes, a real vault, the simulated workspace. Its
 * refresh tokens may be good for one use; then a kill between its answer and our disk costs the session, once and said so.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAuditLog } from '../../../main/audit/log.ts';
import { systemClock } from '../../../main/host-ports.ts';
import { createWorkspaceProvider } from '../../../main/idp/databricks-provider.ts';
import { profileSchema } from '../../../main/profile/profile.ts';
import type { RotationStep } from '../../../main/session/rotation.ts';
import { createSession } from '../../../main/session/session.ts';
import { openVault } from '../../../main/vault/vault.ts';
import { fileKeychain } from '../../fakes/file-keychain.ts';
import { createVisitor } from '../../fixtures/idp/visit.ts';
import { authorizeAtWorkspace } from '../../fixtures/workspace/u2m-person.ts';
import { startWorkspace, type Workspace } from '../../fixtures/workspace/workspace.ts';
import type { Orders } from './session-process.ts';

const username = 'alice@example.com';
let home: string;
let workspace: Workspace;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'lakepass-u2m-'));
  workspace = await startWorkspace({ users: [username], policies: [] });
  workspace.u2m.setAccessSeconds(2);
});
afterEach(async () => {
  await workspace.close();
  await rm(home, { recursive: true, force: true });
});

async function signIn(): Promise<void> {
  const setting = { clock: systemClock, random: randomBytes, log: () => undefined };
  const audit = await openAuditLog({ ...setting, folder: join(home, 'audit') });
  const vault = await openVault({ ...setting, folder: join(home, 'vault'), keychain: fileKeychain(join(home, 'keychain')) });
  const idp = { preset: 'databricks', issuer: `${workspace.host}/oidc` };
  const profile = { ...profileSchema.parse({ test: true, idp, workspaces: [{ name: 'main', host: workspace.host }] }), name: 'acme' };
  const uid = process.getuid?.() ?? -1;
  const provider = createWorkspaceProvider({
    ...{ ...setting, profile, fetch: globalThis.fetch, audit, uid, peerUid: { lookup: async () => uid } },
    async openBrowser(url) {
      void authorizeAtWorkspace(url, { username }).then((callback) => createVisitor().navigate(callback, url));
      return 'opened';
    },
  });
  const session = createSession({ ...setting, profile, idp: provider, vault, audit });
  await session.signIn({ onUrl: () => undefined });
  await session.close();
  vault.close();
  await audit.close();
}

/** One life of the agent's session: what came of its resuming, and what ended it. */
async function live(orders: Partial<Orders>): Promise<string[]> {
  const program = fileURLToPath(new URL('./session-process.ts', import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  const said: string[] = [];
  const all: Orders = {
    ...{ home, issuer: `${workspace.host}/oidc`, clientId: 'databricks-cli', preset: 'databricks' },
    ...{ stopAt: null, when: 'later', leave: false, ...orders },
  };
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'ready') child.stdin.write(`${JSON.stringify(all)}\n`);
    else said.push(line);
    if (line.startsWith('at ')) child.kill('SIGKILL');
  }
  await exit;
  return said;
}

const sent = (): number => workspace.requests.filter(({ grantType }) => grantType === 'refresh_token').length;

describe('a kill in the renewal of a workspace’s session', () => {
  it.each<RotationStep>(['intent-written', 'token-renamed', 'intent-erased'])('costs nothing at %s', async (stopAt) => {
    await signIn();
    expect(await live({ stopAt, when: 'first' })).toEqual([`at ${stopAt}`]);
    expect(await live({ leave: true })).toEqual(['resumed served', 'closed']);
    expect(workspace.u2m.liveFamilies()).toBe(1);
  });

  it('between the answer and the disk costs the session where refresh tokens are good for one use, and no token is sent a third time', async () => {
    await signIn();
    expect(await live({ stopAt: 'answer-received', when: 'first' })).toEqual(['at answer-received']);
    expect(await live({ leave: true })).toEqual(['resumed SESSION_LOST', 'closed']);
    expect(sent()).toBe(2);
    expect(workspace.u2m.liveFamilies()).toBe(0);
    expect(await live({ leave: true })).toEqual(['resumed SIGNED_OUT', 'closed']);
    expect(sent()).toBe(2);
  });

  it('costs nothing there where they are good for more', async () => {
    workspace.u2m.setSingleUse(false);
    await signIn();
    expect(await live({ stopAt: 'answer-received', when: 'first' })).toEqual(['at answer-received']);
    expect(await live({ leave: true })).toEqual(['resumed served', 'closed']);
  });
});
