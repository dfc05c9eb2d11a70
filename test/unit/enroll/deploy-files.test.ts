/** What IT deploys says what the program understands: made of its table, well-formed, and read back by its own readers. */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DOMParser, type Element } from '@xmldom/xmldom';
import { describe, expect, it, onTestFinished } from 'vitest';
import { deployFiles } from '../../../main/enroll/deploy-files.ts';
import { managedSettingsSchema } from '../../../main/enroll/managed-settings.ts';
import { settingModes, settingNames, settingsTable } from '../../../main/enroll/settings.ts';

const folder = new URL('../../../deploy/', import.meta.url);
const files = deployFiles();
const content = (file: string): string => files[file] ?? '';

function parseXml(text: string): Element {
  const onError = (_: unknown, message: string): never => {
    throw new Error(message);
  };
  const { documentElement } = new DOMParser({ onError }).parseFromString(text, 'text/xml');
  if (documentElement === null) throw new Error('there is no element');
  return documentElement;
}
const all = (root: Element, name: string): Element[] => Array.from(root.getElementsByTagName(name));
const attributes = (root: Element, name: string, attribute: string): string[] =>
  all(root, name).map((each) => each.getAttribute(attribute) ?? '');

describe('deploy/', () => {
  it.each(Object.keys(files))('%s is what the table of settings makes (after a change: npm run deploy:files)', (file) => {
    expect(fs.readFileSync(new URL(file, folder), 'utf8')).toBe(content(file));
  });

  it.each(['lakepass.admx', 'en-US/lakepass.adml', 'lakepass.mobileconfig'])(
    '%s is well-formed, and one that is cut off is not',
    (file) => {
      expect(parseXml(content(file)).nodeName).toMatch(/^(policyDefinitions|policyDefinitionResources|plist)$/);
      expect(() => parseXml(content(file).replace(/<\/\w+>\s*$/, ''))).toThrow();
    },
  );

  it('shows managed settings that the program takes, with every setting there is', () => {
    const { settings } = managedSettingsSchema.parse(JSON.parse(content('managed.json')));
    expect(Object.keys(settings)).toEqual(settingNames);
  });

  it('publishes a schema that is closed and names every setting', () => {
    const { additionalProperties, required, properties } = JSON.parse(content('managed.schema.json'));
    expect([additionalProperties, required]).toEqual([false, ['managedBy']]);
    expect(Object.keys(properties.settings.properties)).toEqual(settingNames);
    expect(properties.settings.additionalProperties).toBe(false);
  });

  it('brings a profile whose payload says the same as the file for Linux', () => {
    const [outer] = all(parseXml(content('lakepass.mobileconfig')), 'dict');
    const profile = readDict(outer);
    const [payload] = profile['PayloadContent'] as Record<string, unknown>[];
    const { PayloadType, ...rest } = payload ?? {};
    expect(PayloadType).toBe('com.lakepass');
    const own = Object.fromEntries(Object.entries(rest).filter(([key]) => !key.startsWith('Payload')));
    expect(own).toEqual(JSON.parse(content('managed.json')));
    // What would be the same in two companies is not installable as it is.
    expect([profile['PayloadUUID'], rest['PayloadUUID'], rest['PayloadOrganization']]).toEqual([
      'REPLACE-WITH-A-UUID',
      'REPLACE-WITH-ANOTHER-UUID',
      'REPLACE-WITH-YOUR-ORGANIZATION',
    ]);
  });

  it('brings templates with a policy for each setting: its value, its mode, where the program reads them', () => {
    const admx = parseXml(content('lakepass.admx'));
    const policies = all(admx, 'policy');
    expect(policies.map((each) => each.getAttribute('name'))).toEqual(['organization', ...settingNames]);
    for (const policy of policies.slice(1)) {
      const name = policy.getAttribute('name');
      expect(policy.getAttribute('key')).toBe(`Software\\Policies\\Lakepass\\Settings\\${name}`);
      expect(policy.getAttribute('class')).toBe('Machine');
      const elements = [...all(policy, 'text'), ...all(policy, 'enum')];
      expect(elements.map((each) => each.getAttribute('valueName')).sort()).toEqual(['mode', 'value']);
    }
    for (const [name, choices] of enumsOf(admx)) {
      const [setting = '', kind] = name.split('_');
      if (kind === 'mode') expect(choices).toEqual(settingModes);
      else for (const value of choices) expect(settingsTable[setting as 'lease'].value.safeParse(value).success).toBe(true);
    }
  });

  it('has words for whatever the templates name, and a box for each element', () => {
    const [admx, adml] = [parseXml(content('lakepass.admx')), parseXml(content('en-US/lakepass.adml'))];
    const named = (kind: string) => [
      ...new Set([...content('lakepass.admx').matchAll(new RegExp(`\\$\\(${kind}\\.(\\w+)\\)`, 'g'))].map(([, id]) => id)),
    ];
    const strings = all(adml, 'string').map((each) => each.getAttribute('id'));
    expect(named('string').filter((id) => !strings.includes(id ?? ''))).toEqual([]);
    expect(new Set(strings).size).toBe(strings.length);
    expect(named('presentation')).toEqual(attributes(adml, 'presentation', 'id'));
    const ids = [...attributes(admx, 'text', 'id'), ...attributes(admx, 'enum', 'id')];
    expect([...attributes(adml, 'textBox', 'refId'), ...attributes(adml, 'dropdownList', 'refId')].sort()).toEqual(ids.sort());
    expect(adml.getAttribute('revision')).toBe(all(admx, 'resources')[0]?.getAttribute('minRequiredRevision'));
  });
});

