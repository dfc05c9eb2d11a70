/** What is enrolled outlives the process; what cannot be read is said and never written over. */
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { openTapKeys } from '../../../main/passkey/open-tap-keys.ts';
import { createSoftwareKey } from '../../fixtures/software-key/software-key.ts';
import { enrol, enrolled, ORIGIN, person, setting, shown, touch, touchNew, verdict } from './setting.ts';

describe('the registry', () => {
  it('is there after a restart as it was', async () => {
    const { keys, start } = await enrolled();
    await enrol(keys, {}, 'Second');
    const again = await start();
    expect(again.list()).toEqual(keys.list());
    expect(again.problem).toBeNull();
    expect(again.touches()).toEqual([]);
  });

  it('is empty where there is none, and writes nothing by itself', async () => {
    const { start, disk } = setting();
    expect((await start()).list()).toEqual([]);
    expect(disk.calls).toEqual([]);
  });

  it('says which keys seal the vault', async () => {
    const { view, start } = await enrolled();
    expect((await start((id) => id === view.id)).list()[0]?.seals).toBe(true);
    expect((await start((id) => id !== view.id)).list()[0]?.seals).toBe(false);
  });

  it('tells whoever listens of every change', async () => {
    const { keys, view, key } = await enrolled();
    let told = 0;
    keys.onChange(() => told++);
    await keys.rename(view.id, 'Mine');
    const begun = await keys.beginTap({ origin: ORIGIN, bound: shown, userVerification: 'preferred' });
    await keys.finishTap(begun.id, touch(key, begun.options), shown);
    await keys.remove(view.id);
    await enrol(keys);
    await keys.eraseAll();
    expect(told).toBe(5);
  });
});

describe('renaming a key', () => {
  it('is recorded first and kept', async () => {
    const { keys, view, audit, start } = await enrolled();
    audit.fail();
    expect(await verdict(keys.rename(view.id, 'Mine'))).toBe('AUDIT_UNWRITABLE');
    audit.mend();
    await keys.rename(view.id, '  Mine ');
    expect(audit.of('tap-key.renamed')).toEqual([{ type: 'tap-key.renamed', key: view.id, name: 'Mine' }]);
    expect((await start()).list()[0]?.name).toBe('Mine');
  });

  it.each([
    ['no name', '   '],
    ['a control character', 'a\u0007'],
    ['a turn of direction', '\u202Eevil'],
  ])('to %s is refused', async (_name, name) => {
    const { keys, view } = await enrolled();
    expect(await verdict(keys.rename(view.id, name))).toBe('INPUT_INVALID name');
    expect(keys.list()[0]?.name).toBe('Key 1');
  });

  it('that is not there is refused', async () => {
    const { keys } = await enrolled();
    expect(await verdict(keys.rename('nobody', 'x'))).toBe('INPUT_INVALID key');
  });
});

describe('removing a key', () => {
  it('is recorded before it takes effect', async () => {
    const { keys, view, audit, start } = await enrolled();
    audit.fail();
    expect(await verdict(keys.remove(view.id))).toBe('AUDIT_UNWRITABLE');
    expect(keys.list()).toHaveLength(1);
    audit.mend();
    await keys.remove(view.id);
    expect(audit.of('tap-key.removed')).toEqual([{ type: 'tap-key.removed', key: view.id, name: view.name }]);
    expect((await start()).list()).toEqual([]);
  });

  it('forgets its touches, and that key alone', async () => {
    const { keys, key, view } = await enrolled();
    const { key: second, view: other } = await enrol(keys);
    for (const touched of [key, second]) {
      const begun = await keys.beginTap({ origin: ORIGIN, bound: shown, userVerification: 'preferred' });
      await keys.finishTap(begun.id, touch(touched, begun.options), shown);
    }
    await keys.remove(view.id);
    expect(keys.touches().map(({ keyId }) => keyId)).toEqual([other.id]);
    expect(keys.list().map(({ id }) => id)).toEqual([other.id]);
    expect(await verdict(keys.remove(view.id))).toBe('INPUT_INVALID key');
  });

  it('takes no effect where it cannot be kept', async () => {
    const { keys, view, disk } = await enrolled();
    disk.full();
    expect(await verdict(keys.remove(view.id))).toBe('DISK_FULL ENOSPC');
    expect(keys.list()).toHaveLength(1);
  });

  it('lets the same key be enrolled again', async () => {
    const { keys, key, view } = await enrolled();
    await keys.remove(view.id);
    const { id, options } = await keys.beginEnrol({ origin: ORIGIN, person });
    expect((await keys.finishEnrol(id, touchNew(key, options), '')).id).not.toBe(view.id);
  });
});

