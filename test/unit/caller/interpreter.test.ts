/** Which script an interpreter runs, by its command line. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interpreters, readInterpreter } from '../../../main/caller/interpreter.ts';
import { run } from './fake-processes.ts';

const scriptOf = (executable: string, ...words: string[]) => readInterpreter(run(executable, ...words))?.script;

describe('the script of python', () => {
  it.each([
    ['train.py'.split(' '), 'train.py'],
    [['-u', '-B', 'train.py', '-c', 'x'], 'train.py'],
    [['-uB', 'train.py'], 'train.py'],
    [['-W', 'ignore', '-X', 'dev', 'train.py'], 'train.py'],
    [['-Wignore', '-Xdev', 'train.py'], 'train.py'],
    [['-uW', 'ignore', 'train.py'], 'train.py'],
    [['--check-hash-based-pycs', 'always', 'train.py'], 'train.py'],
    [['--check-hash-based-pycs=always', 'train.py'], 'train.py'],
    [['--', '-odd.py'], '-odd.py'],
    [['-m', 'ipykernel_launcher', '-f', '/run/kernel.json'], '-m ipykernel_launcher'],
    [['-mipykernel'], '-m ipykernel'],
    [['-Im', 'pip', 'install'], '-m pip'],
    [['-c', 'print(1)', 'train.py'], null],
    [['-Ic', 'print(1)'], null],
    [['-', 'train.py'], null],
    [['-i'], null],
    [['-m'], null],
    [['-W'], null],
    [[''], null],
    [[], null],
  ])('of %j is %j', (words, script) => {
    expect(scriptOf('/usr/bin/python3.11', ...words)).toBe(script);
  });
});

describe('the script of node', () => {
  it.each([
    [['server.js', '--port', '1'], 'server.js'],
    [['--require', './hook.js', 'server.js'], 'server.js'],
    [['--require=./hook.js', 'server.js'], 'server.js'],
    [['-r', './hook.js', '--no-warnings', 'server.js'], 'server.js'],
    [['--max-old-space-size=4096', '--inspect', 'server.js'], 'server.js'],
    [['--import', 'tsx', '--env-file', '.env', 'main.ts'], 'main.ts'],
    [['--title', 'x', 'inspect', 'server.js'], 'server.js'],
    [['-e', 'code', 'server.js'], null],
    [['-pe', 'code'], null],
    [['--eval=code'], null],
    [['--print', 'code', 'x.js'], null],
    [['--run', 'build'], null],
  ])('of %j is %j', (words, script) => {
    expect(scriptOf('/usr/bin/node', ...words)).toBe(script);
  });
});

describe('the script of a shell', () => {
  it.each([
    [['run.sh', '-c'], 'run.sh'],
    [['-e', '-u', 'run.sh'], 'run.sh'],
    [['-eo', 'pipefail', 'run.sh'], 'run.sh'],
    [['-oe', 'pipefail', 'run.sh'], 'run.sh'],
    [['+o', 'posix', '-O', 'extglob', 'run.sh'], 'run.sh'],
    [['--rcfile', '/etc/rc', 'run.sh'], 'run.sh'],
    [['--norc', 'run.sh'], 'run.sh'],
    [['-c', 'run.sh'], null],
    [['-lc', 'run.sh'], null],
    [['-exc', 'run.sh'], null],
    [['-s', 'run.sh'], null],
    [['-'], null],
    [[], null],
  ])('of %j is %j', (words, script) => {
    for (const shell of ['/bin/bash', '/bin/sh', '/usr/bin/zsh', '/bin/dash']) expect(scriptOf(shell, ...words)).toBe(script);
  });
});

describe('the script of others', () => {
  it.each([
    ['/usr/bin/java', ['-Xmx1g', '-Da=b', '-jar', 'app.jar', 'x'], 'app.jar'],
    ['/usr/bin/java', ['-cp', 'a:b', 'com.acme.Main', '-jar', 'x'], 'com.acme.Main'],
    ['/usr/bin/java', ['--class-path=a:b', '--add-opens', 'java.base/java.lang=ALL-UNNAMED', 'com.acme.Main'], 'com.acme.Main'],
    ['/usr/bin/java', ['-p', 'mods', '-m', 'acme/com.acme.Main'], '-m acme/com.acme.Main'],
    ['/usr/bin/java', ['@arguments'], null],
    ['/usr/lib/R/bin/exec/R', ['--no-echo', '--no-restore', '--file=fit.R', '--args', 'x'], 'fit.R'],
    ['/usr/lib/R/bin/exec/R', ['-f', 'fit.R'], 'fit.R'],
    ['/usr/lib/R/bin/exec/R', ['-e', 'code'], null],
    ['/usr/lib/R/bin/exec/R', ['--no-save', 'not-a-script'], null],
    ['/usr/lib/R/bin/Rscript', ['--vanilla', 'fit.R'], 'fit.R'],
    ['/usr/lib/R/bin/Rscript', ['-e', 'code'], null],
    ['/usr/bin/ruby3.1', ['-I', 'lib', '-rjson', 'a.rb'], 'a.rb'],
    ['/usr/bin/ruby', ['-ne', 'code', 'a.rb'], null],
    ['/usr/bin/perl', ['-Mstrict', '-w', '-Ilib', 'a.pl'], 'a.pl'],
    ['/usr/bin/perl', ['-lane', 'code', 'a.pl'], null],
    ['/usr/bin/fish', ['-C', 'code', 'a.fish'], 'a.fish'],
    ['/usr/bin/fish', ['--command', 'code'], null],
    ['/usr/bin/deno', ['run', '-A', '--config', 'deno.json', 'main.ts'], 'main.ts'],
    ['/usr/bin/deno', ['eval', 'code'], null],
    ['/usr/bin/bun', ['run', 'main.ts'], 'main.ts'],
    ['/usr/bin/bun', ['main.ts', 'run'], 'main.ts'],
    ['/usr/bin/pwsh', ['-NoProfile', '-File', 'a.ps1'], 'a.ps1'],
    ['/usr/bin/pwsh', ['-Command', 'code'], null],
    ['/bin/busybox', [], undefined],
  ])('%s %j is %j', (executable, words, script) => {
    expect(scriptOf(executable, ...words)).toBe(script);
  });
});

describe('an interpreter', () => {
  it.each([
    ['/usr/bin/python3.11', 'python'],
    ['/opt/venv/bin/python', 'python'],
    ['/usr/bin/python3.13t', 'python'],
    ['/opt/pypy3', 'python'],
    ['/usr/bin/python3.11 (deleted)', 'python'],
    ['C:\\Python\\python.exe', 'python'],
    ['/usr/bin/nodejs', 'node'],
    ['/usr/lib/jvm/java', 'java'],
    ['/usr/lib/R/bin/exec/R', 'R'],
    ['/usr/lib/R/bin/Rscript', 'R'],
    ['/bin/dash', 'dash'],
    ['/usr/bin/ruby3.1', 'ruby'],
    ['/usr/bin/perl5.36.0', 'perl'],
    ['/usr/bin/bun', 'bun'],
  ])('is known at %s as %s', (executable, name) => {
    expect(readInterpreter(run(executable))?.name).toBe(name);
  });

  it.each(['/usr/bin/dbt', '/usr/bin/pythonista-app', '/usr/bin/terraform', '/usr/bin/nodemon-bin', '/usr/bin/bashful'])(
    'is not what is at %s',
    (executable) => {
      expect(readInterpreter(run(executable))).toBeNull();
    },
  );

  it('is known by what it was called as, where one file is many programs', () => {
    const called = (name: string) => readInterpreter({ executable: '/bin/busybox', commandLine: [name, 'a.sh'] });
    expect(called('sh')).toEqual({ name: 'sh', script: 'a.sh' });
    expect(called('wget')).toBeNull();
  });

  it('is nobody the system does not name, whatever it calls itself', () => {
    expect(readInterpreter({ executable: null, commandLine: ['python3', 'a.py'] })).toBeNull();
  });

  it('has no script without a command line', () => {
    expect(readInterpreter({ executable: '/usr/bin/python3', commandLine: null })).toEqual({ name: 'python', script: null });
  });

  it('gives as its script only what stands in its command line, and never fails', () => {
    const word = fc.oneof(
      fc.string(),
      fc.constantFrom('-c', '-m', '-e', '--', '-', '-o', '--file=', '-jar', '@x', 'run', 'constructor', '__proto__'),
    );
    const files = ['python3', 'node', 'java', 'R', 'Rscript', 'bash', 'fish', 'pwsh', 'ruby', 'perl', 'deno', 'bun'];
    fc.assert(
      fc.property(fc.constantFrom(...files), fc.array(word, { maxLength: 8 }), (file, words) => {
        const script = scriptOf(`/usr/bin/${file}`, ...words) ?? null;
        expect(script === null || words.some((one) => one.includes(script.replace(/^-m /, '')))).toBe(true);
      }),
    );
    expect(files.length).toBe(interpreters.length);
  });
});
