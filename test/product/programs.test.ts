/**
 * Which program asks, and may it? Real programs of a real user, on the built product with the policy that needs no file: a touch for
 * everything that is new. Each of them is a way in which programs are started, live on, or get hold of an address that is not theirs.
 */
import { randomBytes } from 'node:crypto';
import { chownSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Prompt } from '../fixtures/scripted-person.ts';
import { attacker, itWithSecondUser, runAs } from '../machine/accounts.ts';
import type { Started, Terminal } from '../machine/terminal.ts';
import { ended, isAlive, type Product, startProduct } from './product.ts';

let product: Product;

beforeAll(async () => {
  product = await startProduct({ policy: null });
  await product.signIn();
});
afterAll(() => product.close());

const lakepassLine = (...args: string[]): string => [...product.command.words, ...args].map((word) => `'${word}'`).join(' ');

/** The person answers what comes first. */
async function approve(expected: object = {}, span?: string): Promise<Prompt> {
  const ui = await product.openUi();
  const prompt = await ui.prompt();
  expect(prompt).toMatchObject(expected);
  await ui.approve(prompt.id, span);
  return prompt;
}
async function deny(expected: object, reach: 'once' | 'run' | 'always' = 'once'): Promise<Prompt> {
  const ui = await product.openUi();
  const prompt = await ui.prompt();
  expect(prompt).toMatchObject(expected);
  await ui.deny(prompt.id, reach);
  return prompt;
}

interface AuditRecord {
  type: string;
  [field: string]: unknown;
}
const auditRecords = async (): Promise<AuditRecord[]> =>
  ((await product.json('audit', '--limit', '1000')) as { records: AuditRecord[] }).records;
interface Listed {
  id: string;
  state: string;
  label: string;
  scopes: string[];
  members: number;
}
const grantNamed = async (label: string): Promise<Listed | undefined> =>
  ((await product.json('grants'))['grants'] as Listed[]).find((grant) => grant.label === label);

const place = (name: string): string => join(product.home, name);

/** Asks once with what is in the environment, and writes what came of it: `TOKEN` or a code, never the token. */
const askLine = (file: string): string =>
  `curl -q -s -m 15 -H 'X-Databricks-Metadata-Version: 1' -H "X-Databricks-Host: $DATABRICKS_HOST" "$DATABRICKS_METADATA_SERVICE_URL" ` +
  `| sed -E 's/.*"access_token".*/TOKEN/; s/.*"error": *"([A-Z_]+)".*/\\1/' >'${file}.part'; mv '${file}.part' '${file}'`;

const fresh = (): string => place(`answer-${randomBytes(4).toString('hex')}`);
async function answerIn(file: string, seconds = 20): Promise<string> {
  for (let looks = 0; looks < seconds * 20 && !existsSync(file); looks += 1) await wait(50);
  return readFileSync(file, 'utf8').trim();
}

/** `lakepass run` around a shell that does as it is told, line by line; approved by the person. */
async function runShell(
  label: string,
  terminal: Terminal = product.terminal,
): Promise<{ run: Started; tell: (line: string) => void; said: () => string }> {
  const { words, env } = product.command;
  const run = terminal.start(words[0] ?? '', [...words.slice(1), 'run', '-s', 'sql', '--label', label, '--', '/bin/sh'], {
    env,
    input: true,
  });
  let text = '';
  run.stderr.on('data', (part: Buffer) => (text += part.toString()));
  run.stdout.resume();
  await approve({ purpose: 'create', label });
  return { run, tell: (line) => void run.stdin?.write(`${line}\n`), said: () => text };
}

