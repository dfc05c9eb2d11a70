/** Profile files as people and tools leave them behind: every line ending, comments, odd indentation, keys that stand twice, bytes that are no text. */
import fc from 'fast-check';

const names = ['DEFAULT', 'work', 'a b', 'dev.eu', '__settings__', 'x]y', 'größe'];
const word = fc.constantFrom('host', 'token', 'TOKEN', 'auth_type', 'client_secret', 'azure_tenant_id', 'my key');
const value = fc.constantFrom('https://a.example', 'dapi0123', '', 'a = b', 'x:y', '# not a comment', 'ü', '\\', '"q"', '%(host)s');
const indent = fc.constantFrom('', '', '', ' ', '  ', '\t', '\u00a0');
const header = fc
  .tuple(fc.constantFrom('', '', '', ' '), fc.constantFrom(...names), fc.constantFrom('', '', ' # after'))
  .map(([before, name, after]) => `${before}[${name}]${after}`);
const option = fc.tuple(indent, word, fc.constantFrom('=', ' = ', ': ', ' :'), value).map((parts) => parts.join(''));
const other = fc.constantFrom('', '   ', '# a comment', '  ; another', '#token = dapi99', 'no delimiter', '= no key', '  more of it');

const line = fc.oneof(
  { weight: 3, arbitrary: header },
  { weight: 8, arbitrary: option },
  { weight: 4, arbitrary: other },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
);
const end = fc.constantFrom('\n', '\n', '\n', '\r\n', '\r');

/** Text of a file. */
export const fileText = fc
  .tuple(fc.array(fc.tuple(line, end), { maxLength: 24 }), fc.boolean(), fc.boolean())
  .map(([lines, mark, isCut]) =>
    `${mark ? '\ufeff' : ''}${lines.map((parts, index) => (isCut && index === lines.length - 1 ? parts[0] : parts.join(''))).join('')}`.replaceAll(
      '\0',
      '',
    ),
  );

/** The bytes of a file; some are not even text. */
export const fileBytes = fc.oneof(
  { weight: 9, arbitrary: fileText.map((text) => Buffer.from(text)) },
  {
    weight: 1,
    arbitrary: fc.tuple(fileText, fc.uint8Array({ min: 1, maxLength: 8 })).map(([text, rest]) => Buffer.concat([Buffer.from(text), rest])),
  },
);

export const sectionName = fc.constantFrom('DEFAULT', 'work', 'dev.eu', 'lakepass', 'new');
