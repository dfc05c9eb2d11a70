/** Colour is for a person at a terminal, changes no word, and never comes from somebody else. */
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { painted, wantsColour } from '../../../main/cli/colour.ts';
import { printReport } from '../../../main/cli/report.ts';

const ESCAPE = String.fromCharCode(27);
const plain = (text: string): string => text.replaceAll(new RegExp(`${ESCAPE}\\[\\d+m`, 'g'), '');

describe('colour', () => {
  it.each([
    [true, { isTTY: true }, {}],
    [false, { isTTY: false }, {}],
    [false, {}, {}],
    [false, { isTTY: true }, { NO_COLOR: '1' }],
    [true, { isTTY: true }, { NO_COLOR: '' }],
    [false, { isTTY: true }, { TERM: 'dumb' }],
    [true, {}, { FORCE_COLOR: '1' }],
    [false, {}, { FORCE_COLOR: '0' }],
    [false, {}, { FORCE_COLOR: '' }],
    [false, { isTTY: true }, { NO_COLOR: '1', FORCE_COLOR: '1' }],
  ])('is %s for %j with %j', (wanted, stream, env) => {
    expect(wantsColour(stream as { isTTY: true }, env)).toBe(wanted);
  });

  it('changes no word', () => {
    const word = fc.constantFrom(
      '! x',
      '~ y',
      'GRANT  STATE',
      'Lakepass 1',
      '  live  ',
      '  workspace main  https://a  ok',
      'Lock      open; x',
      '+ a',
      '- b',
      'plain',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(word, fc.string()), { maxLength: 8 }), (lines) => {
        const text = lines.join('\n').replaceAll(ESCAPE, '');
        expect(plain(painted(text))).toBe(text);
      }),
    );
  });

  it('tells states apart, and heads from rows', () => {
    expect(painted('GRANT  STATE    SCOPES')).toBe(`${ESCAPE}[1mGRANT  STATE    SCOPES${ESCAPE}[0m`);
    expect(painted('g1  live     sql')).toBe('g1  live     sql'.replace('live', `${ESCAPE}[32mlive${ESCAPE}[0m`));
    expect(painted('g2  revoked  sql')).toContain(`${ESCAPE}[31mrevoked${ESCAPE}[0m`);
    expect(painted('! The disk is full.')).toBe(`${ESCAPE}[31m! The disk is full.${ESCAPE}[0m`);
    expect(painted('Lock      away (idle): …')).toContain(`${ESCAPE}[33maway${ESCAPE}[0m`);
  });
});

describe('a report', () => {
  afterEach(() => vi.unstubAllEnvs());
  const printed = (text: string): string => {
    const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    printReport(text);
    return write.mock.calls.map(([said]) => String(said)).join('');
  };

  it('has no escape byte where nobody looks at a terminal', () => {
    vi.stubEnv('FORCE_COLOR', '');
    expect(printed('GRANT  STATE\ng1  live  x\n! bad')).toMatchInlineSnapshot(`
      "GRANT  STATE
      g1  live  x
      ! bad
      "
    `);
  });

  it('takes others’ colours away before it puts on its own', () => {
    vi.stubEnv('FORCE_COLOR', '1');
    vi.stubEnv('NO_COLOR', '');
    const said = printed(`! ${ESCAPE}[5mblink`);
    expect(said).toBe(`${ESCAPE}[31m! \ufffd[5mblink${ESCAPE}[0m\n`);
  });
});
