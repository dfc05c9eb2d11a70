/** What becomes of the text when a section is written into it, and what a person is shown of that. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { bytesOf, type Lines, readLines, unreadableForPython } from '../../../main/databrickscfg/lines.ts';
import { diffOf, grantUrlsOf, isGrantUrl, putSection, sectionsOf } from '../../../main/databrickscfg/section.ts';
import { fileBytes, sectionName } from './arbitrary-file.ts';

const url = `http://127.0.0.1:23456/v1/metadata/${'s'.repeat(43)}`;
const keys = [
  ['host', 'https://acme.cloud.databricks.com'],
  ['auth_type', 'metadata-service'],
  ['metadata_service_url', url],
] as const;
const put = (text: string, section: string): string => putSection(readLines(Buffer.from(text)), section, keys).bytes.toString();
const ours = (end = '\n', indent = ''): string =>
  [`host                 = ${keys[0][1]}`, 'auth_type            = metadata-service', `metadata_service_url = ${url}`]
    .map((line) => indent + line + end)
    .join('');

/** The section as it was written, or why it was not. */
function attempt(bytes: Buffer, section: string): { before: Lines; after: Lines; bytes: Buffer } | AppError {
  const before = readLines(bytes);
  try {
    const written = putSection(before, section, keys);
    return { before, after: readLines(written.bytes), bytes: written.bytes };
  } catch (error) {
    if (error instanceof AppError && error.code === 'DATABRICKSCFG_INVALID') return error;
    throw error;
  }
}

const told = ({ lines }: Lines, section: string | null): string[] =>
  lines
    .filter((line) => line.section === section && line.kind !== 'blank')
    .map(({ raw, kind, key, value }) => JSON.stringify([kind, key, value, raw]));

describe('any file', () => {
  it('is put together again to the byte', () => {
    fc.assert(
      fc.property(fc.oneof(fileBytes, fc.uint8Array({ maxLength: 200 }).map(Buffer.from)), (bytes) =>
        bytesOf(readLines(bytes)).equals(Buffer.from(bytes)),
      ),
    );
  });

  it('keeps every line of every other section, and reads the section as it was written', () => {
    fc.assert(
      fc.property(fileBytes, sectionName, (bytes, section) => {
        const outcome = attempt(bytes, section);
        if (outcome instanceof AppError) return;
        const { before, after } = outcome;
        const others = new Set([...before.lines, ...after.lines].map((line) => line.section).filter((name) => name !== section));
        for (const other of others) expect(told(after, other)).toEqual(told(before, other));
        const written = after.lines.filter((line) => line.section === section && ['option', 'more', 'orphan'].includes(line.kind));
        expect(written.map(({ key, value }) => [key, value])).toEqual(keys);
        expect(grantUrlsOf(after).get(section)).toBe(url);
      }),
    );
  });

  it('loses nothing but the keys of the section: what is left stands there in the same order, byte for byte', () => {
    fc.assert(
      fc.property(fileBytes, sectionName, (bytes, section) => {
        const outcome = attempt(bytes, section);
        if (outcome instanceof AppError) return;
        const kept = outcome.before.lines
          .filter((line) => line.section !== section || ['header', 'comment'].includes(line.kind))
          .filter(({ kind }) => kind !== 'blank');
        let from = 0;
        const text = outcome.bytes.toString('latin1');
        for (const { raw } of kept) {
          const at = text.indexOf(raw, from);
          expect(at).toBeGreaterThanOrEqual(from);
          from = at + raw.length;
        }
      }),
    );
  });

  it('is not changed again by the same section', () => {
    fc.assert(
      fc.property(fileBytes, sectionName, (bytes, section) => {
        const once = attempt(bytes, section);
        if (once instanceof AppError) return;
        const twice = attempt(once.bytes, section);
        expect(twice instanceof AppError ? twice : twice.bytes.toString('latin1')).toBe(once.bytes.toString('latin1'));
      }),
    );
  });

  it('shows no value of anybody else, whatever it holds', () => {
    const secret = fc.constantFrom('dapi0123456789', 'p4ss-w0rd', 'ghs_abcdef');
    const file = fc
      .tuple(fc.constantFrom('DEFAULT', 'work'), secret, fc.constantFrom('token', 'client_secret', 'odd', 'Password', '# token', '; x'))
      .map(([name, value, key]) => `[other]\n${key} = ${value}\n[${name}]\n${key} = ${value}\n  ${value}\n[third]\n${key}: ${value}\n`);
    fc.assert(
      fc.property(file, sectionName, (text, section) => {
        const { changed } = putSection(readLines(Buffer.from(text)), section, keys);
        const lines = diffOf(changed, section)
          .map(({ line }) => line)
          .join('\n');
        expect(lines).not.toMatch(/dapi0123456789|p4ss-w0rd|ghs_abcdef|sssss/);
        expect(lines).toContain('metadata_service_url = http://127.0.0.1:23456/v1/metadata/…');
      }),
    );
  });
});

