import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MintedToken } from '../../../main/databricks/minted-token.ts';
import { ms, seconds } from '../../../main/units.ts';
import { copiesExpiry, json, settled } from './scripted-workspace.ts';
import { HOST, type Setting, setUp } from './setting.ts';

const scopeSets: readonly (readonly string[])[] = [['sql'], ['files', 'sql'], ['model-serving']];

type Step =
  | { do: 'peek'; set: number }
  | { do: 'get'; set: number; wait: number }
  | { do: 'advance'; by: number }
  | { do: 'sleep'; by: number }
  | { do: 'trouble'; kind: string };

const set = fc.nat(scopeSets.length - 1);
const stride = fc.oneof(fc.nat(3000), fc.nat(60_000));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('peek' as const), set }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('get' as const), set, wait: fc.nat(9000) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('advance' as const), by: stride }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sleep' as const), by: stride }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('trouble' as const), kind: fc.constantFrom('none', 'busy', 'refused', 'wider', 'slow') }),
  },
);

interface Mint {
  sentAt: number;
  expiresAt: number;
}

/** Watches both ends: whether two exchanges for one scope set ever overlap, and which tokens were taken, by the audit log. */
function watch({ acme, audit, clock }: Setting) {
  const minted = new Map<string, Mint[]>();
  const underWay = new Set<string>();
  const overlaps: string[] = [];
  let trouble = 'none';
  const works = copiesExpiry(clock);
  acme.answer = async (exchange, nth) => {
    const key = exchange.scopes.join(' ');
    if (underWay.has(key)) overlaps.push(key);
    underWay.add(key);
    if (trouble === 'slow') await new Promise<void>((resolve) => void clock.after(ms(1500), resolve));
    underWay.delete(key);
    if (trouble === 'busy') return json({}, 503);
    if (trouble === 'refused') return json({ error: 'invalid_client' }, 401);
    if (trouble === 'wider') return json({ access_token: 'wide', token_type: 'Bearer', expires_in: 10, scope: `${key} all-apis` });
    return works(exchange, nth);
  };
  const { append } = audit;
  audit.append = (event) => {
    append(event);
    if (event.type !== 'token.minted') return;
    const key = event.scopes.join(' ');
    const sentAt = acme.exchanges.findLast(({ scopes }) => scopes.join(' ') === key)?.at ?? Number.NaN;
    minted.set(key, [...(minted.get(key) ?? []), { sentAt, expiresAt: Date.parse(event.expiresAt) }]);
  };
  return {
    minted,
    overlaps,
    set(kind: string) {
      trouble = kind;
    },
  };
}

describe('tokens, whatever happens', () => {
  it.each([
    ['20 s', 20, '10 s'],
    ['1 h', 3600, '60 s'],
  ])(
    'of %s are never handed out below their floor, never wider, never minted twice for one expiry',
    async (_name, life, minTokenLife) => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
          const setting = setUp({ life: seconds(life), limits: { minTokenLife } });
          const { clock, tokens, get } = setting;
          const workspace = watch(setting);
          const pending: Promise<unknown>[] = [];
          const scale = life / 20;

          const handedOut = (token: MintedToken | undefined, asked: readonly string[]) => {
            if (!token) return;
            const whole = token.expiresAt - token.mintedAt;
            expect(token.expiresAt - clock.now()).toBeGreaterThanOrEqual(Math.min(120_000, whole / 4));
            expect(whole).toBeGreaterThanOrEqual(minTokenLife === '10 s' ? 10_000 : 60_000);
            expect(asked).toEqual(expect.arrayContaining([...token.scopes]));
            expect(token.token.reveal()).not.toBe('wide');
          };

          const ask = (asked: readonly string[], wait: number) => {
            const deadline = clock.elapsed() + wait;
            const outcome = get(asked, ms(wait)).then(
              (token) => handedOut(token, asked),
              (error: unknown) => {
                expect(error).toMatchObject({ code: expect.stringMatching(/^(WORKSPACE_|EXCHANGE_|SCOPE_NOT|DEADLINE_|TOKEN_TOO_SHORT)/) });
                expect(clock.elapsed()).toBeLessThanOrEqual(deadline);
              },
            );
            pending.push(outcome);
            return settled();
          };
          for (const next of steps) {
            if (next.do === 'advance') await clock.advance(Math.floor(next.by * scale));
            else if (next.do === 'sleep') clock.sleepThrough(next.by * scale);
            else if (next.do === 'trouble') workspace.set(next.kind);
            else {
              const asked = scopeSets[next.set] ?? [];
              if (next.do === 'get') await ask(asked, next.wait);
              else handedOut(tokens.peek(HOST, asked), asked);
            }
          }
          workspace.set('none');
          for (let turns = 0; turns < 40; turns += 1) {
            await clock.advance(500);
            await settled();
          }
          await Promise.all(pending);

          expect(workspace.overlaps).toEqual([]);
          for (const mints of workspace.minted.values())
            for (const [index, mint] of mints.entries()) {
              const before = mints[index - 1];
              // A successor only once at most half of the life of its predecessor is left.
              if (before) expect(before.expiresAt - mint.sentAt).toBeLessThanOrEqual((before.expiresAt - before.sentAt) / 2);
            }
          expect(setting.network.problems).toEqual([]);
        }),
        { numRuns: 150 },
      );
    },
    60_000,
  );
});
