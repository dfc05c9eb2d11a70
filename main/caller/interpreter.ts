/**
 * Which script an interpreter runs, read from its command line: what comes after its own options. That is a claim, since a process can
 * write what it likes there. Code given on the command line or by standard input has no name, and a command line that is not
 * understood for certain is not guessed at.
 */
import type { ProcessFacts } from './caller.ts';
import { fileName } from './known-programs.ts';

interface Interpreter {
  /** Python 3.11 and 3.12 are one interpreter; each shell is its own. */
  name: string | null;
  file: RegExp;
  /** Single letters after one dash. */
  letters: {
    /** What follows is code, or the code comes by standard input. */
    code?: string;
    /** What follows is a module, and ends the options. */
    module?: string;
    /** Has a value: the rest of the word, or the next word. */
    value?: string;
    /** Has the next word as its value, whatever follows in this one. */
    nextWord?: string;
    /** The rest of the word belongs to it. */
    rest?: string;
  };
  /** Options with two dashes (with one, where `wordOptions`) whose value is the next word, unless it follows after `=`. */
  values?: readonly string[];
  /** The same, and their value is code. */
  code?: readonly string[];
  /** Their value is what is run; the label stands before it. */
  runs?: Readonly<Record<string, string>>;
  /** -classpath and the like: words, not letters, after one dash. */
  wordOptions?: boolean;
  /** Words before the script that are not the script; null: one after which there is no script to speak of. */
  verbs?: Readonly<Record<string, 'script' | null>>;
  /** The first word decides nothing: files are only ever given by option. */
  onlyByOption?: boolean;
}

const shellLetters = { code: 'cs', nextWord: 'oO' } as const;
const shellValues = ['--rcfile', '--init-file', '--init-command', '--emulate', '--features', '--debug', '--profile'];

export const interpreters: readonly Interpreter[] = [
  {
    name: 'python',
    file: /^(?:python|pypy)[\d.]*[a-z]*$/,
    letters: { code: 'c', module: 'm', value: 'WX' },
    values: ['--check-hash-based-pycs'],
  },
  {
    name: 'node',
    file: /^node(?:js)?[\d.-]*$/,
    letters: { code: 'ep', value: 'rC' },
    code: ['--eval', '--print', '--run'],
    verbs: { inspect: 'script' },
    // From `node --help` of Node 24: the options shown there as `--name=...`.
    values: words(`--allow-fs-read --allow-fs-write --build-snapshot-config --conditions --cpu-prof-dir --cpu-prof-interval --cpu-prof-name
      --diagnostic-dir --disable-proto --disable-warning --dns-result-order --env-file --env-file-if-exists --experimental-config-file
      --experimental-default-config-file --experimental-loader --experimental-sea-config --heap-prof-dir --heap-prof-interval
      --heap-prof-name --heapsnapshot-near-heap-limit --heapsnapshot-signal --icu-data-dir --import --input-type --inspect-publish-uid
      --loader --localstorage-file --max-http-header-size --max-old-space-size-percentage --network-family-autoselection-attempt-timeout
      --openssl-config --redirect-warnings --report-dir --report-directory --report-filename --report-signal --require --secure-heap
      --secure-heap-min --snapshot-blob --test-concurrency --test-coverage-exclude --test-coverage-include --test-global-setup
      --test-isolation --test-name-pattern --test-reporter --test-reporter-destination --test-shard --test-skip-pattern --test-timeout
      --title --tls-cipher-list --tls-keylog --trace-event-categories --trace-event-file-pattern --trace-require-module
      --unhandled-rejections --use-largepages --v8-pool-size --watch-path`),
  },
  {
    name: 'java',
    file: /^javaw?$/,
    letters: {},
    wordOptions: true,
    values:
      words(`-cp -classpath --class-path -p --module-path --upgrade-module-path --add-modules --limit-modules --add-opens --add-exports
      --add-reads --patch-module --enable-native-access --source`),
    runs: { '-jar': '', '-m': '-m ', '--module': '-m ' },
  },
  {
    name: 'R',
    file: /^(?:R|rsession|Rterm|Rgui|ark)$/,
    letters: { code: 'e' },
    runs: { '--file': '', '-f': '' },
    wordOptions: true,
    onlyByOption: true,
  },
  { name: 'R', file: /^Rscript$/, letters: { code: 'e', value: 'g' } },
  { name: null, file: /^(?:bash|dash|sh|ash|zsh|ksh|mksh|ksh93)$/, letters: shellLetters, values: shellValues },
  { name: 'fish', file: /^fish$/, letters: { code: 'c', value: 'CdDof' }, values: shellValues, code: ['--command'] },
  {
    name: 'powershell',
    file: /^(?:pwsh|powershell)$/i,
    letters: {},
    wordOptions: true,
    runs: { '-File': '', '-file': '' },
    onlyByOption: true,
  },
  { name: 'ruby', file: /^(?:j|truffle)?ruby[\d.]*$/, letters: { code: 'e', value: 'CEIr', rest: 'FKTWix' } },
  { name: 'perl', file: /^perl[\d.]*$/, letters: { code: 'eE', value: 'I', rest: 'CDFMVdimx' } },
  {
    name: 'deno',
    file: /^deno$/,
    letters: { value: 'cL' },
    values: words('--config --import-map --cert --location --lock --log-level --seed --env-file --preload'),
    verbs: { run: 'script', eval: null, repl: null, task: null, test: null, serve: 'script', x: null, install: null, fmt: null },
  },
  {
    name: 'bun',
    file: /^bunx?$/,
    letters: { code: 'ep', value: 'rdc' },
    values: words('--cwd --config --env-file --preload --require --define --loader --conditions'),
    code: ['--eval', '--print'],
    verbs: { run: 'script', x: null, test: null, install: null },
  },
];

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}

