/** What the repository says about itself is true and about itself alone. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { files, read, root } from './sources.ts';

const documents = files('{*.md,{main,test,bench,preload}/**/*.md}');
const texts = files('{*,{.ci,.github,main,preload,renderer,test,bench}/**/*}').filter((file) =>
  /\.(ts|tsx|mjs|js|json|md|yml|yaml|py|ipynb|sh|txt|html)$|\/(run|lakepass)$/.test(file),
);
const scripts: Record<string, string> = JSON.parse(read('package.json')).scripts;

describe.each(documents)('%s', (document) => {
  const text = read(document);

  it('links only to files that are there', () => {
    const links = [...text.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g)].map(([, target]) => String(target));
    expect(links.filter((target) => !existsSync(join(root, dirname(document), target)))).toEqual([]);
  });

  it('names only npm scripts that are there', () => {
    const named = [...text.matchAll(/\bnpm (?:run )?(?:--silent )?((?<=run )[\w:-]+|test\b|start\b)/g)].map(([, name]) => String(name));
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });
});

describe('the repository', () => {
  it('has the documents a stranger looks for', () => {
    expect(documents).toEqual(expect.arrayContaining(['CHANGELOG.md', 'CONTRIBUTING.md', 'README.md', 'SECURITY.md']));
    expect(read('LICENSE')).toMatch(/Apache License\s+Version 2\.0/);
  });

  // Put together here, so that this file does not find itself.
  const strangers = [
    ['/wo', 'rk/'],
    ['shared/', 'design'],
    ['BRI', 'EF.md'],
    ['issues ', 'show'],
    ['(design|identity|electron|feasibility|databricks-auth|style|aesthetics|peers)', '\\.md'],
  ];
  it.each(strangers.map((parts) => parts.join('')))('never mentions %s, which only its makers could read', (words) => {
    const found = texts.filter((file) => file !== 'package-lock.json' && new RegExp(words).test(read(file)));
    expect(found).toEqual([]);
  });

  it('opens every product file with what the file is for', () => {
    expect(files('{main,preload}/**/*.ts').filter((file) => !/^(#!.*\n)?\/\*\*/.test(read(file)))).toEqual([]);
  });
});
