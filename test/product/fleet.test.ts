/**
 * A company in virtual time: ten thousand devices with the real poller, the real line and real signatures, one static host, two hours.
 * Everything random comes from one seed.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { thumbprintOf } from '../../main/enroll/bundle.ts';
import { type Enrollment, openEnrollment } from '../../main/enroll/enrollment.ts';
import type { Clock } from '../../main/ports.ts';
import { type EpochMs, hours, type Ms, minutes, seconds } from '../../main/units.ts';
import { memoryVault } from '../../main/vault/memory-vault.ts';
import { signedBundle, signingKey } from '../unit/enroll/setting.ts';

const DEVICES = 10_000;
const START = Date.parse('2026-01-05T09:00:00Z');
/** What comes within it is one turn of the machine. */
const STEP = 50;

/** mulberry32. */
function randomFrom(seed: number): (bytes: number) => Buffer {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return (bytes) => Buffer.from(Array.from({ length: bytes }, () => next() & 0xff));
}

/** One clock for all. Timers lie in buckets of `STEP`; one that is due in the past of its bucket's end runs with it. */
function wheel() {
  const buckets = new Map<number, Set<() => void>>();
  let now = 0;
  const clock: Clock = {
    now: () => (START + now) as EpochMs,
    elapsed: () => now as Ms,
    sinceBoot: () => now as Ms,
    after(delay, run) {
      const due = Math.max(now + STEP, Math.floor((now + delay) / STEP) * STEP);
      const bucket = buckets.get(due) ?? new Set();
      buckets.set(due, bucket.add(run));
      return () => void bucket.delete(run);
    },
  };
  return {
    clock,
    /** Moves on by one step and runs what is due. */
    step(): boolean {
      now += STEP;
      const due = buckets.get(now);
      buckets.delete(now);
      for (const run of due ?? []) run();
      return due !== undefined && due.size > 0;
    },
  };
}

it('ten thousand devices ask one host no more than 200 times a second, and know of a revocation within a minute', {
  timeout: 300_000,
}, async () => {
  const random = randomFrom(20261122);
  const { clock, step } = wheel();
  const key = await signingKey();
  const thumbprint = await thumbprintOf(key.publicKey);
  const host = { bytes: Buffer.alloc(0) as Buffer, etag: '""' };
  const served = { perMinute: new Array<number>(120).fill(0), whole: new Array<number>(120).fill(0) };
  let fetched = 0;
  let kept = 0;
  const publish = async (revision: number, devices: string[] = []): Promise<void> => {
    host.bytes = await signedBundle([key], { revision, revoked: { devices } });
    host.etag = `"${revision}"`;
  };
  const same = new Response(null, { status: 304 });

  /** Devices go offline for a while; while they are, nothing is reached. */
  const offline = new Set<number>();
  const fetchOf =
    (index: number): typeof globalThis.fetch =>
    async (_, init) => {
      if (offline.has(index)) throw new TypeError('fetch failed');
      const minute = Math.min(119, Math.floor(clock.elapsed() / minutes(1)));
      served.perMinute[minute] = (served.perMinute[minute] ?? 0) + 1;
      if (new Headers(init?.headers).get('if-none-match') === host.etag) return same;
      served.whole[minute] = (served.whole[minute] ?? 0) + 1;
      fetched += 1;
      return new Response(new Uint8Array(host.bytes), { status: 200, headers: { etag: host.etag } });
    };

  await publish(1);
  const fleet: Enrollment[] = [];
  const audit = { append: () => undefined, synced: async () => undefined };
  for (let index = 0; index < DEVICES; index += 1) {
    const vault = memoryVault();
    const counted = {
      ...vault,
      async seal(name: string, plain: Buffer) {
        await vault.seal(name, plain);
        if (name === 'enrollment') kept += 1;
      },
    };
    const parts = { clock, random, audit, log: () => undefined, managed: { url: 'https://it.acme.example/b.json', thumbprint } };
    fleet.push(await openEnrollment({ ...parts, vault: counted, fetch: fetchOf(index) }));
  }

  const knows = (revision: number) =>
    fleet.filter((each, index) => !offline.has(index) && each.held()?.bundle.revision !== revision).length;
  /** Signatures are judged off the clock, which waits for them. */
  async function until(moment: Ms): Promise<void> {
    while (clock.elapsed() < moment) {
      if (step()) await turn();
      while (kept < fetched) await turn();
    }
  }

  await until(minutes(20));
  expect(knows(1)).toBe(0);
  const ids = fleet.map((each) => each.held()?.device.id as string);
  expect(new Set(ids).size).toBe(DEVICES);

  // Every tenth is away when a device is revoked, and comes back later.
  for (let index = 0; index < DEVICES; index += 10) offline.add(index);
  await until(minutes(40));
  await publish(2, [ids[4321] as string]);
  const published = clock.elapsed();
  await until((published + seconds(60)) as Ms);
  expect(knows(2)).toBe(0);
  expect(fleet[4321]?.isRevoked()).toBe(true);
  expect(fleet.filter((each) => each.isRevoked())).toHaveLength(1);
  expect(fleet[0]?.held()?.bundle.revision).toBe(1);
  const back = clock.elapsed();
  offline.clear();
  await until((back + seconds(60)) as Ms);
  expect(knows(2)).toBe(0);
  await until(hours(2));

  // A minute of the first whole round, of an ordinary hour, of a publication, of a return: all the same to the host.
  expect(Math.max(...served.perMinute)).toBeLessThanOrEqual(200 * 60);
  expect(Math.min(...served.perMinute.slice(2))).toBeGreaterThan(100 * 60);
  // The whole file was sent when there was a new one and at no other time.
  const sent = served.whole.flatMap((count, minute) => (count > 0 ? [minute] : []));
  expect(sent.every((minute) => minute < 2 || (minute >= 40 && minute < 43))).toBe(true);
  expect(served.whole.reduce((sum, count) => sum + count, 0)).toBe(2 * DEVICES);
  for (const each of fleet) each.close();
});
