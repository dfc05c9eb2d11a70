/** What people do at the product beyond signing in once: as somebody else, with a passphrase, with a first key after a reset. */
import { ended, type Product, printedUrl } from './product.ts';

/**
 * Signs somebody in through the command line, and nothing more.
 * @returns where the browser tab goes afterwards; null: it stays with the provider's answer
 */
export async function signInOnly(product: Product, username = 'alice'): Promise<URL | null> {
  const { idp, key } = product;
  if (idp.user(username).keys.length === 0) await idp.enrol(username, key);
  const login = product.start(['login', '--json']);
  const outcome = ended(login);
  const next = await product.browse(await printedUrl(login), { key, username });
  const { code, stdout, stderr } = await outcome;
  if (code !== 0) throw new Error(`the sign-in ended with ${code}: ${stdout}${stderr}`);
  return next;
}

/** Runs a verb that reads a passphrase from its standard input. */
export async function withPassphrase(
  { terminal, command }: Product,
  passphrase: string,
  ...args: string[]
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const [shell = '', ...words] = command.words;
  const started = terminal.start(shell, [...words, ...args, '--passphrase-fd', '0'], { env: command.env, input: true });
  started.stdin?.end(`${passphrase}\n`);
  return ended(started);
}
