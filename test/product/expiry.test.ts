/**
 * The moment at which tokens end, with a thousand programs on real sockets; and what one service that hangs does to everybody
 * else, which must be nothing.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Idp, startIdp } from '../fixtures/idp/idp.ts';
import { askOnce, type Call, type GrantEnv, type Outcome, prepareCallers } from './calling.ts';
import { ended, type Product, printedUrl, startProduct, usualConfig } from './product.ts';

const callersAtOnce = 1000;

const refreshesAt = ({ requests }: Idp) => requests.filter(({ grantType }) => grantType === 'refresh_token').length;
const exchangesAt = ({ requests }: Product['workspace']) =>
  requests
    .filter(({ grantType }) => grantType?.endsWith(':token-exchange'))
    .map(({ status, at, subjectTokenHash }) => ({ status, at, subjectTokenHash }));
describe('a thousand callers at the moment of expiry', () => {
  let product: Product;
  let call: Call;
  let grant: GrantEnv;
  let firstToken: Outcome;

  beforeEach(async () => {
    // Past half of its life a token is renewed behind whoever uses it: so long must the beginning not take, on a busy machine either.
    product = await startProduct({ idp: { idTokenTtlSeconds: 20 }, limits: ['minTokenLife: 2 s'] });
    call = await prepareCallers(product);
    await product.signIn();
    grant = await product.env('sql');
    firstToken = await askOnce(call, grant);
    expect(firstToken.answers).toEqual({ 200: 1 });
    // What is fetched from now on lives long, so that every further request would be one too many.
    product.idp.setTtl(3600);
  });
  afterEach(() => product.close());

  it.each([
    ['each on a connection of its own', async () => undefined],
    [
      'all of them waiting for a machine that wakes up',
      async () => {
        const pid = await product.agentPid();
        process.kill(pid, 'SIGSTOP');
        return () => process.kill(pid, 'SIGCONT');
      },
    ],
  ])('are all answered by one refresh and one exchange, %s', { timeout: 90_000 }, async (_, sleep) => {
    const refreshes = refreshesAt(product.idp);
    const exchanges = exchangesAt(product.workspace).length;
    const wake = await sleep();
    // Whoever connects and then says nothing for five seconds is cut off, unless the agent sleeps as well.
    if (wake === undefined) await wait(Math.max(0, firstToken.expiresOn * 1000 - 3500 - Date.now()));
    const storm = call('storm', callersAtOnce, grant);
    await storm.ready;
    await wait(Math.max(0, firstToken.expiresOn * 1000 - 500 - Date.now()));
    storm.go();
    await wait(100);
    wake?.();
    const { answers, tokens, expiresOn } = await storm.outcome;
    expect(answers).toEqual({ 200: callersAtOnce });
    expect(tokens).toHaveLength(1);
    expect(tokens).not.toEqual(firstToken.tokens);
    expect(expiresOn).toBeGreaterThan(firstToken.expiresOn);
    expect(refreshesAt(product.idp) - refreshes).toBe(1);
    expect(exchangesAt(product.workspace).slice(exchanges)).toEqual([expect.objectContaining({ status: 200 })]);
  });
});

describe('a service that hangs', () => {
  let product: Product;
  let call: Call;
  let otherIdp: Idp;

  beforeAll(async () => {
    otherIdp = await startIdp({ idTokenTtlSeconds: 6 });
    product = await startProduct({
      workspaces: 3,
      config: ({ idp, workspaces: [main, second, third] }) => {
        if (main === undefined || second === undefined || third === undefined) throw new Error('three workspaces were asked for');
        const other = usualConfig(otherIdp, [third], ['minTokenLife: 1 s']).split('\n').slice(2).join('\n');
        return `${usualConfig(idp, [main, second])}${other.replace('  acme:', '  beta:')}`;
      },
    });
    product.workspaces[2]?.setPolicies([{ issuer: otherIdp.issuer, audiences: [otherIdp.clientId], subjectClaim: 'email' }]);
    call = await prepareCallers(product);
    await otherIdp.enrol('bob', product.key);
    await product.signIn('alice', 'acme');
    await signInAsBob();
  });
  afterAll(async () => {
    await product.close();
    await otherIdp.close();
  });

  /** Without a tap key of his own: nothing here is approved by one. */
  async function signInAsBob(): Promise<void> {
    const login = product.start(['login', '--profile', 'beta']);
    const outcome = ended(login);
    await product.browse(await printedUrl(login), { key: product.key, username: 'bob' });
    expect(await outcome).toMatchObject({ code: 0 });
  }
  const grantFor = async (profile: string, workspace: string, scope: string): Promise<GrantEnv> =>
    (await product.json('env', '-p', profile, '-w', workspace, '-s', scope))['env'] as unknown as GrantEnv;

  /** Quiet first, then while `hung` is asked for by fifty callers who get nothing: a cached token and a new mint of somebody else. */
  async function compare(hung: GrantEnv, cached: GrantEnv, fresh: GrantEnv) {
    expect((await askOnce(call, cached)).answers).toEqual({ 200: 1 });
    const quiet = await call('steady', 200, cached).outcome;
    const storm = call('storm', 50, hung);
    let isOver = false;
    void storm.outcome.then(() => {
      isOver = true;
    });
    await storm.ready;
    storm.go();
    await wait(300);
    const [beside, mint] = [await call('steady', 200, cached).outcome, await askOnce(call, fresh)];
    const wasOver = isOver;
    return { quiet, beside, mint, wasOver, hanging: await storm.outcome };
  }

  function expectUntouched({ quiet, beside, mint, wasOver }: Awaited<ReturnType<typeof compare>>): void {
    expect(Object.keys(beside.answers)).toEqual(['200']);
    expect(beside.tokens).toEqual(quiet.tokens);
    expect(mint.answers).toEqual({ 200: 1 });
    // All of it while the others still waited for what hangs.
    expect(wasOver).toBe(false);
  }

  it('as the identity provider of one profile adds nothing to the other', { timeout: 60_000 }, async () => {
    const hung = await grantFor('beta', 'main', 'sql');
    const [cached, fresh] = [await grantFor('acme', 'main', 'sql'), await grantFor('acme', 'second', 'model-serving')];
    const first = await askOnce(call, hung);
    otherIdp.faults.set('*', { hang: true });
    await wait(Math.max(0, first.expiresOn * 1000 - Date.now()));
    const outcome = await compare(hung, cached, fresh);
    otherIdp.faults.clear();
    expectUntouched(outcome);
    expect(outcome.hanging.answers).toEqual({ 503: 50 });
    for (const code of Object.keys(outcome.hanging.refusals)) expect(['ISSUER_UNREACHABLE', 'DEADLINE_PASSED']).toContain(code);
    expect(otherIdp.requests.filter(({ status }) => status === null).length).toBeGreaterThan(0);
  });

  it('as one workspace adds nothing to another of the same profile', { timeout: 60_000 }, async () => {
    const hung = await grantFor('acme', 'second', 'sql');
    const [cached, fresh] = [await grantFor('acme', 'main', 'sql'), await grantFor('acme', 'main', 'unity-catalog')];
    product.workspaces[1]?.faults.set('*', { hang: true });
    const outcome = await compare(hung, cached, fresh);
    product.workspaces[1]?.faults.clear();
    expectUntouched(outcome);
    expect(outcome.hanging.answers).toEqual({ 503: 50 });
    for (const code of Object.keys(outcome.hanging.refusals)) expect(['WORKSPACE_UNREACHABLE', 'DEADLINE_PASSED']).toContain(code);
    expect((await askOnce(call, hung)).answers).toEqual({ 200: 1 });
  });
});
