/**
 * Command-line switches of Chromium and Node that would open the shell to whoever starts it: a debugger, a proxy in the middle, a page
 * without its walls. No fuse covers them (SECURITY.md says what this is worth: a program of yours can do worse), so a packaged start
 * that carries one ends.
 */

/** A name that ends in `*` stands for all that begin so. */
export const dangerousSwitches = [
  // A debugger on the app, or on its pages
  'remote-debugging-*',
  'remote-allow-origins',
  'inspect*',
  'enable-automation',
  'auto-open-devtools-for-tabs',
  // What the network says, written to a file, or answered by somebody else
  'log-net-log',
  'net-log-capture-mode',
  'ssl-key-log-file',
  'ignore-certificate-errors*',
  'ignore-urlfetcher-cert-requests',
  'allow-insecure-localhost',
  'host-resolver-rules',
  'host-rules',
  'proxy-server',
  'proxy-pac-url',
  'proxy-auto-detect',
  'auth-server-*',
  // A page without its walls
  'disable-web-security',
  'disable-site-isolation-trials',
  'allow-running-insecure-content',
  'allow-file-access-from-files',
  'unsafely-treat-insecure-origin-as-secure',
  'bypasscsp-schemes',
  'secure-schemes',
  'enable-blink-features',
  'no-sandbox',
  'disable-sandbox',
  'disable-*-sandbox',
  'single-process',
  'no-zygote*',
  // Code of somebody else
  'js-flags',
  'load-extension',
  'disable-extensions-except',
  'require',
  'import',
  '*-cmd-prefix',
  'gpu-launcher',
  'browser-subprocess-path',
] as const;

const pattern = new RegExp(`^(${dangerousSwitches.map((name) => name.replaceAll('*', '.*')).join('|')})$`);
const exactNames = dangerousSwitches.filter((name) => !name.includes('*'));

/**
 * The first dangerous switch, or null. Chromium takes `-name` for `--name`, and on Windows `/name` and any case as well; what follows
 * a bare `--` is no switch.
 *
 * @param argv the whole of it, program first
 * @param hasSwitch what Chromium has understood, for a switch that came another way
 */
export function dangerousSwitch(argv: readonly string[], hasSwitch: (name: string) => boolean): string | null {
  const end = argv.indexOf('--');
  for (const argument of end === -1 ? argv.slice(1) : argv.slice(1, end)) {
    const name = /^(?:--?|\/)([A-Za-z][A-Za-z0-9-]*)(?:=|$)/.exec(argument)?.[1]?.toLowerCase();
    if (name !== undefined && pattern.test(name)) return name;
  }
  return exactNames.find((name) => hasSwitch(name)) ?? null;
}
