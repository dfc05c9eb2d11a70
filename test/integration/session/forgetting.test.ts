/**
 * What is left of the tokens in a process that was locked: nothing. The process is a real one against a real provider and workspace;
 * its heap is searched before the lock, where all of them are found, and after it.
 *
 * A snapshot of V8's heap holds its strings. It does not hold the bytes of Buffers, nor what the allocator has not yet handed out
 * again: that key Buffers read zero is shown in test/unit/vault, and that freed memory is not wiped is said in SECURITY.md.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Idp, startIdp } from '../../fixtures/idp/idp.ts';
import { scriptedBrowser } from '../../fixtures/scripted-browser.ts';
import { createSoftwareKey } from '../../fixtures/software-key/software-key.ts';
import { startWorkspace, type Workspace } from '../../fixtures/workspace/workspace.ts';
import type { Orders } from './forgetting-process.ts';

/** What a locked process must not hold; a code or a state is of no use once the sign-in is over. */
const forgotten = ['refresh_token', 'id_token', 'access_token', 'workspace-token'];
/** What it holds while it is open. The provider's access token is nothing we use, and goes at once. */
const inUse = ['refresh_token', 'id_token', 'workspace-token'];
/** Characters of a token that tell it from any other. */
const STRETCH = 40;

let home: string;
let idp: Idp;
let workspace: Workspace;
let told: { kind: string; value: string }[];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'lakepass-forgetting-'));
  told = [];
  const secrets = (kind: string, value: string) => void told.push({ kind, value });
  idp = await startIdp({ idTokenTtlSeconds: 20, secrets });
  const policies = [{ issuer: idp.issuer, audiences: [idp.clientId], subjectClaim: 'email' }];
  workspace = await startWorkspace({ users: ['alice@example.com'], policies, secrets });
});
afterEach(async () => {
  await Promise.all([idp.close(), workspace.close()]);
  await rm(home, { recursive: true, force: true });
});

async function snapshots(sealing: Orders['sealing']): Promise<{ before: Buffer; after: Buffer }> {
  const key = createSoftwareKey();
  await idp.enrol('alice', key);
  const files = { before: join(home, 'before.heapsnapshot'), after: join(home, 'after.heapsnapshot') };
  const { issuer, clientId } = idp;
  const orders: Orders = { home, issuer, clientId, sealing, workspace: workspace.host, ...files };
  const program = fileURLToPath(new URL('./forgetting-process.ts', import.meta.url));
  const child = spawn(process.execPath, ['--expose-gc', '--heap-snapshot-string-limit=100000', program, JSON.stringify(orders)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let last = '';
  for await (const line of createInterface({ input: child.stdout })) {
    last = line;
    if (line.startsWith('open ')) void scriptedBrowser({ username: 'alice', key }).open(new URL(line.slice('open '.length)));
  }
  expect(last).toBe('written');
  return { before: await readFile(files.before), after: await readFile(files.after) };
}

/** The secrets of which any stretch stands in the snapshot. */
function foundIn(snapshot: Buffer): { kind: string; value: string }[] {
  return told
    .filter(({ kind }) => forgotten.includes(kind))
    .filter(({ value }) => {
      // What follows the header of a JWT is its own; the header is the same in every token of a provider.
      const own = value.slice(value.indexOf('.') + 1);
      for (let at = 0; at + STRETCH <= own.length; at += STRETCH / 2) if (snapshot.includes(own.slice(at, at + STRETCH))) return true;
      return false;
    });
}

it.each([
  ['that the keychain alone seals', 'keychain'],
  ['sealed by a key', 'key'],
] as const)('a process with a vault %s holds the tokens in use before it is locked, and none afterwards', async (_, sealing) => {
  const { before, after } = await snapshots(sealing);
  const last = (kind: string) => told.filter((secret) => secret.kind === kind).at(-1);
  expect(inUse.map(last)).not.toContain(undefined);
  expect(foundIn(before)).toEqual(expect.arrayContaining(inUse.map(last)));
  expect(foundIn(after)).toEqual([]);
});