describe('erasing all', () => {
  it('leaves no key, no touch, no ceremony and no record', async () => {
    const { keys, key, disk } = await enrolled();
    const [done, open] = [1, 2].map(() => keys.beginTap({ origin: ORIGIN, bound: shown, userVerification: 'preferred' }));
    const tap = await done;
    if (tap) await keys.finishTap(tap.id, touch(key, tap.options), shown);
    const enrolment = await keys.beginEnrol({ origin: ORIGIN, person });
    const waiting = await open;
    await keys.eraseAll();
    expect([keys.list(), keys.touches(), disk.json('tap-keys')]).toEqual([[], [], null]);
    expect(await verdict(keys.finishTap(waiting?.id ?? '', touch(key, waiting?.options ?? {}), shown))).toBe('TAP_REFUSED challenge');
    expect(await verdict(keys.finishEnrol(enrolment.id, touchNew(createSoftwareKey(), enrolment.options), ''))).toBe(
      'TAP_REFUSED challenge',
    );
  });
});

describe('a record that cannot be read', () => {
  it('is set aside by the vault, and said until other keys are enrolled', async () => {
    const { disk, start } = await enrolled();
    disk.spoil('tap-keys');
    const keys = await start();
    expect([keys.list(), keys.problem?.code, disk.aside]).toEqual([[], 'VAULT_CORRUPT', ['tap-keys']]);
    await enrol(keys);
    expect(keys.problem).toBeNull();
  });

  it.each<[string, (record: Record<string, unknown>) => unknown]>([
    ['is no JSON', () => '{'],
    ['is of another version', (record) => ({ ...record, version: 3 })],
    ['has a field too many', (record) => ({ ...record, more: 1 })],
    ['has no keys', ({ keys: _, ...record }) => record],
    ['has a key with a field too many', (record) => ({ ...record, keys: [{ ...(record['keys'] as object[])[0], more: 1 }] })],
    ['has the same key twice', (record) => ({ ...record, keys: [...(record['keys'] as object[]), ...(record['keys'] as object[])] })],
    ['has a counter below zero', (record) => ({ ...record, keys: [{ ...(record['keys'] as object[])[0], counter: -1 }] })],
  ])('because it %s is set aside whole, and its keys count for nothing', async (_name, change) => {
    const { disk, start } = await enrolled();
    const changed = change(disk.json('tap-keys') ?? {});
    disk.records.set('tap-keys', Buffer.from(typeof changed === 'string' ? changed : JSON.stringify(changed)));
    const keys = await start();
    expect([keys.list(), keys.problem?.code, disk.aside]).toEqual([[], 'VAULT_CORRUPT', ['tap-keys']]);
  });

  it('because the vault itself fails is no empty registry', async () => {
    const { clock, audit, tally, disk } = setting();
    const vault = { ...disk.vault(), open: () => Promise.reject(new AppError('RUNTIME_UNSAFE')) };
    const opening = openTapKeys({ vault, clock, audit, tally, random: (size) => Buffer.alloc(size), log: () => undefined });
    expect(await verdict(opening)).toBe('RUNTIME_UNSAFE');
  });
});
