/** What the pages say stands in one table, and what they look like in sheets of their own: nothing beside them, and nothing left over in them. */
import { dirname, posix } from 'node:path';
import { parseAst } from 'rolldown/parseAst';
import { describe, expect, it } from 'vitest';
import { files, read } from '../house/sources.ts';

const components = files('renderer/**/*.tsx');
const sources = files('renderer/**/*.{ts,tsx}').filter((file) => file !== 'renderer/texts.ts' && !file.endsWith('.d.ts'));
const all = sources.map(read).join('\n');

type Node = { type: string } & Record<string, unknown>;
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';
function walk(value: unknown, visit: (node: Node) => void): void {
  if (Array.isArray(value)) for (const item of value) walk(item, visit);
  if (!isNode(value)) return;
  visit(value);
  for (const child of Object.values(value)) walk(child, visit);
}
const trees = new Map(components.map((file) => [file, parseAst(read(file), { lang: 'tsx' })]));

/** Letters that a component shows without asking the table for them. */
function wordsIn(file: string): string[] {
  const found: string[] = [];
  walk(trees.get(file), (node) => {
    if (node.type === 'JSXText' && /\p{L}/u.test(String(node['value']))) found.push(String(node['value']).trim());
    if (node.type !== 'JSXAttribute') return;
    const name = (node['name'] as { name?: unknown }).name;
    const value = node['value'];
    const isSpoken =
      typeof name === 'string' && ['aria-label', 'alt', 'title', 'placeholder', 'heading', 'lead', 'label', 'hint'].includes(name);
    if (isSpoken && isNode(value) && value.type === 'Literal') found.push(`${name}=${String(value['value'])}`);
  });
  return found;
}

describe('what the pages say', () => {
  it.each(components)('stands in the table and not in %s', (file) => {
    expect(wordsIn(file)).toEqual([]);
  });

  it('is found where it stands in a component, so that the rule above means something', () => {
    const tree = parseAst('export const A = () => <p title="Close">Hello {name}</p>;', { lang: 'tsx' });
    trees.set('a.tsx', tree);
    expect(wordsIn('a.tsx')).toEqual(['title=Close', 'Hello']);
    trees.delete('a.tsx');
  });

  it('is used: no name in the table is without a place that asks for it', () => {
    const names = new Set<string>();
    walk(parseAst(read('renderer/texts.ts'), { lang: 'ts' }), (node) => {
      if (node.type !== 'Property') return;
      const key = node['key'] as { type?: string; name?: string };
      if (key.type === 'Identifier' && key.name !== undefined) names.add(key.name);
    });
    // Words for a value of the agent's are looked up by that value, so its name stands there.
    const known = [all, ...files('{preload/contract,main}/**/*.ts').map(read)].join(' ');
    // The browser's own names of what can go wrong with a key.
    const isBrowsers = (name: string): boolean => name.endsWith('Error');
    expect([...names].filter((name) => !isBrowsers(name) && !new RegExp(`\\b${name}\\b`).test(known))).toEqual([]);
  });
});

const sheets = files('renderer/**/*.module.css');
const withoutComments = (css: string): string => css.replace(/\/\*[\s\S]*?\*\//g, '');
/** Selectors alone: what stands before a brace. */
const classesOf = (sheet: string): Set<string> =>
  new Set(
    [...withoutComments(read(sheet)).matchAll(/([^{};]+)\{/g)].flatMap(([, selector = '']) =>
      selector.startsWith('@') ? [] : [...selector.matchAll(/\.([A-Za-z][\w-]*)/g)].map(([, name]) => String(name)),
    ),
  );

/** Each sheet that a component imports, with the names it takes from it; '*': by a name that is computed. */
function stylesUsed(): Map<string, Set<string>> {
  const used = new Map<string, Set<string>>();
  for (const file of components) {
    const text = read(file);
    for (const [, local = '', path = ''] of text.matchAll(/import (\w+) from '(\.[^']+\.module\.css)'/g)) {
      const sheet = posix.join(dirname(file), path);
      const names = used.get(sheet) ?? new Set();
      for (const [, name] of text.matchAll(new RegExp(`\\b${local}\\.(\\w+)`, 'g'))) names.add(String(name));
      for (const [, name] of text.matchAll(new RegExp(`\\b${local}\\['([\\w-]+)'\\]`, 'g'))) names.add(String(name));
      if (new RegExp(`\\b${local}\\[[^']`).test(text)) names.add('*');
      used.set(sheet, names);
    }
  }
  return used;
}

describe('style sheets', () => {
  const used = stylesUsed();

  it('have every class a component asks for', () => {
    const missing = [...used].flatMap(([sheet, names]) =>
      [...names].filter((name) => name !== '*' && !classesOf(sheet).has(name)).map((name) => `${sheet} .${name}`),
    );
    expect(missing).toEqual([]);
  });

  it('have no class that nobody asks for', () => {
    const idle = sheets.flatMap((sheet) => {
      const names = used.get(sheet) ?? new Set();
      return names.has('*') ? [] : [...classesOf(sheet)].filter((name) => !names.has(name)).map((name) => `${sheet} .${name}`);
    });
    expect(idle).toEqual([]);
  });

  it('take every colour from the one table', () => {
    const coloured = sheets.filter((sheet) => /#[0-9a-f]{3,8}\b|\b(rgb|hsl|oklch)\(/i.test(withoutComments(read(sheet))));
    expect(coloured).toEqual([]);
  });
});
