/**
 * What IT puts into its product for managing devices, made of the table of settings: nothing in `deploy/` can name a setting that Lakepass
 * does not know, or leave one out.
 */
import { z } from 'zod';
import { managedSettingsSchema } from './managed-settings.ts';
import { choicesOf, type SettingMode, type SettingName, settingModes, settingNames, settingsTable } from './settings.ts';

/** What the files show; a company writes its own. */
// biome-ignore format: one line per setting, so that it reads as the table it is
const examples: Record<SettingName, { value: string; mode: SettingMode }> = {
  sessionLife: { value: '12 h', mode: 'userMayTighten' },
  sessionIdle: { value: '4 h', mode: 'userMayTighten' },
  longestGrant: { value: '8 h', mode: 'userMayTighten' },
  lease: { value: '5 min', mode: 'locked' },
  minimumAssurance: { value: 'phr', mode: 'locked' },
  fileGrants: { value: 'forbidden', mode: 'locked' },
  printedTokens: { value: 'allowed', mode: 'userMayTighten' },
  startAtLogin: { value: 'yes', mode: 'default' },
  theme: { value: 'system', mode: 'default' },
};

/** No key has this thumbprint, so what is installed unedited trusts nobody. */
const NO_KEY = 'REPLACE-WITH-THE-THUMBPRINT-OF-YOUR-KEY----';
const example = {
  managedBy: 'Acme',
  bundleUrl: 'https://it.acme.example/lakepass/bundle.jws.json',
  signingKey: NO_KEY,
  settings: examples,
};

const modeWords: Record<SettingMode, string> = {
  locked: 'Nobody changes it.',
  default: 'Where people start; they may change it.',
  userMayTighten: 'People may make it stricter, never looser.',
};

/** `sessionLife`: Session life */
const titleOf = (name: SettingName): string => {
  const words = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
};

const organization = {
  managedBy: { title: 'Managed by', means: 'The organization, as people know it.' },
  bundleUrl: {
    title: 'Address of the bundle',
    means: 'An https address; `lakepass admin bundle` makes the file. Empty: these settings alone.',
  },
  signingKey: {
    title: 'Key that signs the bundle',
    means: 'Its thumbprint, as `lakepass admin invite` prints it. Needed with an address.',
  },
} as const;

/** By path within `deploy/`, the whole of each file. */
export const deployFiles = (): Record<string, string> => ({
  'managed.json': json(example),
  'managed.schema.json': json(z.toJSONSchema(managedSettingsSchema, { io: 'input' })),
  'lakepass.mobileconfig': mobileconfig(),
  'lakepass.admx': admx(),
  'en-US/lakepass.adml': adml(),
  'settings.md': settingsPage(),
});

/** As Biome formats it: lists of words stand in one line. */
const json = (value: unknown): string =>
  `${JSON.stringify(value, null, 2).replaceAll(/\[\n\s+("[^"\n]*"(?:,\n\s+"[^"\n]*")*)\n\s+\]/g, (_, words: string) => `[${words.replaceAll(/\n\s+/g, ' ')}]`)}\n`;

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (character) => entities[character] ?? character);

type Attributes = Readonly<Record<string, string | number | boolean>>;
type Node = string;
/** An element; one line where it holds text alone. */
function element(name: string, attributes: Attributes = {}, inside: readonly Node[] | string = []): Node {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(String(value))}"`);
  const open = `${name}${written.join('')}`;
  if (typeof inside === 'string') return `<${open}>${escaped(inside)}</${name}>`;
  if (inside.length === 0) return `<${open}/>`;
  return [`<${open}>`, ...inside.map((node) => node.replaceAll(/^/gm, '  ')), `</${name}>`].join('\n');
}

const XML = '<?xml version="1.0" encoding="utf-8"?>\n';
const MADE = '<!-- Made by `npm run deploy:files` from the table of settings. -->\n';

// --- Windows: Group Policy and Intune ---

const KEY = 'Software\\Policies\\Lakepass';
const ADM = 'http://schemas.microsoft.com/GroupPolicy/2006/07/PolicyDefinitions';
const string = (id: string): string => `$(string.${id})`;

function admx(): string {
  const policy = (name: string, key: string, elements: readonly Node[]): Node =>
    element(
      'policy',
      {
        ...{ name, class: 'Machine', displayName: string(name), explainText: string(`${name}_means`) },
        ...{ presentation: `$(presentation.${name})`, key },
      },
      [element('parentCategory', { ref: 'Lakepass' }), element('supportedOn', { ref: 'AnyLakepass' }), element('elements', {}, elements)],
    );
  const choice = (name: string, valueName: string, values: readonly string[]): Node =>
    element(
      'enum',
      { id: `${name}_${valueName}`, valueName, required: true },
      values.map((value) =>
        element('item', { displayName: string(`${valueName}_${value}`) }, [element('value', {}, [element('string', {}, value)])]),
      ),
    );
  const valueChoice = (name: SettingName): Node => {
    const choices = choicesOf(name);
    if (choices !== null) return choice(name, 'value', choices);
    return element('text', { id: `${name}_value`, valueName: 'value', required: true, maxLength: 16 });
  };
  const root = element('policyDefinitions', { xmlns: ADM, revision: '1.0', schemaVersion: '1.0' }, [
    element('policyNamespaces', {}, [element('target', { prefix: 'lakepass', namespace: 'Lakepass.Policies.Lakepass' })]),
    element('resources', { minRequiredRevision: '1.0' }),
    element('supportedOn', {}, [
      element('definitions', {}, [element('definition', { name: 'AnyLakepass', displayName: string('AnyLakepass') })]),
    ]),
    element('categories', {}, [element('category', { name: 'Lakepass', displayName: string('Lakepass') })]),
    element('policies', {}, [
      policy('organization', KEY, [
        element('text', { id: 'managedBy', valueName: 'managedBy', required: true, maxLength: 80 }),
        element('text', { id: 'bundleUrl', valueName: 'bundleUrl', maxLength: 2000 }),
        element('text', { id: 'signingKey', valueName: 'signingKey', maxLength: 43 }),
      ]),
      ...settingNames.map((name) => policy(name, `${KEY}\\Settings\\${name}`, [valueChoice(name), choice(name, 'mode', settingModes)])),
    ]),
  ]);
  return `${XML}${MADE}${root}\n`;
}