describe('a section', () => {
  it.each([
    ['an empty file', '', `[DEFAULT]\n${ours()}`],
    ['a file without a last line end', '[a]\nx = 1', `[a]\nx = 1\n\n[DEFAULT]\n${ours()}`],
    ['a file that ends with an empty line', '[a]\nx = 1\n\n', `[a]\nx = 1\n\n[DEFAULT]\n${ours()}`],
    ['a file of Windows', '[a]\r\nx = 1\r\n', `[a]\r\nx = 1\r\n\r\n[DEFAULT]\r\n${ours('\r\n')}`],
  ])('is added at the end of %s', (_, before, after) => {
    expect(put(before, 'DEFAULT')).toBe(after);
  });

  it('takes the place of what was there, unknown keys included; comments, header and blank lines stay', () => {
    const before =
      '; The profile defined in the DEFAULT section\n[DEFAULT] # mine\nhost = https://old\n# why\ntoken = dapi1\n  dapi2\nodd = 1\n\n# about b\n[b]\ntoken=2\ntoken=3\n';
    expect(put(before, 'DEFAULT')).toBe(
      `; The profile defined in the DEFAULT section\n[DEFAULT] # mine\n${ours()}# why\n\n# about b\n[b]\ntoken=2\ntoken=3\n`,
    );
  });

  it('is written where only its header stands, at the very end', () => {
    expect(put('[a]\nx=1\n[DEFAULT]', 'DEFAULT')).toBe(`[a]\nx=1\n[DEFAULT]\n${ours()}`);
  });

  it('stands as deep as the header that follows it, which would else go on with its value', () => {
    expect(put('  [a]\n  x = 1\n  [b]\n  y = 2\n', 'a')).toBe(`  [a]\n${ours('\n', '  ')}  [b]\n  y = 2\n`);
  });

  it('DEFAULT may stand in several places, which count together', () => {
    expect(put('[DEFAULT]\nhost = 1\n[a]\nx = 1\n[DEFAULT]\ntoken = 2\n', 'DEFAULT')).toBe(`[DEFAULT]\n${ours()}[a]\nx = 1\n[DEFAULT]\n`);
  });

  it('is refused where it stands twice', () => {
    expect(attempt(Buffer.from('[a]\nx=1\n[b]\n[a]\ny=2\n'), 'a')).toMatchObject({
      code: 'DATABRICKSCFG_INVALID',
      reason: 'twice',
      detail: expect.stringContaining('1, 4'),
    });
  });

  it('is refused where a header is one for some programs alone', () => {
    expect(attempt(Buffer.from('[a]\nhost = x\n  [b]\n  token = y\n'), 'a')).toMatchObject({
      code: 'DATABRICKSCFG_INVALID',
      reason: 'indented',
      detail: expect.stringContaining('Line 3'),
    });
  });
});

