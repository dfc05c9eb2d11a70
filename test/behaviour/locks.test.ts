/** Away, locked, asleep and offline: what the person sees, and what programs get. */
import { expect, it } from 'vitest';
import { texts } from '../../renderer/texts.ts';
import { onHosts } from './hosts.ts';
import { approveByTap, closeWindow, open, type Program, settleIn, signInBy, startProgram, statusOf, threeWays, until } from './steps.ts';

onHosts('while the person is away', { options: { policy: threeWays } }, (host) => {
  let program: Program;

  it('a locked screen is Away: what runs goes on, and the window says how many', async () => {
    await settleIn(host());
    await approveByTap(host());
    await host().quiet();
    program = startProgram(host(), 'files');
    await program.started;
    await until(host(), ({ warnings }) => !warnings.some((each) => /logind|heard/.test(each)));
    await host().machine.lockScreen();
    await until(host(), ({ lock }) => lock.state === 'away');
    expect(await program.token()).toBe('200');
    const page = await open(host(), 'home');
    await page.getByText(texts.lock.away(1)).first().waitFor();
  });

  it('back at the screen all is open again', async () => {
    await host().machine.unlockScreen();
    await until(host(), ({ lock }) => lock.state === 'open');
    await (await open(host(), 'home')).getByText(texts.lock.open).first().waitFor();
  });

  it('locked from the window nobody gets a token, and a fresh sign-in opens it', async () => {
    const page = await open(host(), 'home');
    await page.getByRole('button', { name: texts.lock.lock }).click();
    await until(host(), ({ lock }) => lock.state === 'locked');
    await page.getByText(texts.lock.locked).first().waitFor();
    expect(await program.token()).not.toBe('200');
    await signInBy(host(), () =>
      page
        .getByRole('button', { name: new RegExp(`^${texts.home.signIn}`) })
        .first()
        .click(),
    );
    await until(host(), ({ lock }) => lock.state === 'open');
    expect(await program.token()).toBe('200');
    await program.end();
  });
});

onHosts('while the machine sleeps', { options: { limits: ['session: 30 s'], policy: null } }, (host) => {
  it('a session whose end has come meanwhile is over, and the window says so', async () => {
    // What is shown before there is a key is the first run.
    await closeWindow(host());
    const pid = await host().pid();
    // By the shortest road: from here on the session runs.
    await host().product.signIn();
    const { profiles } = await statusOf(host());
    const endsAt = Date.parse(profiles[0]?.session.endsAt ?? '');
    await host().machine.sleep();
    process.kill(pid, 'SIGSTOP');
    expect(endsAt).toBeGreaterThan(Date.now());
    await new Promise((done) => setTimeout(done, endsAt - Date.now() + 1000));
    process.kill(pid, 'SIGCONT');
    await host().machine.wake();
    await until(host(), (status) => status.profiles[0]?.session.phase === 'ended');
    await (await open(host(), 'home')).getByText(texts.home.ended).first().waitFor();
  });
});

onHosts('while the network is away', { options: { policy: threeWays } }, (host) => {
  it('a token that cannot be made is refused with its reason, and the window shows what was refused', async () => {
    await settleIn(host());
    await approveByTap(host());
    await host().quiet();
    const program = startProgram(host(), 'files');
    await program.started;
    await host().product.workspace.close();
    expect(await program.token()).not.toBe('200');
    const page = await open(host(), 'requests');
    await page.getByText(texts.requests.refusedLead).waitFor();
    await page.getByText(texts.requests.noneRefused).waitFor({ state: 'detached' });
    await program.end();
  });
});