function enumsOf(admx: Element): [string, string[]][] {
  return all(admx, 'enum').map((each) => [each.getAttribute('id') ?? '', all(each, 'string').map((value) => value.textContent ?? '')]);
}

/** A plist's dict, as far as the profile goes: dicts, arrays, text and whole numbers. */
function readDict(dict: Element | undefined): Record<string, unknown> {
  const children = elementsOf(dict);
  const pairs: [string, unknown][] = [];
  for (let at = 0; at < children.length; at += 2) pairs.push([children[at]?.textContent ?? '', readValue(children[at + 1])]);
  return Object.fromEntries(pairs);
}
function readValue(value: Element | undefined): unknown {
  if (value?.nodeName === 'dict') return readDict(value);
  if (value?.nodeName === 'array') return elementsOf(value).map(readValue);
  return value?.nodeName === 'integer' ? Number(value.textContent) : value?.textContent;
}
const elementsOf = (parent: Element | undefined): Element[] =>
  Array.from(parent?.childNodes ?? []).filter((node): node is Element => node.nodeType === 1);

describe('deploy/detect.sh', () => {
  const managed = { organization: 'Acme', revision: 7, hash: 'ab', revoked: false };
  /** As the agent answers; its policy has a revision of its own. */
  const status = (changes: object = {}) => ({ version: '0.1.0', policy: { id: 'p', revision: '99' }, managed: { ...managed, ...changes } });

  /** A machine with a program that answers, and settings that are safe. */
  function machine(answer: unknown, indent?: number) {
    const top = fs.mkdtempSync(path.join(os.tmpdir(), 'lp-'));
    onTestFinished(() => fs.rmSync(top, { recursive: true, force: true }));
    const etc = path.join(top, 'lakepass');
    fs.mkdirSync(etc, { mode: 0o755 });
    const found = { top, etc, file: path.join(etc, 'managed.json'), program: path.join(top, 'program') };
    fs.writeFileSync(found.file, '{}', { mode: 0o644 });
    fs.writeFileSync(path.join(top, 'answer'), JSON.stringify(answer, null, indent));
    fs.writeFileSync(found.program, `#!/bin/sh\n[ "$*" = 'status --json --no-start' ] || exit 9\ncat '${top}/answer'\n`, { mode: 0o755 });
    return found;
  }
  function moveBehindLink(name: string): void {
    fs.renameSync(name, `${name}-elsewhere`);
    fs.symlinkSync(`${name}-elsewhere`, name);
  }
  const detect = ({ top, file, program }: ReturnType<typeof machine>, ...more: string[]) =>
    new Promise<{ code: number; said: string }>((resolve) => {
      const owner = String(process.getuid?.());
      const given = ['--top', top, '--file', file, '--program', program, '--owner', owner, '--revision', '7', ...more];
      const child = execFile('/bin/sh', [new URL('detect.sh', folder).pathname, ...given], (_, said) =>
        resolve({ code: child.exitCode ?? -1, said }),
      );
    });

  it.each([undefined, 2])('is content with a device as IT wants it (indented by %s)', async (indent) => {
    const tapKeys = { wanted: { atLeast: 2, models: null }, counted: 0, keys: [{ id: 'k', counts: false }] };
    const problem = { code: 'BUNDLE_UNREACHABLE', detail: 'a } and a \\" in it' };
    for (const more of [{}, { tapKeys, problem }])
      expect(await detect(machine(status(more), indent))).toEqual({ code: 0, said: 'compliant: enrolled at revision 7\n' });
  });

  it.each<[string, number, (found: ReturnType<typeof machine>) => void]>([
    ['is not installed', 1, ({ program }) => fs.rmSync(program)],
    ['has no settings', 2, ({ file }) => fs.rmSync(file)],
    ['has settings that a group can write', 2, ({ file }) => fs.chmodSync(file, 0o664)],
    ['has settings that everybody can write', 2, ({ file }) => fs.chmodSync(file, 0o646)],
    ['has a folder that others can write', 2, ({ etc }) => fs.chmodSync(etc, 0o775)],
    ['has settings that are a link', 2, ({ file }) => moveBehindLink(file)],
    ['has a folder that is a link', 2, ({ etc }) => moveBehindLink(etc)],
    ['has no agent that answers', 3, ({ program }) => fs.writeFileSync(program, '#!/bin/sh\nexit 4\n')],
  ])('one that %s ends with %i', async (_, code, spoil) => {
    const found = machine(status());
    spoil(found);
    expect(await detect(found)).toMatchObject({ code, said: expect.stringMatching(/^not compliant: .+\n$/) });
  });

  it('finds settings that another user owns', async () => {
    expect(await detect(machine(status()), '--owner', String((process.getuid?.() ?? 0) + 1))).toMatchObject({ code: 2 });
  });

  it.each<[string, unknown]>([
    ['is nobody’s', { version: '0.1.0', policy: { revision: '99' } }],
    ['is at an older revision', status({ revision: 6 })],
    ['is revoked', status({ revoked: true })],
    ['says no revision', status({ revision: undefined })],
    ['says a revision within a name', { version: '0.1.0', note: '"managed":{"revision":9,"revoked":false}' }],
    ['says it within a part', { version: '0.1.0', managed: { tapKeys: { revision: 9, revoked: false } } }],
    ['says it of something else', { version: '0.1.0', other: { managed: { revision: 9, revoked: false } } }],
    ['says it beside a text of that name', { note: 'managed', more: { revision: 9, revoked: false } }],
    ['says a revision that is text', status({ revision: '7' })],
    ['says nothing', ''],
  ])('one that %s ends with 4', async (_, answer) => {
    expect(await detect(machine(answer))).toMatchObject({ code: 4 });
  });

  it.each([['--revision', 'x'], ['--revision'], ['--what', '1'], ['--file', 'relative.json']])(
    'is used wrongly with %s %s',
    async (...more) => {
      expect(await detect(machine(status()), ...more)).toMatchObject({ code: 64 });
    },
  );
});
