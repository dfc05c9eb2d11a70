/** A workspace's address becomes a profile of the configuration: on real files, with what holds and who approves in the test's hand. */
import { chmodSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { unknownCaller } from '../../../main/caller/caller.ts';
import { readConfig } from '../../../main/profile/load-config.ts';
import { createProfileAdding, type WorkspaceRequest } from '../../../main/setup/adding.ts';

const host = 'https://beta.cloud.databricks.com';
const request: WorkspaceRequest = { workspace: host, scopes: [], test: false };
const before =
  'version: 1\nprofiles:\n  acme:\n    idp: { issuer: https://idp.acme.example, clientId: x }\n    workspaces: [{ name: a, host: https://acme.example }]\n';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'adding-'));
  file = join(folder, 'config.yaml');
  onTestFinished(() => rmSync(folder, { recursive: true }));
});

function setting({ adopts = true } = {}) {
  let held: Buffer | null = null;
  const state = { looks: 0, changes: 0, meanwhile: () => {} };
  const adding = createProfileAdding({
    configFile: file,
    profiles: () => (held === null ? [] : [...readConfig(held, file).profiles.values()]),
    held: () => held,
    async adopt() {
      if (adopts) held = readFileSync(file);
      return adopts;
    },
    async look() {
      state.looks += 1;
    },
    random(bytes) {
      state.meanwhile();
      return Buffer.alloc(bytes, 7);
    },
    changed() {
      state.changes += 1;
    },
  });
  /** As if a person had approved this. */
  const holding = (text: string): void => {
    held = Buffer.from(text);
    writeFileSync(file, text, { mode: 0o600 });
  };
  return { adding, state, holding };
}

describe('the profile of a workspace', () => {
  it('is the first one where there is none, and in use at once', async () => {
    const { adding, state } = setting();
    await expect(adding.workspaceProfile(request, unknownCaller)).resolves.toEqual({ profile: 'beta', state: 'made' });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(state).toMatchObject({ changes: 1, looks: 0 });
    await expect(adding.workspaceProfile(request, unknownCaller)).resolves.toEqual({ profile: 'beta', state: 'in-use' });
  });

  it('leaves nothing behind where a first one is not taken into use', async () => {
    const { adding } = setting({ adopts: false });
    await expect(adding.workspaceProfile(request, unknownCaller)).rejects.toMatchObject({ code: 'CONFIG_EXISTS', reason: 'in-use' });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('does not take the place of a first one that a window writes at the same moment', async () => {
    const { adding, state } = setting();
    state.meanwhile = () => writeFileSync(file, before, { mode: 0o600 });
    await expect(adding.workspaceProfile(request, unknownCaller)).rejects.toMatchObject({ code: 'CONFIG_EXISTS' });
    expect([readFileSync(file, 'utf8'), readdirSync(folder), state.changes]).toEqual([before, ['config.yaml'], 0]);
  });

  it('is made by one of two that come first at once, and the other is told that it is in use', async () => {
    const { adding } = setting();
    const asked = [adding.workspaceProfile(request, unknownCaller), adding.workspaceProfile(request, unknownCaller)];
    await expect(Promise.all(asked)).resolves.toEqual([
      { profile: 'beta', state: 'made' },
      { profile: 'beta', state: 'in-use' },
    ]);
  });

  it('is added to the file and waits for approval, once however often it is asked for', async () => {
    const { adding, state, holding } = setting();
    holding(before);
    const asked = [adding.workspaceProfile(request, unknownCaller), adding.workspaceProfile(request, unknownCaller)];
    await expect(Promise.all(asked)).resolves.toEqual([
      { profile: 'beta', state: 'waiting' },
      { profile: 'beta', state: 'waiting' },
    ]);
    expect(readFileSync(file, 'utf8').startsWith(before)).toBe(true);
    expect([...readConfig(readFileSync(file), file).profiles.keys()]).toEqual(['acme', 'beta']);
    expect(state.looks).toBe(2);
    expect(readdirSync(folder)).toEqual(['config.yaml']);
  });

  it('leaves a file where people keep it, and who may read it as it was', async () => {
    const { adding, holding } = setting();
    const elsewhere = join(folder, 'dotfiles.yaml');
    writeFileSync(elsewhere, before);
    symlinkSync(elsewhere, file);
    holding(before);
    chmodSync(elsewhere, 0o640);
    await adding.workspaceProfile(request, unknownCaller);
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    expect(statSync(elsewhere).mode & 0o777).toBe(0o640);
    expect(readFileSync(elsewhere, 'utf8')).toContain(host);
  });

  it('is added to what holds where the file is gone', async () => {
    const { adding, holding } = setting();
    holding(before);
    rmSync(file);
    await adding.workspaceProfile(request, unknownCaller);
    expect([...readConfig(readFileSync(file), file).profiles.keys()]).toEqual(['acme', 'beta']);
  });

  it('does not undo what somebody writes at the same moment', async () => {
    const { adding, state, holding } = setting();
    holding(before);
    state.meanwhile = () => writeFileSync(file, `# mine\n${before}`);
    await expect(adding.workspaceProfile(request, unknownCaller)).rejects.toMatchObject({ code: 'CONFIG_EXISTS', reason: 'changed' });
    expect(readFileSync(file, 'utf8')).toBe(`# mine\n${before}`);
    expect(readdirSync(folder)).toEqual(['config.yaml']);
  });

  it('is not for an AI agent to name', async () => {
    const { adding } = setting();
    const asked = async () => adding.workspaceProfile(request, { ...unknownCaller, aiAgent: 'claude' });
    await expect(asked()).rejects.toMatchObject({ code: 'CALLER_REFUSED' });
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([{ clientId: 'x' }, { redirectPort: 4444 }])('is refused with half an OAuth app: %j', async (half) => {
    await expect(setting().adding.workspaceProfile({ ...request, ...half }, unknownCaller)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      reason: 'app',
    });
  });
});
