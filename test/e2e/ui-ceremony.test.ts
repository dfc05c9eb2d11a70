/**
 * The page on which a key is touched, with a virtual key in Chromium and @simplewebauthn/server on the other side: what the agent gets
 * is verified as the agent verifies it, origin and port included.
 */
import type { Page } from '@playwright/test';
import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
  type WebAuthnCredential,
} from '@simplewebauthn/server';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../main/app-error.ts';
import { systemClock as clock } from '../../main/host-ports.ts';
import { failureTexts } from '../../preload/contract/failure.ts';
import type { CeremonyView } from '../../preload/contract/pages.ts';
import { askOf } from '../fakes/pages-agent.ts';
import { findingsOf, openTheatre, plugIn, type Stage, type Theatre } from './ui-stage.ts';

const RP_ID = 'lakepass.localhost';
const SALT = Buffer.alloc(32, 7).toString('base64url');

let theatre: Theatre;
let stage: Stage;
/** What the software registry of these tests has seen. */
let key: WebAuthnCredential | null;
let outputs: unknown[];
let names: string[];
beforeAll(async () => {
  theatre = await openTheatre();
});
afterAll(() => theatre?.close());
beforeEach(async () => {
  stage = await theatre.stage();
  [key, outputs, names] = [null, [], []];
  let challenge = '';
  stage.agent.ceremonies.options = async (view) => {
    const extensions = { prf: { eval: { first: SALT } } } as unknown as AuthenticationExtensionsClientInputs;
    const options =
      view.touch === 'create'
        ? await generateRegistrationOptions({
            rpName: 'Lakepass',
            rpID: RP_ID,
            userName: 'ada@acme.example',
            attestationType: 'none',
            authenticatorSelection: { userVerification: 'required', residentKey: 'discouraged' },
            excludeCredentials: key === null ? [] : [{ id: key.id }],
            extensions,
          })
        : await generateAuthenticationOptions({
            rpID: RP_ID,
            allowCredentials: key === null ? [] : [{ id: key.id }],
            userVerification: 'required',
            extensions,
          });
    challenge = options.challenge;
    return { id: 'ceremony-1', options: options as unknown as Record<string, unknown> };
  };
  stage.agent.ceremonies.finish = async (view, { response, name }, origin) => {
    const expected = { expectedChallenge: challenge, expectedOrigin: origin, expectedRPID: RP_ID, requireUserVerification: true };
    names.push(name);
    outputs.push(((response['clientExtensionResults'] as Record<string, unknown>)['prf'] as { results?: unknown } | undefined)?.results);
    if (view.touch === 'create') {
      const { verified, registrationInfo } = await verifyRegistrationResponse({
        ...expected,
        response: response as unknown as RegistrationResponseJSON,
      });
      if (!verified) throw new AppError('TAP_REFUSED', { reason: 'response' });
      key = registrationInfo.credential;
      return null;
    }
    if (key === null) throw new AppError('TAP_REFUSED', { reason: 'key' });
    const { verified } = await verifyAuthenticationResponse({
      ...expected,
      credential: key,
      response: response as unknown as AuthenticationResponseJSON,
    });
    if (!verified) throw new AppError('TAP_REFUSED', { reason: 'response' });
    return view.step < view.steps ? { ...view, step: view.step + 1, touch: 'create' } : null;
  };
});
afterEach(() => stage.close());

type AuthenticationExtensionsClientInputs = NonNullable<Parameters<typeof generateAuthenticationOptions>[0]['extensions']>;

const enrol: CeremonyView = {
  kind: 'enrol',
  ask: null,
  title: 'Add a key',
  words: ['It can approve requests.'],
  step: 1,
  steps: 1,
  touch: 'create',
};
const button = (page: Page, name: string) => page.getByRole('button', { name });
const finished = () => stage.agent.asked.filter(({ what }) => what === 'finishCeremony').length;

async function open(page: Page, view: CeremonyView): Promise<void> {
  await page.goto((await stage.pages.ceremonyUrl(stage.agent.ticket(view))).href);
  await page.getByRole('heading', { level: 1 }).waitFor();
}

