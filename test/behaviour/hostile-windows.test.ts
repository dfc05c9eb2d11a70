/** Pages that want more than they may: what a window of the app would be worth to whoever gets into it. */

import type { Frame, Page } from '@playwright/test';
import { expect, it } from 'vitest';
import { callChannel, callsOf } from '../../preload/contract/desktop.ts';
import { itWhere, onHosts } from './hosts.ts';
import { statusOf } from './steps.ts';

onHosts('a hostile page', { options: { policy: null }, on: ['shell-sim', 'electron'] }, (host, has) => {
  const page = (): Promise<Page> => host().window();
  const refusals = async (): Promise<string[]> => {
    const { records } = (await host().product.json('audit', '--limit', '1000')) as { records: Record<string, unknown>[] };
    return records.filter(({ type, door }) => type === 'door.refused' && door === 'window').map(({ code, reason }) => `${code} ${reason}`);
  };
  const codeOf = (outcome: unknown): string => (outcome as { failure?: { code: string } }).failure?.code ?? 'none';
  const send = async (frame: Frame, message: unknown): Promise<string> =>
    codeOf(await host().sim.screen.invokeFrom(frame, callChannel, message));
  const state = { name: 'state', input: {} };

  itWhere(has.standIn)('its own page is answered, and what is sent in its name by somebody else is not', async () => {
    const own = await page();
    expect(codeOf(await own.evaluate('window.lakepass.call.state({})'))).toBe('none');
    // A frame within, of the same origin and of another.
    await own.evaluate("document.body.append(document.createElement('iframe'))");
    const [, within] = own.frames();
    if (within === undefined) throw new Error('there is no frame');
    expect(await within.evaluate('typeof window.lakepass')).toBe('undefined');
    expect(await send(within, state)).toBe('PAGE_REFUSED');
    const [window] = host().sim.screen.windows();
    if (window === undefined) throw new Error('there is no window');
    expect(codeOf(await host().sim.screen.invokeFromGone(window, callChannel, state))).toBe('PAGE_REFUSED');
  });

  itWhere(has.standIn)('calls of another window, of nobody, too large or odd are refused by their own codes', async () => {
    const frame = (await page()).mainFrame();
    expect(await send(frame, state)).toBe('none');
    expect(await send(frame, { name: 'answer', input: { verdict: 'approved', ask: 'x', span: 'grant' } })).toBe('ROUTE_UNKNOWN');
    expect(await send(frame, { name: 'constructor', input: {} })).toBe('ROUTE_UNKNOWN');
    expect(await send(frame, 'state')).toBe('INPUT_INVALID');
    expect(await send(frame, { ...state, more: 1 })).toBe('INPUT_INVALID');
    expect(await send(frame, { name: 'state', input: { text: 'x'.repeat(20_000) } })).toBe('INPUT_INVALID');
    expect(await send(frame, { name: 'ceremony/begin', input: { kind: 'tap', ask: 'x', span: 'grant' } })).toBe('INPUT_INVALID');
    expect(await send(frame, { name: 'revoke', input: { ids: 'all' } })).toBe('INPUT_INVALID');
    await expect(host().sim.screen.invokeFrom(frame, 'lakepass:other', state)).rejects.toThrow('No handler registered');
  });

  it('the page has the calls of its window and nothing of Electron or Node', async () => {
    const own = await page();
    expect(await own.evaluate('Object.keys(window.lakepass.call).sort()')).toEqual([...callsOf.main].sort());
    expect(
      await own.evaluate(
        "['require', 'process', 'Buffer', 'ipcRenderer', 'electron', 'module', 'global'].filter((name) => name in window)",
      ),
    ).toEqual([]);
    expect(await own.evaluate('Object.isFrozen(window.lakepass) && Object.isFrozen(window.lakepass.call)')).toBe(true);
  });

  itWhere(has.standIn)('goes nowhere, opens nothing, is given nothing, and reaches nobody', async () => {
    const own = await page();
    const { screen } = host().sim;
    screen.site = () => ({ body: '<title>evil</title>' });
    const tries = [
      "location.assign('https://evil.test/')",
      "location.href = '/approval'",
      "void window.open('https://evil.test/popup')",
      "void fetch('https://evil.test/data').catch(() => 0)",
      "document.body.append(Object.assign(document.createElement('iframe'), { src: 'https://evil.test/frame' }))",
      "document.body.append(Object.assign(new Image(), { src: 'https://evil.test/image.png' }))",
      "(() => { const form = Object.assign(document.createElement('form'), { method: 'POST', action: 'https://evil.test/form' }); document.body.append(form); form.submit(); })()",
      "(() => { const a = Object.assign(document.createElement('a'), { href: 'evil-scheme:run' }); document.body.append(a); a.click(); })()",
    ];
    for (const each of tries) await own.evaluate(each).catch(() => undefined);
    expect(
      await own.evaluate(
        "Promise.all([Notification.requestPermission(), navigator.mediaDevices.getUserMedia({ video: true }).catch((error) => error.name), navigator.permissions.query({ name: 'geolocation' }).then(({ state }) => state)])",
      ),
    ).toEqual(['denied', 'NotAllowedError', 'denied']);
    const [window] = screen.windows();
    if (window === undefined) throw new Error('there is no window');
    expect(await screen.attachWebview(window, 'https://evil.test/')).toBe(false);
    expect(own.url()).toBe('https://lakepass.app.invalid/');
    expect(screen.reached).toEqual([]);
    expect(own.context().pages()).toHaveLength(1);
    await expect
      .poll(refusals, { timeout: 90_000 })
      .toEqual(
        expect.arrayContaining(['PAGE_REFUSED navigation', 'PAGE_REFUSED window', 'PAGE_REFUSED permission', 'PAGE_REFUSED webview']),
      );
  });

  itWhere(has.standIn)('who calls too often is refused, and it is counted', async () => {
    const frame = (await host().window()).mainFrame();
    const codes = await Promise.all(Array.from({ length: 400 }, () => send(frame, state)));
    expect(new Set(codes)).toContain('DOOR_BUSY');
    // A moment later it is answered again.
    await expect.poll(() => send(frame, state)).toBe('none');
  });

  itWhere(has.standIn)('a page that is somewhere else all the same has the preload and is not answered', async () => {
    const own = await page();
    host().sim.screen.site = () => ({ body: '<!doctype html><title>evil</title>' });
    // As a flaw in Chromium would: past every guard of the app.
    const context = own.context();
    await context.unrouteAll();
    await context.route('**/*', (route) => route.fulfill({ body: '<!doctype html><title>evil</title>', contentType: 'text/html' }));
    await own.goto('https://evil.test/');
    expect(await own.evaluate('typeof window.lakepass')).toBe('object');
    expect(codeOf(await own.evaluate('window.lakepass.call.state({})'))).toBe('PAGE_REFUSED');
    expect(codeOf(await own.evaluate('window.lakepass.call.lock({})'))).toBe('PAGE_REFUSED');
    expect((await statusOf(host())).lock.state).toBe('open');
  });
});
