/** Keys that are taken out of use, and FIDO's metadata, by way of the control door. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKeyKeeping } from '../../../main/agent/key-keeping.ts';
import { AppError } from '../../../main/app-error.ts';
import { type Caller, unknownCaller } from '../../../main/caller/caller.ts';
import type { EpochMs } from '../../../main/units.ts';
import type { SessionView } from '../../../preload/contract/session.ts';
import { verdict } from '../passkey/setting.ts';

const key = '0123456789abcdef0123456789abcdef';
const ada = { issuer: 'https://idp.test', subject: 'ada', username: 'ada@acme.test' };
const person: Caller = { ...unknownCaller, kind: 'program' };
const aiAgent: Caller = { ...person, kind: 'ai-agent', aiAgent: 'claude' };
const state = {
  no: 7,
  nextUpdate: Date.parse('2026-10-01') as EpochMs,
  importedAt: Date.parse('2026-09-01') as EpochMs,
  models: 3,
  stale: false,
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keys-'));
});
afterEach(() => rm(folder, { recursive: true }));

function keeping({
  sessions = {} as Record<string, Partial<SessionView>>,
  owner = ada as { issuer: string | null; subject: string; username: string },
} = {}) {
  const done: string[] = [];
  const known = { ...state };
  const failing: { forget?: AppError; import?: AppError } = {};
  const companies = new Map(
    Object.entries(sessions).map(([name, view]) => [
      name,
      {
        profile: { name },
        session: { view: () => view, signOut: async (why: string) => void done.push(`sign out ${name} ${why}`) },
        tokens: { forget: () => void done.push(`forget tokens ${name}`) },
      },
    ]),
  );
  const parts = {
    tapKeys: {
      reportLost: async () => {
        done.push('lost');
        return owner;
      },
      retire: async () => void done.push('retired'),
      judgeAgain: async () => 2,
    },
    mds: {
      state: () => known,
      async import(bytes: Buffer) {
        if (failing.import) throw failing.import;
        done.push(`import ${bytes}`);
        return state;
      },
    },
    companies: companies as never,
    grants: {
      async endWhere(which: (grant: never) => boolean, why: string) {
        done.push(`end ${Object.keys(sessions).filter((profile) => which({ profile } as never))} ${why}`);
        return 1;
      },
    },
    async forgetKey() {
      if (failing.forget) throw failing.forget;
      done.push('forget key');
    },
    changed: () => void done.push('changed'),
  };
  return { done, failing, known, keys: createKeyKeeping(parts) };
}

const identity = (changes: Record<string, unknown> = {}) => ({ ...ada, displayName: null, groups: [], ...changes }) as never;

describe('a lost key', () => {
  it('signs its person out of every profile, and nobody else', async () => {
    const { keys, done } = keeping({
      sessions: {
        acme: { phase: 'signed-in', identity: identity() },
        other: { phase: 'signed-in', identity: identity({ subject: 'bob' }) },
        elsewhere: { phase: 'signed-in', identity: identity({ issuer: 'https://other.test' }) },
        nobody: { phase: 'signed-out', identity: null },
      },
    });
    expect(await keys.keyLost(key, person)).toEqual({ profiles: ['acme'] });
    expect(done).toEqual(['lost', 'sign out acme revoked', 'forget tokens acme', 'end acme revoked', 'changed', 'forget key']);
  });

  it('ends what is locked, whoever it belongs to', async () => {
    const { keys } = keeping({ sessions: { acme: { phase: 'locked', identity: null } } });
    expect(await keys.keyLost(key, person)).toEqual({ profiles: ['acme'] });
  });

  it('of a person without an issuer ends every session of that subject', async () => {
    const { keys } = keeping({ sessions: { acme: { phase: 'signed-in', identity: identity() } }, owner: { ...ada, issuer: null } });
    expect(await keys.keyLost(key, person)).toEqual({ profiles: ['acme'] });
  });

  it('that alone seals the vault is lost all the same; another failure is not hidden', async () => {
    const { keys, failing, done } = keeping();
    failing.forget = new AppError('INPUT_INVALID', { reason: 'last-key' });
    await keys.keyLost(key, person);
    expect(done).toContain('lost');
    failing.forget = new AppError('DISK_FULL');
    expect(await verdict(keys.keyLost(key, person))).toBe('DISK_FULL');
  });

  it('is not for an AI agent to report', async () => {
    const { keys, done } = keeping();
    expect(await verdict(keys.keyLost(key, aiAgent))).toBe('CALLER_REFUSED ai-agent');
    expect(done).toEqual([]);
  });
});

describe('a retired key', () => {
  it('no longer opens the vault, and ends no session', async () => {
    const { keys, done } = keeping({ sessions: { acme: { phase: 'signed-in', identity: identity() } } });
    await keys.keyRetired(key, person);
    expect(done).toEqual(['retired', 'changed', 'forget key']);
  });

  it('is not for an AI agent to name', async () => {
    const { keys, done } = keeping();
    expect(await verdict(keys.keyRetired(key, aiAgent))).toBe('CALLER_REFUSED ai-agent');
    expect(done).toEqual([]);
  });
});

describe('metadata from a file', () => {
  it('is imported whole, and every key judged anew', async () => {
    const { keys, done } = keeping();
    const file = join(folder, 'blob.jwt');
    await writeFile(file, 'a.b.c');
    const mds = { no: 7, nextUpdate: '2026-10-01', importedAt: '2026-09-01T00:00:00.000Z', models: 3, stale: false };
    expect(await keys.importMetadata(file)).toEqual({ mds, judged: 2 });
    expect([done, keys.metadata()]).toEqual([['import a.b.c', 'changed'], mds]);
  });

  it('is asked for anew once the next issue is due', () => {
    const { keys, known } = keeping();
    expect(keys.notes()).toEqual([]);
    known.stale = true;
    expect(keys.notes()).toEqual([expect.stringContaining('2026-10-01')]);
  });

  it('that is refused judges nothing', async () => {
    const { keys, done, failing } = keeping();
    failing.import = new AppError('MDS_OLD');
    const file = join(folder, 'blob.jwt');
    await writeFile(file, 'a.b.c');
    expect(await verdict(keys.importMetadata(file))).toBe('MDS_OLD');
    expect(done).toEqual([]);
  });

  it.each<[string, string, (path: string) => unknown]>([
    ['is not there', 'INPUT_INVALID file', () => undefined],
    ['is a folder', 'INPUT_INVALID file', (path) => symlink(folder, path)],
    ['is a pipe', 'INPUT_INVALID file', (path) => execFileSync('mkfifo', [path])],
    ['never ends', 'INPUT_INVALID file', (path) => symlink('/dev/zero', path)],
    ['is larger than any issue', 'MDS_INVALID size', (path) => writeFile(path, '').then(() => truncate(path, 33 * 1024 * 1024))],
  ])('that %s is refused: %s', async (_name, refused, make) => {
    const { keys, done } = keeping();
    const file = join(folder, 'blob.jwt');
    await make(file);
    expect(await verdict(keys.importMetadata(file))).toBe(refused);
    expect(done).toEqual([]);
  });

  it('is named by a whole path', async () => {
    expect(await verdict(keeping().keys.importMetadata('blob.jwt'))).toBe('INPUT_INVALID file');
  });
});