describe('a run', () => {
  it('knows a kernel that is started anew: a new child of its tree is not asked about', async () => {
    const { run, tell } = await runShell('notebook');
    for (const file of [fresh(), fresh()]) {
      // A kernel of its own each time, started by a server that stays.
      const kernel = place('kernel.sh');
      writeFileSync(kernel, `${askLine(file)}\n`);
      tell(`sh '${kernel}'; true`);
      expect(await answerIn(file)).toBe('TOKEN');
    }
    run.stdin?.end();
    expect((await ended(run)).code).toBe(0);
  });

  it('goes on with what it has left behind and was seen before, and ends when that exits', async () => {
    const { run, tell } = await runShell('left behind');
    const [first, second, pidFile] = [fresh(), fresh(), fresh()];
    const left = place('left.sh');
    writeFileSync(left, `${askLine(first)}\nwhile [ ! -e '${second}.go' ]; do sleep 0.1; done\n${askLine(second)}\nsleep 2\n`, {
      mode: 0o755,
    });
    tell(`nohup sh '${left}' >/dev/null 2>&1 & echo $! >'${pidFile}'`);
    expect(await answerIn(first)).toBe('TOKEN');
    run.stdin?.end();
    expect((await ended(run)).code).toBe(0);
    const pid = Number(readFileSync(pidFile, 'utf8'));
    expect(isAlive(pid)).toBe(true);
    // Longer than it takes to notice that the run's own process has gone.
    await wait(3000);
    expect(await grantNamed('left behind')).toMatchObject({ state: 'live' });
    writeFileSync(`${second}.go`, '');
    expect(await answerIn(second)).toBe('TOKEN');
    while (isAlive(pid)) await wait(50);
    await expect.poll(async () => (await grantNamed('left behind'))?.state).toBe('revoked');
  });

  it('is asked about a double fork that it has never seen, by name', async () => {
    const { run, tell, said } = await runShell('double fork');
    const file = fresh();
    const script = place('forked.sh');
    writeFileSync(script, `sleep 1\n${askLine(file)}\n`, { mode: 0o755 });
    // Its parent has gone before it is seen for the first time.
    tell(`(setsid sh '${script}' >/dev/null 2>&1 &)`);
    const prompt = await deny({ purpose: 'use', label: 'double fork' }, 'run');
    expect(prompt.caller.title).toMatch(/curl/);
    expect(await answerIn(file)).toMatch(/^CONSENT_(DENIED|PENDING)$/);
    await expect.poll(said).toContain('you refused it');
    expect(said()).toMatch(/you are asked whether .*curl/);
    run.stdin?.end();
    await ended(run);
  });

  it('stays while its child lives although it was killed itself, and ends within seconds where nothing lives', async () => {
    const { run, tell } = await runShell('killed');
    const [file, pidFile, go] = [fresh(), fresh(), fresh()];
    tell(`echo $$ >'${pidFile}'; while [ ! -e '${go}' ]; do sleep 0.1; done; ${askLine(file)}`);
    await answerIn(pidFile);
    const pid = await run.pid;
    // The run itself and its child: killed before it has told of its child, a run leaves nobody behind.
    await expect.poll(async () => (await grantNamed('killed'))?.members).toBe(2);
    process.kill(pid, 'SIGKILL');
    while (isAlive(pid)) await wait(20);
    await wait(3000);
    expect(await grantNamed('killed')).toMatchObject({ state: 'live' });
    writeFileSync(go, '');
    expect(await answerIn(file)).toBe('TOKEN');
    process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL');
    await expect.poll(async () => (await grantNamed('killed'))?.state).toBe('revoked');
  });

  it('is widened while it runs: the same address gives a token with the wider scopes', async () => {
    const { run, tell } = await runShell('widened');
    const { id, scopes } = (await grantNamed('widened')) ?? { id: '', scopes: [] };
    const [before, after] = [fresh(), fresh()];
    tell(askLine(before));
    expect(await answerIn(before)).toBe('TOKEN');
    const adding = product.lakepass(['grants', 'add', id, 'ml']);
    await approve({ purpose: 'widen', grant: id });
    expect((await adding).code).toBe(0);
    tell(askLine(after));
    expect(await answerIn(after)).toBe('TOKEN');
    const wider = (await grantNamed('widened'))?.scopes ?? [];
    expect(wider.length).toBeGreaterThan(scopes.length);
    const served = (await auditRecords()).filter((record) => record.type === 'token.served' && record['grant'] === id);
    expect(served.at(-1)?.['scopes']).toEqual(wider);
    run.stdin?.end();
    await ended(run);
  });
});

