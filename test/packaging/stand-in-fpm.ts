#!/usr/bin/env node
/**
 * Stands in for fpm, which electron-builder fetches from GitHub: makes a real .deb of the same arguments, by Debian's own dpkg-deb. What is
 * tested with it is what we hand over (files, scripts, entries), not fpm.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

const text = { type: 'string' } as const;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ...{ s: { ...text, short: 's' }, t: { ...text, short: 't' }, d: { type: 'string', short: 'd', multiple: true } },
    ...{ force: { type: 'boolean' }, 'deb-recommends': { type: 'string', multiple: true }, 'deb-compression': text, 'deb-priority': text },
    ...{ architecture: text, 'after-install': text, 'after-remove': text, 'before-remove': text, description: text, version: text },
    ...{ package: text, name: text, maintainer: text, vendor: text, url: text, category: text, license: text },
  },
});
if (values.t !== 'deb') throw new Error(`this stand-in makes no ${values.t}`);
const required = (name: 'package' | 'after-install' | 'after-remove' | 'before-remove' | 'description'): string => {
  const value = values[name];
  if (value === undefined) throw new Error(`--${name} is missing`);
  return value;
};

const tree = mkdtempSync(join(tmpdir(), 'stand-in-fpm-'));
chmodSync(tree, 0o755);
try {
  for (const mapping of positionals) {
    const [from = '', to = ''] = mapping.split('=');
    mkdirSync(dirname(join(tree, to)), { recursive: true });
    cpSync(from, join(tree, to), { recursive: true, verbatimSymlinks: true });
  }
  const control = join(tree, 'DEBIAN');
  mkdirSync(control);
  const [summary = '', ...rest] = required('description').split('\n');
  const fields = {
    Package: values.name,
    Version: values.version,
    Architecture: values.architecture,
    Maintainer: values.maintainer,
    Section: values.category,
    Priority: values['deb-priority'],
    Homepage: values.url,
    Depends: values.d?.join(', '),
    Recommends: values['deb-recommends']?.join(', '),
    Description: [summary, ...rest.map((line) => ` ${line.trim()}`)].join('\n'),
  };
  writeFileSync(
    join(control, 'control'),
    `${Object.entries(fields)
      .map(([name, value]) => `${name}: ${value}`)
      .join('\n')}\n`,
  );
  const scripts = { postinst: required('after-install'), postrm: required('after-remove'), prerm: required('before-remove') };
  for (const [name, file] of Object.entries(scripts)) writeFileSync(join(control, name), await readFile(file), { mode: 0o755 });
  execFileSync('dpkg-deb', ['--build', '--root-owner-group', '-Znone', tree, required('package')], { stdio: 'inherit' });
} finally {
  rmSync(tree, { recursive: true });
}