async function enrolled(page: Page): Promise<void> {
  await open(page, enrol);
  await page.getByLabel('Name of the key').fill('Blue');
  await button(page, 'Add this key').click();
  await page.getByRole('heading', { name: 'Done' }).waitFor();
}

describe('a key that is touched', () => {
  it('is enrolled under our name and port, with its own name, and the page says that it is done', async () => {
    const page = await stage.tab();
    await plugIn(page);
    await enrolled(page);
    expect(key).not.toBeNull();
    expect(names).toEqual(['Blue']);
    await page.getByText('You can close this tab').waitFor();
    expect(page.url()).toBe(`${stage.pages.ceremonyOrigin()}/`);
    expect(stage.complaints).toEqual([]);
  });

  it('gives its PRF output as text, the same for the same salt', async () => {
    const page = await stage.tab();
    await plugIn(page, { prf: true });
    await enrolled(page);
    for (let touch = 0; touch < 2; touch++) {
      await open(page, { ...enrol, kind: 'unlock', title: 'Unlock', touch: 'get' });
      await button(page, 'Touch the key').click();
      await page.getByRole('heading', { name: 'Done' }).waitFor();
    }
    const [, first, second] = outputs as { first: string }[];
    expect(first?.first).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(second).toEqual(first);
  });

  it('approves what is shown, and the person is led back to a UI that works', async () => {
    const page = await stage.ui();
    await plugIn(page);
    await enrolled(page);
    await page.goto((await stage.pages.uiUrl()).href);
    stage.agent.next = async () => (await stage.pages.uiUrl()).href;
    stage.agent.update(({ status }) => void status.queue.asks.push(askOf(clock, { approval: 'tap', grant: 'grant-1' })));
    await button(page, 'Approve with a key').click();
    await page.waitForURL(`${stage.pages.ceremonyOrigin()}/`);
    for (const text of ['/home/ada/project/.venv/bin/python3.12', 'churn/training.ipynb', 'Read and write workspace files', 'For: grant']) {
      await page.getByText(text).first().waitFor();
    }
    await button(page, 'Touch the key').click();
    await page.getByRole('navigation').waitFor();
    expect(new URL(page.url()).origin).toBe(new URL((await stage.pages.uiUrl()).href).origin);
    await page.getByText('Approved').first().waitFor();
    expect(stage.agent.state().status.queue.history[0]).toMatchObject({ id: 'ask-1', outcome: 'approved' });
    expect(stage.complaints).toEqual([]);
  });

  it('goes step by step where two touches are needed', async () => {
    const page = await stage.tab();
    const { cdp, authenticatorId } = await plugIn(page);
    await enrolled(page);
    await open(page, { ...enrol, steps: 2, touch: 'get' });
    await page.getByText('Step 1 of 2').waitFor();
    await button(page, 'Touch the key').click();
    await page.getByText('Step 2 of 2').waitFor();
    // The new key is another one: the first is excluded, so it is taken out.
    await cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId });
    await cdp.send('WebAuthn.addVirtualAuthenticator', {
      options: { protocol: 'ctap2', transport: 'usb', hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
    });
    await page.getByLabel('Name of the key').fill('Green');
    await button(page, 'Add this key').click();
    await page.getByRole('heading', { name: 'Done' }).waitFor();
    expect(names).toEqual(['Blue', '', 'Green']);
  });
});