describe('an address in other hands', () => {
  it('copied out of a saved notebook: refused, the person is told which program tried, and after the end of the run its name is still recorded', async () => {
    const { run, tell, said } = await runShell('saved notebook');
    const saved = fresh();
    tell(`env | grep DATABRICKS_ | sed "s/=/='/; s/$/'/; s/^/export /" >'${saved}.part'; mv '${saved}.part' '${saved}'`);
    await answerIn(saved);
    const { id } = (await grantNamed('saved notebook')) ?? { id: '' };
    const other = await product.openTerminal();
    const file = fresh();
    const trying = ended(other.start('/bin/sh', ['-c', `. '${saved}'; ${askLine(file)}`]));
    const prompt = await deny({ purpose: 'use', grant: id }, 'once');
    expect(prompt.caller.title).toMatch(/curl/);
    expect(prompt).toHaveProperty('expected.title');
    expect(await answerIn(file)).toBe('CONSENT_DENIED');
    await trying;
    expect(said()).toMatch(/you are asked whether .*curl.* may use a grant made for another program/);
    const unexpected = async () => (await auditRecords()).filter((record) => record.type === 'caller.unexpected' && record['grant'] === id);
    await expect.poll(unexpected).toContainEqual(expect.objectContaining({ caller: expect.stringMatching(/curl$/) }));

    run.stdin?.end();
    await ended(run);
    await expect.poll(async () => (await grantNamed('saved notebook'))?.state).toBe('revoked');
    const late = fresh();
    const otherProgram = place('another-program');
    copyFileSync('/usr/bin/curl', otherProgram);
    chownSync(otherProgram, product.machine.user.uid, product.machine.user.gid);
    await ended(other.start('/bin/sh', ['-c', `. '${saved}'; ${askLine(late).replace('curl', otherProgram)}`]));
    expect(await answerIn(late)).toBe('GRANT_REVOKED');
    const refusals = async () => (await auditRecords()).filter((record) => record.type === 'token.refused' && record['grant'] === id);
    await expect.poll(refusals).toContainEqual(expect.objectContaining({ code: 'GRANT_REVOKED', caller: otherProgram }));
    rmSync(saved);
  });

  it('handed to an instance that runs already: that one is asked about, and both programs are named', async () => {
    const other = await product.openTerminal();
    const [fifo, file] = [place('handed'), fresh()];
    await product.run('mkfifo', [fifo]);
    // An editor's first window, which opens whatever later ones hand to it.
    const line = `. '${fifo}.env'; ${askLine(file)}`;
    const editor = ended(other.start('/bin/sh', ['-c', `cat '${fifo}' >'${fifo}.env'; ${line}`]));
    const { run, tell } = await runShell('editor');
    tell(`env | grep DATABRICKS_ | sed "s/=/='/; s/$/'/; s/^/export /" >'${fifo}'`);
    const prompt = await approve({ purpose: 'use', label: 'editor' }, 'once');
    const both = prompt as Prompt & { expected: { title: string } };
    expect(both.caller.title).toMatch(/curl/);
    expect(both.expected.title).toMatch(/node|lakepass|sh/);
    expect(await answerIn(file)).toBe('TOKEN');
    await editor;
    run.stdin?.end();
    await ended(run);
  });

  it('used by a second script under the same Python: asked about, although the first one was approved for hours', {
    timeout: 120_000,
  }, async () => {
    const python = await product.machine.python();
    const { run, tell } = await runShell('python');
    const saved = fresh();
    tell(`env | grep DATABRICKS_ | sed "s/=/='/; s/$/'/; s/^/export /" >'${saved}.part'; mv '${saved}.part' '${saved}'`);
    await answerIn(saved);
    const script = (name: string, file: string): string => {
      const path = place(name);
      const source = `import os, re, urllib.request, urllib.error
headers = {'X-Databricks-Metadata-Version': '1', 'X-Databricks-Host': os.environ['DATABRICKS_HOST']}
try:
    text = urllib.request.urlopen(urllib.request.Request(os.environ['DATABRICKS_METADATA_SERVICE_URL'], headers=headers), timeout=15).read().decode()
except urllib.error.HTTPError as error:
    text = error.read().decode()
found = re.search(r'"error": *"([A-Z_]+)"', text)
open('${file}', 'w').write('TOKEN' if 'access_token' in text else found.group(1) if found else 'nothing')
`;
      writeFileSync(path, source, { mode: 0o644 });
      return path;
    };
    const other = await product.openTerminal();
    const start = (path: string) => ended(other.start('/bin/sh', ['-c', `. '${saved}'; '${python}' '${path}'; true`]));
    const [first, again, second] = [fresh(), fresh(), fresh()];
    const one = script('one.py', first);
    const running = start(one);
    await approve({ purpose: 'use', label: 'python' }, 'hours');
    expect(await answerIn(first)).toBe('TOKEN');
    await running;
    // The same script again, in the same folder: it was approved for hours.
    script('one.py', again);
    await start(one);
    expect(await answerIn(again)).toBe('TOKEN');
    const trying = start(script('two.py', second));
    const prompt = await deny({ purpose: 'use', label: 'python' }, 'run');
    expect(JSON.stringify(prompt.caller)).toContain('two.py');
    expect(await answerIn(second)).toBe('CONSENT_DENIED');
    await trying;
    // After a no for this run nobody is asked any more.
    rmSync(second);
    await start(place('two.py'));
    expect(await answerIn(second)).toBe('CONSENT_DENIED');
    run.stdin?.end();
    await ended(run);
    rmSync(saved);
  });
});

