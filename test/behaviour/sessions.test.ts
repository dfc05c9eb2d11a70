/** Sessions at two companies: listed, ended everywhere, and what is said and done while the provider does not answer. */
import { expect, it } from 'vitest';
import { failureTexts } from '../../preload/contract/failure.ts';
import { texts } from '../../renderer/texts.ts';
import { onHosts } from './hosts.ts';
import { approveByTap, button, open, settleIn, signInBy, startProgram, statusOf, threeWays, twoProfiles, until } from './steps.ts';

const { cause, next } = failureTexts.ISSUER_UNREACHABLE;

onHosts('sessions', { options: { keyring: true, policy: threeWays, workspaces: 2, config: twoProfiles } }, (host) => {
  const home = async () => (await open(host(), 'home')).locator('main');
  const signIn = async (): Promise<void> => (await home()).getByRole('button', { name: texts.home.signIn, exact: true }).first().click();
  async function restart(): Promise<void> {
    await host().stop();
    await host().start();
    // A page in the browser is the one of before.
    if (!host().has.shell) await (await host().person()).page.goto('about:blank');
  }
  const phases = async (): Promise<string[]> => (await statusOf(host())).profiles.map(({ session }) => session.phase);

  it('of every profile are listed, each with who is signed in', async () => {
    await settleIn(host(), 'acme');
    await approveByTap(host());
    await host().quiet();
    await signInBy(host(), signIn);
    await until(host(), ({ profiles }) => profiles.every(({ session }) => session.phase === 'signed-in'));
    const listed = (await home()).getByRole('region', { name: texts.home.sessions }).getByRole('listitem');
    await expect
      .poll(() => listed.allInnerTexts())
      .toEqual(
        ['acme', 'globex'].map((name) =>
          expect.stringMatching(new RegExp(`${name}[^]*alice@example\\.com[^]*${texts.home.phases['signed-in']}`)),
        ),
      );
  });

  it('end everywhere by one button, which asks first, and the provider hears of it', async () => {
    const main = await home();
    await button(main, texts.home.signOutAll).click();
    await button(main, texts.grants.keep).click();
    expect(await phases()).toEqual(['signed-in', 'signed-in']);
    await button(main, texts.home.signOutAll).click();
    await button(main, texts.home.reallySignOutAll).click();
    for (const name of ['acme', 'globex']) await main.getByText(texts.home.signedOutOf(name)).waitFor();
    expect(await phases()).toEqual(['signed-out', 'signed-out']);
    expect(host().product.idp.requestsTo('revocation')).toHaveLength(2);
  });

  it('do not begin while the provider is away: the window says why and what to do, and nothing waits', async () => {
    // A fresh start knows nothing of the provider yet.
    await restart();
    host().product.idp.faults.set('*', { reset: true });
    await signIn();
    const main = await home();
    await main.getByText(cause).first().waitFor();
    await main.getByText(next).first().waitFor();
    const { profiles } = await statusOf(host());
    expect(profiles[0]?.session).toMatchObject({ phase: 'signed-out', signInWaiting: false, lastFailure: { code: 'ISSUER_UNREACHABLE' } });
  });

  it('begin as ever once it is back, and nothing is said of it any more', async () => {
    host().product.idp.faults.clear();
    await signInBy(host(), signIn);
    await until(host(), ({ profiles }) => profiles[0]?.session.phase === 'signed-in');
    await (await home()).getByText(cause).waitFor({ state: 'detached' });
  });

  it('that cannot be renewed go on, and it is said why no token comes', async () => {
    // After a restart only the refresh token is left, and the provider has to be asked.
    host().product.idp.faults.set('*', { reset: true });
    await restart();
    const program = startProgram(host(), 'files', ['--profile', 'acme']);
    await program.started;
    expect(await program.token()).not.toBe('200');
    const { profiles } = await statusOf(host());
    expect(profiles[0]?.session).toMatchObject({ phase: 'signed-in', renewalProblem: { code: 'ISSUER_UNREACHABLE' } });
    const said = (await home()).getByText(`${texts.home.renewal}: ${cause} ${next}`);
    await said.waitFor();
    host().product.idp.faults.clear();
    await expect.poll(() => program.token(), { timeout: 90_000 }).toBe('200');
    await said.waitFor({ state: 'detached' });
    expect((await statusOf(host())).profiles[0]?.session).toMatchObject({ phase: 'signed-in', renewalProblem: null });
    await program.end();
  });
});
