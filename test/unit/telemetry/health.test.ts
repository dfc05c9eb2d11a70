/** What Lakepass depends on, looked at all at once: one that hangs hides none of the others, and who asks often asks nobody. */
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { createHealth, type Dependency } from '../../../main/telemetry/health.ts';
import { seconds } from '../../../main/units.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';

const never = () => new Promise<never>(() => undefined);
const dependency = (name: string, look: Dependency['look']): Dependency => ({ kind: 'sink', name, late: 'AUDIT_SINK_UNREACHABLE', look });

function health(...dependencies: Dependency[]) {
  const clock = fakeClock();
  const logged: string[] = [];
  const made = createHealth({
    clock,
    log: (event, fields) => void logged.push(`${event} ${JSON.stringify(fields)}`),
    dependencies: () => dependencies,
  });
  return { clock, logged, look: made.look };
}

describe('health', () => {
  it('is well where each is, or is not needed', async () => {
    const { look, clock } = health(
      dependency('a', async () => 'ok'),
      dependency('b', async () => 'unused'),
    );
    expect(await look()).toEqual({
      state: 'ok',
      at: new Date(clock.now()).toISOString(),
      dependencies: [
        { kind: 'sink', name: 'a', state: 'ok', tookMs: 0, problem: null },
        { kind: 'sink', name: 'b', state: 'unused', tookMs: 0, problem: null },
      ],
    });
    expect(clock.pending).toBe(0);
  });

  it('gives up on one that hangs after five seconds, and tells of the others all the same', async () => {
    const { look, clock } = health(
      dependency('hangs', never),
      dependency('is there', async () => 'ok'),
    );
    const looking = look();
    await clock.advance(seconds(5));
    expect(await looking).toMatchObject({
      state: 'failing',
      dependencies: [
        { name: 'hangs', state: 'failing', tookMs: 5000, problem: { code: 'AUDIT_SINK_UNREACHABLE', reason: 'timeout' } },
        { name: 'is there', state: 'ok' },
      ],
    });
  });

  it.each<[string, Dependency['look'], string]>([
    ['throws at once', () => Promise.reject(new AppError('AUDIT_UNWRITABLE')), 'AUDIT_UNWRITABLE'],
    [
      'has a bug',
      () => {
        throw new TypeError('secret of a bug');
      },
      'INTERNAL',
    ],
    ['says what is wrong', async () => new AppError('AUDIT_SINK_REFUSED').toFailure(), 'AUDIT_SINK_REFUSED'],
  ])('fails where one %s', async (_, look, code) => {
    const all = health(dependency('a', look));
    const view = await all.look();
    expect(view).toMatchObject({ state: 'failing', dependencies: [{ state: 'failing', problem: { code } }] });
    expect(JSON.stringify([view, all.logged])).not.toContain('secret of a bug');
  });

  it('asks once for all who look at the same time, and again five seconds after', async () => {
    let asked = 0;
    const { look, clock } = health(
      dependency('a', async () => {
        asked += 1;
        return 'ok';
      }),
    );
    await Promise.all([look(), look(), look()]);
    await clock.advance(seconds(4.9));
    await look();
    expect(asked).toBe(1);
    await clock.advance(seconds(0.2));
    await look();
    expect(asked).toBe(2);
  });
});