function adml(): string {
  const values = new Set(settingNames.flatMap((name) => choicesOf(name) ?? []));
  const strings: Record<string, string> = {
    Lakepass: 'Lakepass',
    AnyLakepass: 'Lakepass 0.1 and later',
    organization: 'Organization and bundle',
    organization_means: Object.values(organization)
      .map(({ title, means }) => `${title}: ${means}`)
      .join('\n'),
    ...Object.fromEntries(settingNames.map((name) => [name, titleOf(name)])),
    ...Object.fromEntries(settingNames.map((name) => [`${name}_means`, meaningOf(name)])),
    ...Object.fromEntries(settingModes.map((mode) => [`mode_${mode}`, `${mode}: ${modeWords[mode]}`])),
    ...Object.fromEntries([...values].map((value) => [`value_${value}`, value])),
  };
  const textBox = (refId: string, label: string): Node => element('textBox', { refId }, [element('label', {}, label)]);
  const list = (refId: string, chosen: number, label: string): Node =>
    element('dropdownList', { refId, noSort: true, defaultItem: chosen }, label);
  const valueBox = (name: SettingName): Node => {
    const choices = choicesOf(name);
    if (choices !== null) return list(`${name}_value`, choices.indexOf(examples[name].value), 'Value');
    return element('textBox', { refId: `${name}_value` }, [
      element('label', {}, 'Value'),
      element('defaultValue', {}, examples[name].value),
    ]);
  };
  const modeBox = (name: SettingName): Node => list(`${name}_mode`, settingModes.indexOf(examples[name].mode), 'Mode');
  const root = element('policyDefinitionResources', { xmlns: ADM, revision: '1.0', schemaVersion: '1.0' }, [
    element('displayName', {}, 'Lakepass'),
    element('description', {}, 'What IT sets on a device with Lakepass.'),
    element('resources', {}, [
      element(
        'stringTable',
        {},
        Object.entries(strings).map(([id, text]) => element('string', { id }, text)),
      ),
      element('presentationTable', {}, [
        element(
          'presentation',
          { id: 'organization' },
          Object.entries(organization).map(([name, { title }]) => textBox(name, title)),
        ),
        ...settingNames.map((name) => element('presentation', { id: name }, [valueBox(name), modeBox(name)])),
      ]),
    ]),
  ]);
  return `${XML}${MADE}${root}\n`;
}

/** With what can be written. */
function meaningOf(name: SettingName): string {
  const choices = choicesOf(name);
  return `${settingsTable[name].means} ${choices === null ? 'A length of time, such as 90 s, 15 min, 8 h or 30 d.' : `One of: ${choices.join(', ')}.`}`;
}

// --- macOS: a configuration profile ---

function mobileconfig(): string {
  const text = (value: string): Node => element('string', {}, value);
  const dict = (pairs: Readonly<Record<string, Node>>): Node =>
    element(
      'dict',
      {},
      Object.entries(pairs).flatMap(([key, value]) => [element('key', {}, key), value]),
    );
  const payload = (type: string, uuid: string): Record<string, Node> => ({
    PayloadType: text(type),
    PayloadVersion: element('integer', {}, '1'),
    PayloadIdentifier: text(`REPLACE-WITH-YOUR-DOMAIN.${type}`),
    PayloadUUID: text(uuid),
    PayloadDisplayName: text('Lakepass'),
    PayloadOrganization: text('REPLACE-WITH-YOUR-ORGANIZATION'),
  });
  const root = dict({
    ...payload('Configuration', 'REPLACE-WITH-A-UUID'),
    PayloadScope: text('System'),
    PayloadContent: element('array', {}, [
      dict({
        ...payload('com.lakepass', 'REPLACE-WITH-ANOTHER-UUID'),
        ...{ managedBy: text(example.managedBy), bundleUrl: text(example.bundleUrl), signingKey: text(example.signingKey) },
        settings: dict(
          Object.fromEntries(
            settingNames.map((name) => [name, dict({ value: text(examples[name].value), mode: text(examples[name].mode) })]),
          ),
        ),
      }),
    ]),
  });
  const doctype = '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n';
  const todo = '<!-- Before it is installed, replace whatever begins with REPLACE, by `uuidgen` where it is a UUID; then sign it. -->\n';
  return `${XML}${doctype}${MADE}${todo}${element('plist', { version: '1.0' }, [root])}\n`;
}

// --- for people ---

function settingsPage(): string {
  const rows = settingNames.map((name) => {
    const values = choicesOf(name)?.map((value) => `\`${value}\``) ?? ['a length of time'];
    return `| \`${name}\` | ${settingsTable[name].means} | ${values.join(', ')} |`;
  });
  return [
    '# Settings',
    '',
    'Made by `npm run deploy:files`. Each has a `value` and a `mode`:',
    '',
    ...settingModes.map((mode) => `- \`${mode}\`: ${modeWords[mode]}`),
    '',
    '| name | what it means | values |',
    '| --- | --- | --- |',
    ...rows,
    '',
    'Lengths of time are written as `90 s`, `15 min`, `8 h` or `30 d`. Of two sources (this machine and the bundle) the stricter value holds.',
    '',
  ].join('\n');
}