/** Null for a process that is no known interpreter. `script`: a path, a main class or `-m module`, as the command line gives it. */
export function readInterpreter(process: Pick<ProcessFacts, 'executable' | 'commandLine'>): { name: string; script: string | null } | null {
  const file = fileName(process);
  const found = file === null ? undefined : interpreters.find((one) => one.file.test(file));
  if (file === null || found === undefined) return null;
  return { name: found.name ?? file, script: readScript(found, (process.commandLine ?? []).slice(1)) };
}

/** What an option says about the words behind it. */
type Step = { skip: number } | { script: string | null };

function readScript(interpreter: Interpreter, argv: readonly string[]): string | null {
  for (let at = 0; at < argv.length; ) {
    const word = argv[at] ?? '';
    const rest = argv.slice(at + 1);
    if (word === '--') return interpreter.onlyByOption ? null : (rest[0] ?? null);
    const step = /^[-+]./.test(word) ? readOption(interpreter, word, rest) : readWord(interpreter, word);
    if ('script' in step) return step.script;
    at += 1 + step.skip;
  }
  return null;
}

function readWord({ verbs = {}, onlyByOption }: Interpreter, word: string): Step {
  if (onlyByOption) return { skip: 0 };
  // A dash alone is standard input; `@file` holds more of Java's command line, which we do not read.
  if (word === '' || word === '-' || word.startsWith('@')) return { script: null };
  const verb = Object.hasOwn(verbs, word) ? verbs[word] : undefined;
  if (verb === undefined) return { script: word };
  return verb === null ? { script: null } : { skip: 0 };
}

function readOption(interpreter: Interpreter, word: string, rest: readonly string[]): Step {
  const [option = '', attached] = splitOnce(word, '=');
  const label = interpreter.runs?.[option];
  if (label !== undefined) return named(label, attached ?? rest[0]);
  if (interpreter.code?.includes(option)) return { script: null };
  if (interpreter.values?.includes(option)) return { skip: attached === undefined ? 1 : 0 };
  if (word.startsWith('--')) return { skip: 0 };
  if (interpreter.wordOptions) return interpreter.letters.code?.includes(word.slice(1)) ? { script: null } : { skip: 0 };
  return readLetters(interpreter.letters, word.slice(1), rest);
}

function readLetters(letters: Interpreter['letters'], word: string, rest: readonly string[]): Step {
  const has = (kind: keyof Interpreter['letters'], letter: string): boolean => letters[kind]?.includes(letter) ?? false;
  let skip = 0;
  for (const [index, letter] of [...word].entries()) {
    const behind = word.slice(index + 1);
    if (has('code', letter)) return { script: null };
    if (has('module', letter)) return named('-m ', behind === '' ? rest[0] : behind);
    if (has('value', letter)) return { skip: behind === '' ? 1 : 0 };
    if (has('rest', letter)) return { skip };
    if (has('nextWord', letter)) skip = 1;
  }
  return { skip };
}

const named = (label: string, value: string | undefined): Step => ({ script: value === undefined || value === '' ? null : label + value });

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
