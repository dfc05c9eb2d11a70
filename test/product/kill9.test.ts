/**
 * SIGKILL at random moments, on the whole product: the built agent with the keychain of a desktop session, callers that never stop
 * asking, a provider whose tokens live for seconds so that a renewal is nearly always under way. Where the provider allows a
 * grace period every start resumes; where it allows none a start resumes or says SESSION_LOST. Never is a refresh token sent a
 * third time, and the audit chain is whole after every kill. (Each step of a rotation has its own test in ../rotation.) A collector of
 * the audit log gets every record at least once, what it gets twice is the same, and the agent never takes for sent what it was not told of.
 */
import { randomInt } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { verifyAudit } from '../../main/audit/verify.ts';
import { sentViewSchema } from '../../preload/contract/audit.ts';
import { statusViewSchema } from '../../preload/contract/control.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../fixtures/otlp/receiver.ts';
import { askOnce, type Call, type GrantEnv, prepareCallers } from './calling.ts';
import { type Keyring, startKeyring } from './keyring.ts';
import { isAlive, type Product, startProduct, usualConfig } from './product.ts';

let product: Product;
let keyring: Keyring;
let collector: OtlpReceiver;
let call: Call;
let grants: GrantEnv[];
const env: NodeJS.ProcessEnv = { LAKEPASS_VAULT: 'keychain' };

beforeEach(async () => {
  collector = await startOtlpReceiver();
  product = await startProduct({
    env,
    idp: { idTokenTtlSeconds: 6 },
    config: ({ idp, workspaces }) =>
      `${usualConfig(idp, workspaces, ['minTokenLife: 1 s'])}audit: { sinks: [{ name: company, otlp: { url: '${collector.url}' } }] }\n`,
  });
  keyring = await startKeyring(product.machine.user, product.home);
  Object.assign(env, keyring.env);
  call = await prepareCallers(product);
  await product.signIn();
  // A token for each of them, so that hardly a moment passes without an exchange that wants a fresh identity token.
  grants = [await product.env('sql'), await product.env('model-serving'), await product.env('unity-catalog')];
});
afterEach(async () => {
  await product.close();
  await keyring.close();
  await collector.close();
});

const refreshes = () => product.idp.requests.filter(({ grantType }) => grantType === 'refresh_token');
const statusNow = async () => statusViewSchema.parse(await product.json('status'));

/** How often the most used refresh token arrived at the provider. */
function mostSent(): number {
  const counts = new Map<string, number>();
  for (const { refreshTokenHash = '' } of refreshes()) counts.set(refreshTokenHash, (counts.get(refreshTokenHash) ?? 0) + 1);
  return Math.max(0, ...counts.values());
}

/** Starts the agent by a verb; what a program gets of it once the renewal of the start has come to an end. */
async function begin(): Promise<{ pid: number; outcome: string }> {
  const { pid } = await statusNow();
  for (;;) {
    const { answers, refusals } = await askOnce(call, grants[0] as GrantEnv);
    const outcome = answers[200] === 1 ? 'served' : (Object.keys(refusals)[0] ?? 'unanswered');
    // On a busy machine the renewal takes longer than a program waits for one answer.
    if (outcome !== 'DEADLINE_PASSED') return { pid, outcome };
  }
}

/**
 * At any moment, or (every other time) within the milliseconds around a renewal, where it hurts most. The first time the provider
 * has done its work and the answer never comes: without that one a lucky run would prove nothing.
 */
async function killSometime(pid: number, turn: number): Promise<void> {
  if (turn === midShip) return killMidShip(pid);
  const seen = refreshes().length;
  if (turn === 0) product.idp.faults.set('token', { hang: 'after', times: 1 });
  const patience = Date.now() + 8000;
  if (turn % 2 === 0) while (refreshes().length === seen && Date.now() < patience) await wait(1);
  await wait(randomInt(0, turn % 2 === 0 ? 60 : 800));
  await kill(pid);
}

async function kill(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL');
  while (isAlive(pid)) await wait(5);
}

/** The turn in which the kill falls between what the collector has received and its word that it has. */
const midShip = 5;

async function killMidShip(pid: number): Promise<void> {
  const answer = Promise.withResolvers<void>();
  collector.hold = answer.promise;
  const acknowledged = Math.max(0, ...received().map(({ seq }) => seq));
  while (collector.open === 0) await wait(5);
  // Nobody who asks for a token waits for it.
  expect((await begin()).outcome).toBe('served');
  await kill(pid);
  expect(believedSent()).toBeLessThanOrEqual(acknowledged);
  answer.resolve();
  collector.hold = undefined;
}

interface Recorded {
  seq: number;
  uid: string;
}
const stateFolder = (): string => join(product.home, '.local/state/lakepass');
const recorded = (): Recorded[] =>
  readdirSync(join(stateFolder(), 'audit'))
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) =>
      readFileSync(join(stateFolder(), 'audit', name), 'utf8')
        .split('\n')
        .slice(0, -1),
    )
    .map((line) => JSON.parse(line) as { seq: number; id: string })
    .map(({ seq, id }) => ({ seq, uid: id }));
