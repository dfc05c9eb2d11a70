/** Our reading of a profile file against Python's own: the same sections, keys and first lines of values, and what it refuses we know. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Lines, readLines, unreadableForPython } from '../../../main/databrickscfg/lines.ts';
import { putSection } from '../../../main/databrickscfg/section.ts';
import { fileText, sectionName } from '../../unit/databrickscfg/arbitrary-file.ts';

const python = fileURLToPath(new URL('../../../.venv/bin/python', import.meta.url));
const reader = `
import configparser, json, sys
def read(text):
    parser = configparser.ConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error as error:
        return type(error).__name__
    found = {name: dict(keys) for name, keys in parser._sections.items()}
    if parser._defaults:
        found["DEFAULT"] = dict(parser._defaults)
    return found
print(json.dumps([read(text) for text in json.load(sys.stdin)]))
`;
type Read = Record<string, Record<string, string>> | string;

/** As Databricks' SDK reads a file: with Python's own line ends, and the sections as they stand. */
function inPython(texts: readonly string[]): Read[] {
  const input = JSON.stringify(texts.map((text) => text.replace(/\r\n?/g, '\n')));
  return JSON.parse(execFileSync(python, ['-I', '-c', reader], { input, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }));
}

function inOurs({ lines }: Lines): Record<string, Record<string, string>> {
  const found: Record<string, Record<string, string>> = {};
  for (const { kind, section, key, value } of lines) {
    if (kind === 'header' && section !== 'DEFAULT') found[section ?? ''] ??= {};
    if (kind === 'option') found[section ?? ''] = { ...found[section ?? ''], [key ?? '']: value ?? '' };
  }
  return found;
}

/** The first line of each value, which is all that we take from one. */
const firstLines = (read: Record<string, Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(read).map(([name, keys]) => [
      name,
      Object.fromEntries(Object.entries(keys).map(([key, value]) => [key, value.split('\n')[0]])),
    ]),
  );

const keys = [
  ['host', 'https://acme.example'],
  ['auth_type', 'metadata-service'],
  ['metadata_service_url', 'http://127.0.0.1:20000/v1/metadata/x'],
] as const;

describe('Python’s configparser', () => {
  it('reads what we read, and refuses what we say it does', () => {
    const texts = fc.sample(fileText, 1500);
    const read = inPython(texts);
    let taken = 0;
    for (const [index, text] of texts.entries()) {
      const ours = readLines(Buffer.from(text));
      const theirs = read[index] ?? '';
      expect([text, typeof theirs === 'string']).toEqual([text, unreadableForPython(ours) !== null]);
      if (typeof theirs === 'string') continue;
      taken += 1;
      expect([text, firstLines(theirs)]).toEqual([text, inOurs(ours)]);
    }
    expect(taken).toBeGreaterThan(50);
  });

  it('finds the written section as we meant it, and every other one as it was', () => {
    const cases = fc.sample(fc.tuple(fileText, sectionName), 1500).flatMap(([text, section]) => {
      try {
        return [{ text, section, after: putSection(readLines(Buffer.from(text)), section, keys).bytes.toString() }];
      } catch {
        return [];
      }
    });
    const [before, after] = [inPython(cases.map(({ text }) => text)), inPython(cases.map((each) => each.after))];
    let compared = 0;
    for (const [index, { section }] of cases.entries()) {
      const [was, is] = [before[index] ?? '', after[index] ?? ''];
      if (typeof was === 'string') continue;
      compared += 1;
      expect(is).toEqual({ ...was, [section]: Object.fromEntries(keys) });
    }
    expect(compared).toBeGreaterThan(50);
  });
});
