/**
 * `lakepass profiles` with the built product: a section is written into a file that others use too, a stock SDK works with it once a person
 * has said yes, and the file comes back to the byte.
 */
import { chownSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ended, type Product, startProduct } from './product.ts';

const before =
  '\ufeff; mine\r\n[work]\r\nhost = https://other.example\r\ntoken = dapi-of-work\r\ntoken = twice\r\n\r\n[old]\r\nhost = https://old.example\r\npassword = hunter2\r\n# kept\r\nodd = 1';
let product: Product;
beforeAll(async () => {
  product = await startProduct({ policy: null });
  await product.signIn();
});
afterAll(() => product.close());

const cfg = (): string => join(product.home, '.databrickscfg');
const read = (): string => readFileSync(cfg(), 'utf8');
function put(text: string): void {
  writeFileSync(cfg(), text, { mode: 0o600 });
  if (process.getuid?.() === 0) chownSync(cfg(), product.machine.user.uid, product.machine.user.gid);
}

/** Writes while the person says yes to the grant. */
async function write(...options: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const started = ended(product.start(['profiles', 'write', '--yes', ...options]));
  await (await product.openUi()).approve();
  return started;
}

describe('lakepass profiles', () => {
  it('says what there is, and nothing that is secret', async () => {
    expect((await product.lakepass(['profiles'])).stdout).toContain('lakepass profiles write');
    put(before.slice(1));
    const { stdout, code } = await product.lakepass(['profiles', 'list']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/work +https:\/\/other.example +pat/);
    expect(stdout).not.toMatch(/dapi|hunter2/);
  });

  it('does not write without a word where nobody can be asked', async () => {
    const { code, stdout, stderr } = await product.run(
      'setsid',
      ['--wait', ...product.command.words, 'profiles', 'write'],
      product.command.env,
    );
    expect({ code, stderr: /\[INPUT_INVALID: yes\]/.test(stderr) }).toEqual({ code: 2, stderr: true });
    expect(stdout).toContain('+ [DEFAULT]');
    expect(read()).toBe(before.slice(1));
  });

  it('writes a section that a stock SDK works with, once it is asked about, and keeps every other byte', async () => {
    put(before);
    const { code, stdout, stderr } = await write('--section', 'lake', '--scope', 'sql');
    expect({ code, stderr: stderr.includes('byte order mark') }).toEqual({ code: 0, stderr: true });
    expect(stdout + stderr).not.toMatch(/dapi|hunter2|v1\/metadata\/[A-Za-z0-9_-]{10}/);
    expect(read().startsWith(`${before}\r\n\r\n[lake]\r\n`)).toBe(true);
    expect(statSync(cfg()).mode & 0o777).toBe(0o600);
    expect((await product.lakepass(['profiles', 'undo'])).code).toBe(0);
    expect(read()).toBe(before);
  });

  it('serves the SDK of a program that names no profile', async () => {
    put('');
    expect((await write()).code).toBe(0);
    const python = await product.machine.python();
    const script = 'from databricks.sdk import WorkspaceClient\nprint(WorkspaceClient().current_user.me().user_name)';
    const sdk = product.run(python, ['-c', script], { BROWSER: 'none' });
    const ui = await product.openUi();
    // The SDK takes long to load where nobody has compiled it yet.
    const prompt = await ui
      .prompt()
      .catch(() => ui.prompt())
      .catch(() => ui.prompt());
    expect(prompt).toMatchObject({ purpose: 'use', approval: 'tap' });
    await ui.approve();
    expect(await sdk).toMatchObject({ code: 0, stdout: 'alice@example.com\n' });
  });

  it('shows that the section’s own keys go, and takes them back', async () => {
    put(before.slice(1));
    const { stdout, stderr } = await write('--section', 'old');
    expect(stdout).toMatch(/- host += https:\/\/old.example/);
    expect(stdout).toMatch(/- password += …/);
    expect(stderr).toContain('keys that Lakepass does not know too');
    expect(read()).toContain('# kept');
    expect(read()).not.toContain('hunter2');
    const undone = await product.json('profiles', 'undo');
    expect(undone).toMatchObject({ section: 'old', ended: true });
    expect(read()).toBe(before.slice(1));
  });

  it('takes nothing back from a file that somebody has changed since', async () => {
    await write('--section', 'mine');
    put(`${read()}\n# changed\n`);
    const { code, stderr } = await product.lakepass(['profiles', 'undo']);
    expect([code, /\[DATABRICKSCFG_CHANGED: undo\]/.test(stderr)]).toEqual([1, true]);
    expect(read()).toContain('# changed');
  });

  it('writes where DATABRICKS_CONFIG_FILE says', async () => {
    const elsewhere = join(product.home, 'other.cfg');
    const started = ended(product.start(['profiles', 'write', '--yes', '--json'], { DATABRICKS_CONFIG_FILE: '~/other.cfg' }));
    await (await product.openUi()).approve();
    expect(JSON.parse((await started).stdout)).toMatchObject({ file: elsewhere, section: 'DEFAULT', backup: null });
    expect(readFileSync(elsewhere, 'utf8')).toContain('[DEFAULT]');
  });

  it('leaves no token of others in anything of ours but the backup, which is closed to others', async () => {
    const holding = product
      .files()
      .filter(({ path, content }) => !path.endsWith('.cfg') && !path.endsWith('.databrickscfg') && content.includes('dapi-of-work'));
    for (const { path } of holding) {
      expect(path).toMatch(/databrickscfg\.before$/);
      expect(statSync(path).mode & 0o777).toBe(0o600);
    }
    expect(existsSync(join(product.home, '.local/state/lakepass/databrickscfg.json'))).toBe(true);
  });
});