describe('a shell', () => {
  it('has its grant from `lakepass env`, with all that it starts, until it exits', async () => {
    const [file, second] = [fresh(), fresh()];
    const line = `set -e; eval "$(${lakepassLine('env', '-s', 'sql', '--label', 'a shell')})"; ${askLine(file)}; bash -c 'true; exec sh -c "$0"' ${JSON.stringify(askLine(second)).replaceAll('$', '\\$')}`;
    const shell = product.terminal.start('/bin/bash', ['-c', line], { env: product.command.env });
    const over = ended(shell);
    await approve({ purpose: 'create', label: 'a shell' });
    const { code, stderr } = await over;
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    expect(await answerIn(file)).toBe('TOKEN');
    expect(await answerIn(second)).toBe('TOKEN');
    await expect.poll(async () => (await grantNamed('a shell'))?.state).toBe('revoked');
  });

  it('is asked for its first `lakepass token`, and not for its second', async () => {
    const [file, second] = [fresh(), fresh()];
    const token = (to: string): string =>
      `${lakepassLine('token', '-s', 'sql')} | sed -E 's/.*"access_token".*/TOKEN/' | grep -c TOKEN >'${to}.part'; mv '${to}.part' '${to}'`;
    const shell = product.terminal.start('/bin/bash', ['-c', `${token(file)}; ${token(second)}; true`], { env: product.command.env });
    const over = ended(shell);
    await approve({ purpose: 'create' });
    expect((await over).code).toBe(0);
    expect(await answerIn(file)).toBe('1');
    expect(await answerIn(second)).toBe('1');
  });
});

describe('what speaks for others', () => {
  const tools = (): string => place('tools');

  it('is refused with CALLER_REFUSED: a container, and a forwarder, even inside the run', async () => {
    const { run, tell } = await runShell('forwarded');
    if (!existsSync(tools())) mkdirSync(tools());
    chownSync(tools(), product.machine.user.uid, product.machine.user.gid);
    // A forwarder by its name: anybody may be behind it.
    const socat = join(tools(), 'socat');
    copyFileSync('/usr/bin/curl', socat);
    chownSync(socat, product.machine.user.uid, product.machine.user.gid);
    const [forwarded, contained] = [fresh(), fresh()];
    tell(askLine(forwarded).replace('curl', socat));
    expect(await answerIn(forwarded)).toBe('CALLER_REFUSED');
    // A mount namespace of its own is what containers have; the user namespace is how it is had without being root.
    const inside = place('inside.sh');
    writeFileSync(inside, `${askLine(contained)}\n`, { mode: 0o755 });
    tell(`unshare --user --map-root-user --mount sh '${inside}'`);
    expect(await answerIn(contained)).toBe('CALLER_REFUSED');
    const denied = (await auditRecords()).filter(({ type }) => type === 'policy.denied').map(({ callerKind }) => callerKind);
    await expect.poll(async () => denied).toEqual(expect.arrayContaining(['forwarder', 'container']));
    run.stdin?.end();
    await ended(run);
  });
});

describe('another user of the machine', () => {
  itWithSecondUser('is dropped at the door of the pages before a byte is read, and recorded', async () => {
    const { origin, hash } = new URL((await product.json('ui'))['url'] as string);
    const body = JSON.stringify({ code: hash.slice(1) });
    const headers = ['-H', `Origin: ${origin}`, '-H', 'Content-Type: application/json', '-H', 'Sec-Fetch-Site: same-origin'];
    const args = ['-q', '-sS', '-m', '10', ...headers, '--data-binary', body, `${origin}/v1/enter`];
    const enemy = attacker();
    const { code, stdout } = await runAs(enemy, 'curl', args, { home: '/' });
    expect({ dropped: [52, 56].includes(code ?? 0), stdout }).toEqual({ dropped: true, stdout: '' });
    const dropped = { type: 'door.foreign-user', door: 'pages', uid: enemy.uid };
    await expect.poll(auditRecords).toContainEqual(expect.objectContaining(dropped));
    // The code was not spent by that.
    expect((await product.run('curl', args)).stdout).toContain('bearer');
  });
});
