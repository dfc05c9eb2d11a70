import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createShownNonces } from '../../../main/broker/shown-nonces.ts';
import { type Caller, unknownCaller } from '../../../main/caller/caller.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';

const aNonce = () => randomBytes(16).toString('base64url');
const program = (notebook: string): Caller => ({ ...unknownCaller, kind: 'program', notebook });

function setUp() {
  const clock = fakeClock();
  return { clock, nonces: createShownNonces(clock) };
}

describe('a nonce', () => {
  it('names the program that showed it', () => {
    const { nonces } = setUp();
    const [ours, theirs] = [aNonce(), aNonce()];
    const [us, them] = [program('ours'), program('theirs')];
    nonces.show(ours, us);
    nonces.show(theirs, them);
    expect(nonces.claim(ours)).toBe(us);
    expect(nonces.claim(theirs)).toBe(them);
  });

  it('names nobody when nobody has shown it', () => {
    expect(setUp().nonces.claim(aNonce())).toBeUndefined();
  });

  it('can be claimed once', () => {
    const { nonces } = setUp();
    const nonce = aNonce();
    nonces.show(nonce, program('ours'));
    expect(nonces.claim(nonce)).toBeDefined();
    expect(nonces.claim(nonce)).toBeUndefined();
  });

  it('cannot be shown again once it was claimed', () => {
    const { nonces } = setUp();
    const nonce = aNonce();
    nonces.show(nonce, program('ours'));
    nonces.claim(nonce);
    expect(nonces.show(nonce, program('theirs'))).toBe(false);
    expect(nonces.claim(nonce)).toBeUndefined();
  });

  it('that is shown twice is spent for both, even where both are one program', () => {
    const { nonces } = setUp();
    const nonce = aNonce();
    const us = program('ours');
    expect(nonces.show(nonce, us)).toBe(true);
    expect(nonces.show(nonce, us)).toBe(false);
    expect(nonces.claim(nonce)).toBeUndefined();
    expect(nonces.show(nonce, us)).toBe(false);
  });

  it('is kept for ten seconds of running time, whatever the wall clock does', async () => {
    const { nonces, clock } = setUp();
    const [early, late] = [aNonce(), aNonce()];
    nonces.show(early, program('early'));
    nonces.show(late, program('late'));
    clock.set(clock.now() + 3_600_000);
    await clock.advance(9_999);
    expect(nonces.claim(early)).toBeDefined();
    clock.set(clock.now() - 7_200_000);
    await clock.advance(1);
    expect(nonces.claim(late)).toBeUndefined();
  });

  it('that is spent stays so for as long as anybody tries', async () => {
    const { nonces, clock } = setUp();
    const nonce = aNonce();
    nonces.show(nonce, program('ours'));
    for (let tried = 0; tried < 10; tried++) {
      await clock.advance(9_000);
      expect(nonces.show(nonce, program('theirs'))).toBe(false);
    }
    expect(nonces.claim(nonce)).toBeUndefined();
  });

  it('makes way, the oldest first, when there are more than a thousand', () => {
    const { nonces } = setUp();
    const shown = Array.from({ length: 1001 }, aNonce);
    for (const nonce of shown) nonces.show(nonce, program(nonce));
    expect(shown.map((nonce) => nonces.claim(nonce)?.notebook === nonce)).toEqual([false, ...Array(1000).fill(true)]);
  });

  it('is never taken for that of another program, in whatever order programs come', async () => {
    const step = fc.record({ do: fc.constantFrom('show', 'claim', 'wait'), nonce: fc.nat(3), who: fc.nat(2) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { nonces, clock } = setUp();
        /** Who has shown each nonce since it was last heard of. */
        const showers = new Map<number, { who: number[]; at: number; claimed: boolean }>();
        for (const { do: what, nonce, who } of steps) {
          const known = showers.get(nonce);
          const alive = known !== undefined && clock.elapsed() < known.at + 10_000;
          if (what === 'wait') await clock.advance(3000);
          else if (what === 'show') {
            expect(nonces.show(`nonce-${nonce}`, program(`${who}`))).toBe(!alive);
            if (alive) known.who.push(who);
            showers.set(nonce, alive ? { ...known, at: clock.elapsed() } : { who: [who], at: clock.elapsed(), claimed: false });
          } else {
            const claimable = alive && known.who.length === 1 && !known.claimed;
            expect(nonces.claim(`nonce-${nonce}`)?.notebook).toBe(claimable ? `${known.who[0]}` : undefined);
            if (claimable) showers.set(nonce, { ...known, at: clock.elapsed(), claimed: true });
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
