import { describe, expect, it } from 'vitest';
import { dangerousSwitch } from '../../../main/desktop/switches.ts';

const none = () => false;
const after = (...words: string[]) => dangerousSwitch(['/opt/Lakepass/lakepass-desktop', ...words], none);

describe('dangerous switches', () => {
  it.each([
    ['--remote-debugging-port=9222', 'remote-debugging-port'],
    ['--remote-debugging-pipe', 'remote-debugging-pipe'],
    ['--remote-allow-origins=*', 'remote-allow-origins'],
    ['--inspect', 'inspect'],
    ['--inspect=0.0.0.0:1', 'inspect'],
    ['--inspect-brk', 'inspect-brk'],
    ['--inspect-publish-uid=http', 'inspect-publish-uid'],
    ['--log-net-log=/tmp/x', 'log-net-log'],
    ['--ssl-key-log-file=/tmp/x', 'ssl-key-log-file'],
    ['--ignore-certificate-errors', 'ignore-certificate-errors'],
    ['--ignore-certificate-errors-spki-list=x', 'ignore-certificate-errors-spki-list'],
    ['--host-resolver-rules=MAP * 127.0.0.1', 'host-resolver-rules'],
    ['--host-rules=MAP * evil.test', 'host-rules'],
    ['--proxy-server=evil.test:1', 'proxy-server'],
    ['--proxy-pac-url=http://evil.test/', 'proxy-pac-url'],
    ['--disable-web-security', 'disable-web-security'],
    ['--no-sandbox', 'no-sandbox'],
    ['--disable-gpu-sandbox', 'disable-gpu-sandbox'],
    ['--js-flags=--expose-gc', 'js-flags'],
    ['--load-extension=/tmp/x', 'load-extension'],
    ['--renderer-cmd-prefix=gdb', 'renderer-cmd-prefix'],
    ['--gpu-launcher=/tmp/x', 'gpu-launcher'],
    ['--enable-blink-features=x', 'enable-blink-features'],
    // As Chromium reads them too
    ['-no-sandbox', 'no-sandbox'],
    ['/no-sandbox', 'no-sandbox'],
    ['--No-Sandbox', 'no-sandbox'],
  ])('%s is one', (word, name) => {
    expect(after('--hidden', word)).toBe(name);
  });

  it.each([
    ['--hidden'],
    ['--home'],
    ['--vault=memory'],
    ['lakepass://grants'],
    ['--ozone-platform=wayland'],
    ['--inspector-is-a-word-of-ours/x'],
  ])('%s is none', (word) => {
    expect(after(word)).toBe(null);
  });

  it('takes for a switch nothing that follows a bare --', () => {
    expect(after('--', '--no-sandbox')).toBe(null);
  });

  it('hears of one that reached Chromium another way', () => {
    expect(dangerousSwitch(['lakepass'], (name) => name === 'proxy-server')).toBe('proxy-server');
  });
});
