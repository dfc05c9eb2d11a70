/** What a person decides: who is signed in, who gets access, and for how long. */
import { expect, it } from 'vitest';
import { texts } from '../../renderer/texts.ts';
import { onHosts } from './hosts.ts';
import { approveByTap, button, open, type Program, settleIn, signInBy, startProgram, statusOf, threeWays, until } from './steps.ts';

onHosts('what a person decides', { options: { policy: threeWays } }, (host) => {
  let program: Program;

  it('with the first key, the policy that has waited is asked about, and approved by a touch', async () => {
    await settleIn(host());
    expect(await (await host().approval()).innerText()).toContain(texts.prompt.heads.policy());
    await approveByTap(host());
    await host().quiet();
    const { profiles, tapKeys } = await statusOf(host());
    expect(profiles.map(({ session }) => session.phase)).toEqual(['signed-in']);
    expect(tapKeys.map(({ name }) => name)).toEqual(['Blue one']);
  });

  it('a click approves what needs a click, and the program gets its token', async () => {
    program = startProgram(host(), 'sql', ['--label', 'report']);
    const asked = await host().approval();
    expect(await asked.innerText()).toMatch(/asks for access/);
    await button(asked, texts.prompt.approve).click();
    await program.started;
    await host().quiet();
    expect(await program.token()).toBe('200');
  });

  it('a denied program does not start', async () => {
    const denied = startProgram(host(), 'sql');
    await button(await host().approval(), texts.prompt.deny).click();
    await expect(denied.started).rejects.toThrow(/CONSENT_DENIED|denied/i);
    await host().quiet();
  });

  it('what needs a touch is approved by a touch alone', async () => {
    const touched = startProgram(host(), 'jobs');
    const asked = await host().approval();
    expect(await button(asked, texts.prompt.approve).count()).toBe(0);
    await approveByTap(host());
    await touched.started;
    expect(await touched.token()).toBe('200');
    await touched.end();
  });

  it('a program that is paused gets nothing until it is let go on', async () => {
    const page = await open(host(), 'grants');
    const gets = page.getByRole('switch', { name: `${texts.grants.gets}: report` });
    await gets.click();
    await page.getByText(texts.grants.paused, { exact: true }).waitFor();
    expect(await program.token()).not.toBe('200');
    await gets.click();
    await page.getByText(texts.grants.paused, { exact: true }).waitFor({ state: 'hidden' });
    expect(await program.token()).toBe('200');
  });

  it('a grant is widened from the window, by the same kind of answer', async () => {
    const page = await open(host(), 'grants');
    await page.getByRole('button', { name: new RegExp(`^${texts.grants.widen} jobs .*report$`) }).click();
    expect(await (await host().approval()).innerText()).toContain('asks for more access');
    await approveByTap(host());
    await host().quiet();
    const { grants } = (await host().product.json('grants')) as { grants: { label: string; scopes: string[] }[] };
    expect(grants.find(({ label }) => label === 'report')?.scopes).toEqual(expect.arrayContaining(['jobs', 'sql']));
    expect(await program.token()).toBe('200');
  });

  it('a revoked program gets nothing any more, and the window says so', async () => {
    const page = await open(host(), 'grants');
    const revoke = button(page.locator('main'), `${texts.grants.revoke}: report`);
    await revoke.click();
    await revoke.waitFor({ state: 'hidden' });
    expect(await program.token()).not.toBe('200');
    await program.end();
  });

  it('signing out ends the session everywhere it is shown', async () => {
    const page = await open(host(), 'home');
    await page.getByRole('button', { name: texts.home.signOut, exact: true }).first().click();
    await page.getByRole('button', { name: texts.home.reallySignOut, exact: true }).first().click();
    await until(host(), ({ profiles }) => profiles.every(({ session }) => session.phase === 'signed-out'));
    await page.getByText(texts.home.signedOut).first().waitFor();
  });

  it('signing in again is begun in the window and done in the browser, and the window follows by itself', async () => {
    const page = await open(host(), 'home');
    await signInBy(host(), () =>
      page
        .getByRole('button', { name: new RegExp(`^${texts.home.signIn}`) })
        .first()
        .click(),
    );
    await (await open(host(), 'home')).getByRole('button', { name: texts.home.signOut, exact: true }).first().waitFor();
    const { profiles } = await statusOf(host());
    expect(profiles.map(({ session }) => session.identity?.username)).toEqual(['alice@example.com']);
  });
});
