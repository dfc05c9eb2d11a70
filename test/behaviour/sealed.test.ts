/** A vault that a key seals: locked it is opened by a touch of that key, and nobody has to sign in. */
import { expect, it } from 'vitest';
import { texts } from '../../renderer/texts.ts';
import { onHosts } from './hosts.ts';
import { approveByTap, button, open, type Program, settleIn, startProgram, statusOf, threeWays, touchAfter, until } from './steps.ts';

onHosts('a vault that a key seals', { options: { keyring: true, prf: true, policy: threeWays } }, (host) => {
  let program: Program;
  const signIns = (): number => host().product.idp.requestsTo('sign-in').length;

  it('is sealed from the window, by a touch', async () => {
    await settleIn(host());
    await approveByTap(host());
    await host().quiet();
    const page = await open(host(), 'keys');
    await touchAfter(host(), () => button(page.locator('main'), `${texts.keys.seal}: Blue one`).click());
    const { lock } = await until(host(), ({ tapKeys }) => tapKeys.some(({ seals }) => seals));
    expect(lock).toMatchObject({ state: 'open', sealing: 'key' });
    await (await open(host(), 'keys')).getByText(texts.keys.seals, { exact: true }).waitFor();
  });

  it('locked gives nobody a token, and a touch of the key opens it without a sign-in', async () => {
    program = startProgram(host(), 'files');
    await program.started;
    expect(await program.token()).toBe('200');
    const before = signIns();
    const page = await open(host(), 'home');
    await button(page.locator('main'), texts.lock.lock).click();
    const { lock } = await until(host(), (status) => status.lock.state === 'locked');
    expect(lock).toMatchObject({ why: 'command', unlockBy: ['key', 'sign-in'] });
    expect(await program.token()).not.toBe('200');
    await touchAfter(host(), () => button(page.locator('main'), texts.lock.by.key).click());
    await until(host(), (status) => status.lock.state === 'open');
    await (await open(host(), 'home')).getByText(texts.lock.open).first().waitFor();
    expect(await program.token()).toBe('200');
    await program.end();
    expect(signIns()).toBe(before);
  });

  it('comes up locked, with the session of before behind the same touch', async () => {
    await host().stop();
    await host().start();
    const started = await statusOf(host());
    expect(started.lock).toMatchObject({ state: 'locked', why: 'start' });
    expect(started.profiles.map(({ session }) => session.phase)).toEqual(['locked']);
    const before = signIns();
    const page = await open(host(), 'home');
    await touchAfter(host(), () => button(page.locator('main'), texts.lock.by.key).click());
    const { profiles } = await until(host(), ({ lock }) => lock.state === 'open');
    expect(profiles.map(({ session }) => session.phase)).toEqual(['signed-in']);
    expect(signIns()).toBe(before);
  });
});
