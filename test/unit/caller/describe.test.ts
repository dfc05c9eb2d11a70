/** What a person is shown of a caller. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Caller, unknownCaller } from '../../../main/caller/caller.ts';
import { describeCaller } from '../../../main/caller/describe.ts';
import { withoutSecrets } from '../../../main/caller/without-secrets.ts';
import { callerViewSchema } from '../../../preload/contract/caller.ts';
import { facts, run } from './fake-processes.ts';

const kernel = facts({
  executable: '/opt/venv/bin/python3.11',
  commandLine: ['python', '-m', 'ipykernel_launcher', '-f', '/run/kernel.json'],
});
const lab = run('/opt/venv/bin/python3.11', '/opt/venv/bin/jupyter-lab');
const caller = (change: Partial<Caller> = {}): Caller => ({
  ...{ kind: 'program', process: kernel, ancestors: [lab, run('/usr/bin/bash'), run('/usr/bin/tmux')] },
  ...{ aiAgent: null, forwarder: null, interpreter: { name: 'python', script: '-m ipykernel_launcher' }, notebook: 'churn.ipynb' },
  ...change,
});
const fact = (of: Caller, name: string) => describeCaller(of).facts.find((one) => one.name === name);

describe('the description of a caller', () => {
  it('has what the system said first, and says who vouches for what', () => {
    expect(describeCaller(caller())).toEqual({
      kind: 'program',
      title: 'python3.11 under tmux',
      pid: 4242,
      facts: [
        { name: 'program', value: '/opt/venv/bin/python3.11', proof: 'verified' },
        { name: 'folder', value: '/home/ada', proof: 'verified' },
        { name: 'parents', value: 'python3.11 ← bash ← tmux', proof: 'verified' },
        { name: 'process', value: '4242', proof: 'verified' },
        { name: 'script', value: '-m ipykernel_launcher', proof: 'claimed' },
        { name: 'notebook', value: 'churn.ipynb', proof: 'claimed' },
        { name: 'command', value: 'python -m ipykernel_launcher -f /run/kernel.json', proof: 'claimed' },
      ],
    });
  });

  it('says nothing of a caller nobody knows', () => {
    expect(describeCaller(unknownCaller)).toEqual({ kind: 'unknown', title: 'an unknown program', pid: null, facts: [] });
  });

  it('has no name for a program whose file the system does not tell, whatever it calls itself', () => {
    const title = describeCaller(caller({ process: facts({ executable: null, commandLine: ['jupyter-lab'] }) })).title;
    expect(title).toBe('an unknown program');
  });

  it('never names a notebook that nobody claimed', () => {
    expect(fact(caller({ notebook: null, process: run('/usr/bin/python3', 'churn.ipynb') }), 'notebook')).toBeUndefined();
  });

  it.each([
    ['jupyter-lab as a file of its own', [run('/usr/bin/jupyter-lab')], 'python3.11 under jupyter-lab'],
    ['only shells', [run('/usr/bin/bash'), run('/usr/bin/zsh')], 'python3.11'],
    ['nobody', [], 'python3.11'],
    ['a script that calls itself something', [run('/usr/bin/node', 'jupyter-lab')], 'python3.11 under node'],
  ])('has a title from files alone, under %s', (_what, ancestors, title) => {
    expect(describeCaller(caller({ ancestors })).title).toBe(title);
  });

  it('says in its title that it is a container or a forwarder', () => {
    expect(describeCaller(caller({ kind: 'container' })).title).toBe('python3.11 in a container');
    expect(fact(caller({ kind: 'container' }), 'container')?.proof).toBe('verified');
    const socat = caller({ kind: 'forwarder', process: run('/usr/bin/socat'), forwarder: 'socat' });
    expect(describeCaller(socat).title).toBe('socat, which forwards for others');
    expect(fact(socat, 'forwarder')).toEqual({ name: 'forwarder', value: 'socat', proof: 'verified' });
  });

  it('says of an AI agent whether its file shows it or only its words', () => {
    const agent = (parent: ReturnType<typeof run>) =>
      fact(caller({ kind: 'ai-agent', aiAgent: 'claude', ancestors: [parent] }), 'ai-agent');
    expect(agent(run('/usr/bin/claude'))?.proof).toBe('verified');
    expect(agent(run('/usr/bin/node', '/usr/bin/claude'))?.proof).toBe('claimed');
  });

  it('does not take a file called "?" or a chain without end for anything', () => {
    const many = Array.from({ length: 32 }, () => facts({ executable: null }));
    expect(fact(caller({ ancestors: many }), 'parents')?.value.split(' ← ')).toHaveLength(8);
  });
});

describe('the words of others', () => {
  it.each([
    ['an escape sequence', '\x1b]0;approved\x07'],
    ['a newline', 'a\r\nApproved by IT'],
    ['a right-to-left override', 'exe.\u202etxt'],
    ['an isolate', '\u2066x\u2069'],
    ['a zero-width joiner', 'py\u200dthon'],
    ['a line separator', 'a\u2028b'],
    ['a byte-order mark', '\ufeffx'],
    ['a tag character', 'x\u{e0041}'],
    ['a lone surrogate', 'x\ud800'],
    ['a soft hyphen', 'cl\u00adaude'],
  ])('cannot hold %s', (_what, text) => {
    const hostile = caller({
      process: facts({ executable: `/tmp/${text}`, folder: `/tmp/${text}`, commandLine: [text] }),
      ...{
        ancestors: [run(`/tmp/${text}`)],
        notebook: text,
        aiAgent: text,
        forwarder: text,
        interpreter: { name: 'python', script: text },
      },
    });
    expect(JSON.stringify(describeCaller(hostile))).not.toMatch(/\\[ux]|[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
  });

  it('are cut where they are long, titles sooner', () => {
    const long = caller({
      process: facts({ executable: `/${'x'.repeat(4000)}`, commandLine: ['y'.repeat(8000)] }),
      notebook: '😀'.repeat(1024),
    });
    const { title, facts: shown } = describeCaller(long);
    expect([...title]).toHaveLength(80);
    for (const { value } of shown) expect([...value].length).toBeLessThanOrEqual(300);
  });

  it('whatever they are, make a description the contract allows, with verified facts first', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(text, text, text, (a, b, c) => {
        const view = describeCaller(caller({ process: facts({ executable: a, folder: b, commandLine: [a, b, c] }), notebook: c }));
        callerViewSchema.parse(view);
        const proofs = view.facts.map(({ proof }) => proof);
        expect(proofs).toEqual([...proofs].sort().reverse());
        expect(JSON.stringify(view)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
      }),
    );
  });
});

describe('a command line', () => {
  it.each([
    [['curl', 'http://127.0.0.1:12000/v1/metadata/Zm9vYmFy'], 'Zm9vYmFy'],
    [['curl', 'http://127.0.0.1:12000/v1/metadata/Zm9vYmFy?x=1'], 'Zm9vYmFy'],
    [['curl', 'http://127.0.0.1:12000/v1/caller/bm9uY2U'], 'bm9uY2U'],
    [['curl', '-H', 'Authorization: Bearer abcdef123456'], 'abcdef123456'],
    [['dbt', '--token', 'hunter22'], 'hunter22'],
    [['dbt', '--access_token=hunter22'], 'hunter22'],
    [['env', 'DATABRICKS_TOKEN=hunter22', 'dbt'], 'hunter22'],
    [['env', 'DB_PASSWORD=hunter22'], 'hunter22'],
    [['mysql', '--password', 'hunter22'], 'hunter22'],
    [['x', 'dapi0123456789abcdef0123456789abcdef'], '0123456789abcdef'],
    [['x', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.sig'], 'eyJ'],
    [['psql', 'postgres://ada:hunter22@host/db'], 'hunter22'],
  ])('is shown without what looks like a secret: %j', (words, secret) => {
    expect(withoutSecrets(words)).not.toContain(secret);
    expect(fact(caller({ process: facts({ commandLine: words }) }), 'command')?.value).not.toContain(secret);
  });

  it('is shown as it is where nothing in it does', () => {
    expect(withoutSecrets(['python', '-m', 'pytest', '--tokens-per-minute', '5', 'tests/test_token.py'])).toBe(
      'python -m pytest --tokens-per-minute 5 tests/test_token.py',
    );
  });
});