describe('the list of sections', () => {
  it('names how each signs in and where, without a secret', () => {
    const text = `[DEFAULT]\nhost = https://me:pw@a.example/x?token=1\ntoken = dapi1\n[m2m]\nhost=b.example\nclient_id=1\nclient_secret = s\n[ours]\nhost = https://acme.example\nauth_type = metadata-service\nmetadata_service_url = ${url}\n[vscode]\nmetadata_service_url = http://127.0.0.1:4000/6f1c\n[odd]\nauth_type = a b\n[__settings__]\ndefault_profile = ours\n[cli]\nauth_type=databricks-cli\n`;
    expect(sectionsOf(readLines(Buffer.from(text)))).toEqual([
      { name: 'DEFAULT', host: 'https://a.example', auth: 'pat', ours: false },
      { name: 'm2m', host: 'https://b.example', auth: 'oauth-m2m', ours: false },
      { name: 'ours', host: 'https://acme.example', auth: 'metadata-service', ours: true },
      { name: 'vscode', host: null, auth: 'metadata-service', ours: false },
      { name: 'odd', host: null, auth: 'unknown', ours: false },
      { name: 'cli', host: null, auth: 'databricks-cli', ours: false },
    ]);
  });

  it.each([
    'http://127.0.0.1.evil.example:1/v1/metadata/x',
    'http://localhost:2/v1/metadata/x',
    'https://127.0.0.1:2/v1/metadata/x',
    'http://127.0.0.1:2/v1/metadata/',
  ])('does not take %s for one of ours', (text) => {
    expect(isGrantUrl(text)).toBe(false);
  });
});

describe('what is shown of a change', () => {
  it('is the change with three lines around it; values of the section that are no secrets are told', () => {
    const before = '[x]\na=1\nb=2\nc=3\nd=4\n[DEFAULT]\nhost = https://old.example/\ntoken = dapi1\ncluster_id = 0123-x\n[y]\ne = 5\n';
    const { changed } = putSection(readLines(Buffer.from(before)), 'DEFAULT', keys);
    expect(
      diffOf(changed, 'DEFAULT').map(({ line, change }) => `${{ same: ' ', added: '+', removed: '-' }[change]}${line.replace(/ +/g, ' ')}`),
    ).toEqual([
      ' c = …',
      ' d = …',
      ' [DEFAULT]',
      '+host = https://acme.cloud.databricks.com',
      '+auth_type = metadata-service',
      '+metadata_service_url = http://127.0.0.1:23456/v1/metadata/…',
      '-host = https://old.example',
      '-token = …',
      '-cluster_id = 0123-x',
      ' [y]',
      ' e = …',
    ]);
  });

  it('moves no cursor', () => {
    const { changed } = putSection(readLines(Buffer.from('[a\u001b[2J\u202e]\nx=1\n')), 'b', keys);
    expect(diffOf(changed, 'b')[0]?.line).toBe('[a\ufffd[2J\ufffd]');
  });
});

describe('what Python cannot read', () => {
  it.each([
    ['\ufeff[a]\nx=1\n', /byte order mark/],
    ['[a]\nx=1\nX=2\n', /key.*line 3/],
    ['[a]\n[a]\n', /section.*line 2/],
    ['x=1\n', /line 1/],
    ['[a]\nno delimiter\n', /line 2/],
  ])('%j is told', (text, sentence) => {
    expect(unreadableForPython(readLines(Buffer.from(text)))).toMatch(sentence);
  });

  it('is nothing where all is well', () => {
    expect(unreadableForPython(readLines(Buffer.from('# c\n[DEFAULT]\nx=1\n[a]\nx=1\n[DEFAULT]\ny=1\n')))).toBeNull();
  });
});

describe('a file that somebody has made to be slow', () => {
  const most = 256 * 1024;
  it.each([
    ['a run of spaces', `[a]\nb${' '.repeat(most)}c\nx=1\n`],
    ['spaces before nothing', `[a]\nx=1${' '.repeat(most)}\u2003y\n`],
    ['blank lines', `[a]\nx=1\n${'\n'.repeat(most / 4)}y=2\n`],
    ['sections', Array.from({ length: most / 10 }, (_, at) => `[s${at}]`).join('\n')],
    ['open brackets', `[a]\nx=1\n ${'['.repeat(most)}`],
  ])('is read and written like another: %s', (_, text) => {
    const lines = readLines(Buffer.from(text));
    expect(bytesOf(lines).length).toBe(Buffer.byteLength(text));
    expect(sectionsOf(lines).length).toBeGreaterThan(0);
    expect(grantUrlsOf(readLines(putSection(lines, 'own', keys).bytes)).get('own')).toBe(url);
    expect(diffOf(putSection(lines, 'a', keys).changed, 'a').length).toBeGreaterThan(0);
  });
});