const received = (): Recorded[] =>
  collector.logs.map(({ attributes }) => ({ seq: Number(attributes['lakepass.seq']), uid: String(attributes['log.record.uid']) }));

/** Of everything up to there the agent believes that it has arrived. */
function believedSent(): number {
  const file = join(stateFolder(), 'audit-sinks/company.json');
  if (!existsSync(file)) return 0;
  const { body } = JSON.parse(readFileSync(file, 'utf8')) as { body: string };
  return (JSON.parse(body) as { position: { seq: number } }).position.seq;
}

function expectNothingLost(): void {
  expect(collector.problems).toEqual([]);
  const ofLog = new Map(recorded().map(({ seq, uid }) => [seq, uid]));
  // The same record whenever it came, and none that was never written.
  expect(received().filter(({ seq, uid }) => ofLog.get(seq) !== uid)).toEqual([]);
  const arrived = new Set(received().map(({ seq }) => seq));
  const believed = believedSent();
  expect([...ofLog.keys()].filter((seq) => seq <= believed && !arrived.has(seq))).toEqual([]);
}

async function expectWholeAudit(): Promise<void> {
  const verdict = await verifyAudit(join(product.home, '.local/state/lakepass/audit'));
  expect(verdict).toMatchObject({ ok: true, problems: [] });
  expect(verdict.records).toBeGreaterThan(0);
}

/** Runs `act` while programs ask without a pause; gives back what they were answered. */
async function underTraffic(act: () => Promise<void>): Promise<Record<string, number>> {
  const callers = grants.map((grant) => call('loop', 1, grant));
  try {
    await act();
  } finally {
    for (const { stop } of callers) stop();
  }
  const total: Record<string, number> = {};
  for (const { answers } of await Promise.all(callers.map(({ outcome }) => outcome)))
    for (const [status, count] of Object.entries(answers)) total[status] = (total[status] ?? 0) + count;
  return total;
}

it('costs nothing where the provider allows 30 s of grace', { timeout: 240_000 }, async () => {
  const kills = 12;
  product.idp.setRefreshGrace(30);
  const { identity } = (await statusNow()).profiles[0]?.session ?? {};
  const answers = await underTraffic(async () => {
    for (let turn = 0; turn < kills; turn += 1) {
      const { pid, outcome } = await begin();
      expect(outcome, `start ${turn}`).toBe('served');
      await killSometime(pid, turn);
      expect(mostSent()).toBeLessThanOrEqual(2);
      await expectWholeAudit();
      expectNothingLost();
    }
  });
  expect((await begin()).outcome).toBe('served');
  expect((await statusNow()).profiles[0]?.session).toMatchObject({ phase: 'signed-in', identity, lastFailure: null });
  expect(await product.json('audit', 'verify')).toMatchObject({ ok: true });
  // The kills fell among renewals, not into idle time, and somebody was being served all along.
  expect(refreshes().length).toBeGreaterThan(kills);
  expect(mostSent()).toBe(2);
  expect(answers[200]).toBeGreaterThan(kills);
  expect(signIns()).toBe(1);

  const all = recorded();
  const isThere = (): boolean => {
    const arrived = new Set(received().map(({ seq }) => seq));
    return all.every(({ seq }) => arrived.has(seq));
  };
  while (!isThere()) await wait(50);
  expectNothingLost();
  expect(all.map(({ seq }) => seq)).toEqual(all.map((_, at) => at + 1));
  // What the kill cut off had arrived, and came again.
  expect(received().length).toBeGreaterThan(new Set(received().map(({ seq }) => seq)).size);
  const { sinks } = sentViewSchema.parse(await product.json('audit', 'sinks'));
  expect(sinks).toMatchObject([
    {
      name: 'company',
      problem: null,
      last: expect.arrayContaining([{ name: 'schema', means: expect.any(String), value: 'lakepass.audit/1' }]),
    },
  ]);
});

it('costs at most the session where the provider allows none, says so, and the next sign-in is served', { timeout: 120_000 }, async () => {
  const outcomes: string[] = [];
  await underTraffic(async () => {
    for (let turn = 0; turn < 5; turn += 1) {
      const { pid, outcome } = await begin();
      outcomes.push(outcome);
      expect(['served', 'SESSION_LOST']).toContain(outcome);
      if (outcome === 'SESSION_LOST') {
        const { profiles, problems } = await statusNow();
        expect(profiles[0]?.session).toMatchObject({ phase: 'ended', identity: null, lastFailure: { code: 'SESSION_LOST' } });
        expect(problems).toContainEqual(expect.objectContaining({ code: 'SESSION_LOST', nextStep: 'sign-in' }));
        await product.signIn();
      }
      await killSometime(pid, turn);
      expect(mostSent()).toBeLessThanOrEqual(2);
      await expectWholeAudit();
    }
  });
  // Killed with the answer on its way, the session cannot survive here; were this never seen, nothing was tested.
  expect(outcomes).toContain('SESSION_LOST');
  expect(outcomes).toContain('served');
  expect(signIns()).toBe(1 + outcomes.filter((outcome) => outcome === 'SESSION_LOST').length);
});

/** How often the person touched the key. */
const signIns = () => product.idp.requestsTo('sign-in').filter(({ path }) => path.endsWith('/verify')).length;