describe('a touch that does not come about', () => {
  it.each([
    ['NotAllowedError', 'The key was not touched in time'],
    ['InvalidStateError', 'This key is enrolled here already'],
    ['NotSupportedError', 'cannot make the kind of credential'],
    ['SecurityError', 'does not accept this address for keys'],
    ['ConstraintError', 'no PIN or fingerprint set'],
    ['AbortError', 'Nobody touched the key in time'],
    ['UnknownError', 'The key reported an error'],
    ['DataCloneError', 'could not use the key'],
  ])('by a %s is said in words, and can be tried again', async (name, words) => {
    const page = await stage.tab();
    await page.addInitScript(`navigator.credentials.create = () => Promise.reject(new DOMException('x', '${name}'));`);
    await open(page, enrol);
    await button(page, 'Add this key').click();
    await page.getByRole('alert').getByText(words).waitFor();
    expect(await button(page, 'Try again').isEnabled()).toBe(true);
    expect(finished()).toBe(0);
  });

  it('is ended by our own clock, whatever the browser’s', async () => {
    const page = await stage.tab();
    await plugIn(page, { touched: false });
    await page.clock.install();
    await open(page, enrol);
    await button(page, 'Add this key').click();
    await page.getByText('Follow your browser').waitFor();
    await page.clock.runFor(89_000);
    expect(await page.getByText('Follow your browser').isVisible()).toBe(true);
    await page.clock.runFor(2000);
    await page.getByRole('alert').getByText('Nobody touched the key in time').waitFor();
    expect(finished()).toBe(0);
  });

  it('because a key is enrolled twice is said by the browser itself', async () => {
    const page = await stage.tab();
    await plugIn(page);
    await enrolled(page);
    await open(page, enrol);
    await button(page, 'Add this key').click();
    await page.getByRole('alert').getByText('This key is enrolled here already').waitFor();
  });

  it('because the agent refuses it says why', async () => {
    const page = await stage.tab();
    await plugIn(page);
    stage.agent.fails('finishCeremony', new AppError('TAP_REFUSED', { reason: 'counter' }));
    await open(page, enrol);
    await button(page, 'Add this key').click();
    await page.getByRole('alert').getByText(failureTexts.TAP_REFUSED.cause).waitFor();
    await button(page, 'Try again').waitFor();
  });

  it('because the browser knows no keys is said before anybody tries', async () => {
    const page = await stage.tab();
    await page.addInitScript('delete globalThis.PublicKeyCredential;');
    await open(page, enrol);
    await page.getByText('This browser cannot use security keys.').waitFor();
    expect(await button(page, 'Add this key').isDisabled()).toBe(true);
  });
});

describe('the ceremony page', () => {
  it.each(['light', 'dark'] as const)('has nothing that keeps anybody out, in %s', async (colours) => {
    const page = await stage.tab({ colours });
    await open(page, enrol);
    expect(await findingsOf(page)).toEqual([]);
    stage.agent.update(({ status }) => void status.queue.asks.push(askOf(clock)));
    await open(page, { kind: 'tap', ask: askOf(clock), title: '', words: [], step: 1, steps: 1, touch: 'get' });
    expect(await findingsOf(page)).toEqual([]);
    await button(page, 'Deny').click();
    await page.getByRole('heading', { name: 'Denied' }).waitFor();
    expect(await findingsOf(page)).toEqual([]);
    expect(stage.complaints).toEqual([]);
  });

  it('takes a no, and then nothing more', async () => {
    const page = await stage.tab();
    await open(page, enrol);
    await button(page, 'Cancel').click();
    await page.getByRole('heading', { name: 'Cancelled' }).waitFor();
    expect(stage.agent.asked.map(({ what }) => what).at(-1)).toBe('refuseCeremony');
  });

  it('removes the code from the address, and is closed to a second tab and a reload', async () => {
    const page = await stage.tab();
    const url = await stage.pages.ceremonyUrl(stage.agent.ticket(enrol));
    await page.goto(url.href);
    await button(page, 'Add this key').waitFor();
    expect(page.url()).toBe(`${url.origin}/`);
    await page.reload();
    await page.getByRole('heading', { name: 'This page needs a fresh link' }).waitFor();
    await page.goto(url.href);
    await page.getByRole('heading', { name: 'This page is closed' }).waitFor();
  });

  it('says that a ticket is over', async () => {
    const page = await stage.tab();
    await page.goto((await stage.pages.ceremonyUrl('spent')).href);
    await page.getByRole('heading', { name: 'This page is closed' }).waitFor();
  });
});
