/**
 * Completion for shells, made from the tree of verbs itself, so that it cannot fall behind. What is not known before, the names of
 * workspaces and profiles, is asked of a running agent when the key is pressed; where none runs, nothing is said.
 *
 * Words of others reach a shell here, and bash evaluates what it completes: only plain names get through, see `plainNames`.
 */
import type { Command, Option } from 'commander';
import { bundles } from '../databricks/scopes.ts';
import { shells as variableShells } from './shells.ts';

export const completedShells = ['bash', 'zsh', 'fish'] as const;
export type CompletedShell = (typeof completedShells)[number];

/** The hidden verb that names what only an agent knows. */
export const NAMES = '__names';
export const askedNames = ['workspaces', 'profiles', 'grants'] as const;
export type AskedName = (typeof askedNames)[number];

interface Word {
  word: string;
  about: string;
}
/** What can follow an option. */
type Values = { kind: 'words'; words: readonly string[] } | { kind: 'asked'; what: AskedName } | { kind: 'file' } | { kind: 'any' };
interface Choice {
  flags: readonly string[];
  about: string;
  values: Values | null;
}
export interface Verb {
  /** Empty for `lakepass` itself. */
  path: readonly string[];
  verbs: readonly Word[];
  options: readonly Choice[];
  /** What its own words can be. */
  values: Values;
  /** Everything after `--` is another program's. */
  runs: boolean;
}

const valuesOf: Readonly<Record<string, Values>> = {
  '--workspace': { kind: 'asked', what: 'workspaces' },
  '--profile': { kind: 'asked', what: 'profiles' },
  '--scope': { kind: 'words', words: Object.keys(bundles) },
  '--vault': { kind: 'words', words: ['keychain', 'passphrase', 'memory'] },
  '--shell': { kind: 'words', words: variableShells },
  '--home': { kind: 'file' },
  '--from': { kind: 'file' },
  '--folder': { kind: 'file' },
  '--out': { kind: 'file' },
  '--svg': { kind: 'file' },
  '--bundle': { kind: 'file' },
  '--mds': { kind: 'file' },
  '--expect': { kind: 'file' },
};

/** Every verb, `lakepass` itself first. */
export function verbsOf(program: Command, path: readonly string[] = []): Verb[] {
  const verbs = program.commands.filter((command) => !isHidden(command));
  const own: Verb = {
    path,
    verbs: verbs.map((command) => ({ word: command.name(), about: firstSentence(command.description()) })),
    options: [
      ...program.options.filter(({ hidden }) => !hidden).map(choiceOf),
      { flags: ['-h', '--help'], about: 'say how it is used', values: null },
    ],
    values: argumentsOf(program),
    runs: program.name() === 'run',
  };
  return [own, ...verbs.flatMap((command) => verbsOf(command, [...path, command.name()]))];
}

const isHidden = (command: Command): boolean => command.name().startsWith('__') || command.name() === 'help';

function choiceOf(option: Option): Choice {
  const { short, long, description, argChoices } = option;
  const flags = [short, long].flatMap((flag) => flag ?? []);
  const takes = option.required || option.optional;
  const named = valuesOf[long ?? ''] ?? { kind: 'any' };
  return {
    flags,
    about: firstSentence(description),
    values: takes ? (argChoices === undefined ? named : { kind: 'words', words: argChoices }) : null,
  };
}

function argumentsOf(command: Command): Values {
  const [first] = command.registeredArguments;
  if (first?.argChoices !== undefined) return { kind: 'words', words: first.argChoices };
  if (first?.name() === 'grant' || first?.name() === 'ids') return { kind: 'asked', what: 'grants' };
  return first?.name() === 'file' ? { kind: 'file' } : { kind: 'any' };
}

const firstSentence = (text: string): string => (/^[^;:(]*/.exec(text)?.[0] ?? '').trim();

/** What a shell may be given: no space, no quote, nothing that it would evaluate. */
export const plainNames = (names: readonly string[]): string[] => {
  let plain = [...new Set(names)];
  // check: completed-names-plain
  plain = plain.filter((name) => /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name));
  // end check
  return plain;
};

export const completionFor = (shell: CompletedShell, program: Command): string => ({ bash, zsh, fish })[shell](verbsOf(program));

const ask = (what: AskedName): string => `lakepass ${NAMES} ${what} 2>/dev/null`;
const wordsIn = ({ options, verbs }: Verb): string[] => [...verbs.map(({ word }) => word), ...options.flatMap(({ flags }) => flags)];
const pathOf = ({ path }: Verb): string => path.join(' ');
/** Options with a value, by what can follow them. */
const taking = (verbs: readonly Verb[]): Map<string, { flags: string[]; values: Values }> => {
  const found = new Map<string, { flags: string[]; values: Values }>();
  for (const { flags, values } of verbs.flatMap(({ options }) => options)) {
    if (values === null) continue;
    const key = JSON.stringify(values);
    const known = found.get(key) ?? { flags: [], values };
    found.set(key, { ...known, flags: [...new Set([...known.flags, ...flags])] });
  }
  return found;
};
const flagsTaking = (verbs: readonly Verb[]): string[] => [...taking(verbs).values()].flatMap(({ flags }) => flags);

/** Where in the tree the line stands: the words so far, without options and their values. The same in bash and zsh, but for where counting begins. */
const walk = (verbs: readonly Verb[], all: string, first: number, end: string): string[] => [
  `  local at='' word skip='' i`,
  `  for ((i = ${first}; i < ${end}; i++)); do`,
  `    word=\${${all}[i]}`,
  `    if [ -n "$skip" ]; then skip=''; continue; fi`,
  '    case "$word" in',
  `      --) rest=1; break ;;`,
  `      ${flagsTaking(verbs).join('|')}) skip=1 ;;`,
  '      -*) ;;',
  '      *)',
  '        case "$at $word" in',
  `          ${verbs
    .filter(({ path }) => path.length > 0)
    .map((verb) => `' ${pathOf(verb)}'`)
    .join('|')}) at="$at $word" ;;`,
  '        esac ;;',
  '    esac',
  '  done',
];

function bash(verbs: readonly Verb[]): string {
  const reply = (values: Values): string =>
    ({
      words: (words: readonly string[]) => `COMPREPLY=($(compgen -W '${words.join(' ')}' -- "$cur"))`,
      asked: (what: AskedName) => `COMPREPLY=($(compgen -W "$(${ask(what)})" -- "$cur"))`,
      file: () => 'COMPREPLY=($(compgen -f -- "$cur"))',
      any: () => 'COMPREPLY=()',
    })[values.kind]((values.kind === 'words' ? values.words : values.kind === 'asked' ? values.what : undefined) as never);
  return [
    '# bash completion for lakepass: eval "$(lakepass completion bash)"',
    '_lakepass() {',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the shell's
    "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} rest=''",
    ...walk(verbs, 'COMP_WORDS', 1, 'COMP_CWORD'),
    '  if [ -n "$rest" ]; then COMPREPLY=($(compgen -c -- "$cur") $(compgen -f -- "$cur")); return; fi',
    '  case "$prev" in',
    ...[...taking(verbs).values()].map(({ flags, values }) => `    ${flags.join('|')}) ${reply(values)}; return ;;`),
    '  esac',
    '  case "$at" in',
    ...verbs.map((verb) => {
      const own = `COMPREPLY=($(compgen -W '${wordsIn(verb).join(' ')}' -- "$cur"))`;
      const more =
        verb.values.kind === 'any'
          ? ''
          : `; [ "\${cur#-}" = "$cur" ] && { local own=("\${COMPREPLY[@]}"); ${reply(verb.values)}; COMPREPLY+=("\${own[@]}"); }`;
      return `    '${verb.path.length === 0 ? '' : ` ${pathOf(verb)}`}') ${own}${more} ;;`;
    }),
    '  esac',
    '}',
    'complete -F _lakepass lakepass',
  ].join('\n');
}

/** Between single quotes, for `_describe`, where a colon ends the word. */
const described = ({ word, about }: Word): string => `'${word}:${about.replaceAll("'", '’')}'`;

function zsh(verbs: readonly Verb[]): string {
  const reply = (values: Values): string => {
    if (values.kind === 'words') return `compadd -- ${values.words.join(' ')}`;
    if (values.kind === 'asked') return `compadd -- \${(f)"$(${ask(values.what)})"}`;
    return values.kind === 'file' ? '_files' : ':';
  };
  return [
    '#compdef lakepass',
    '# zsh completion for lakepass: eval "$(lakepass completion zsh)", after compinit; or as a file _lakepass in a folder of $fpath',
    '_lakepass() {',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the shell's
    "  local cur=${words[CURRENT]} prev=${words[CURRENT-1]} rest=''",
    '  local -a found',
    ...walk(verbs, 'words', 2, 'CURRENT'),
    '  if [ -n "$rest" ]; then _normal; return; fi',
    '  case "$prev" in',
    ...[...taking(verbs).values()].map(({ flags, values }) => `    ${flags.join('|')}) ${reply(values)}; return ;;`),
    '  esac',
    '  case "$at" in',
    ...verbs.map((verb) => {
      const options = verb.options.flatMap(({ flags, about }) => flags.map((word) => ({ word, about })));
      const more = verb.values.kind === 'any' ? '' : `; ${reply(verb.values)}`;
      return `    '${verb.path.length === 0 ? '' : ` ${pathOf(verb)}`}') found=(${[...verb.verbs, ...options].map(described).join(' ')})${more} ;;`;
    }),
    '  esac',
    "  _describe 'lakepass' found",
    '}',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the shell's
    'if [ "${funcstack[1]}" = _lakepass ]; then _lakepass "$@"; else compdef _lakepass lakepass; fi',
  ].join('\n');
}

const fishQuoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

function fish(verbs: readonly Verb[]): string {
  const at = ({ path }: Verb): string => `-n ${fishQuoted(`__lakepass_at '${path.join(' ')}'`)}`;
  const valuesIn = (values: Values): string => {
    if (values.kind === 'words') return ` -x -a ${fishQuoted(values.words.join(' '))}`;
    if (values.kind === 'asked') return ` -x -a ${fishQuoted(`(${ask(values.what)})`)}`;
    return values.kind === 'file' ? ' -r -F' : ' -x';
  };
  const flag = (name: string): string => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`);
  return [
    '# fish completion for lakepass: lakepass completion fish | source',
    'function __lakepass_at',
    '  set -l at',
    '  set -l skip',
    '  for word in (commandline -opc)[2..-1]',
    '    if test -n "$skip"',
    '      set skip',
    '      continue',
    '    end',
    '    switch $word',
    "      case '--'",
    '        return 1',
    `      case ${flagsTaking(verbs).map(fishQuoted).join(' ')}`,
    '        set skip 1',
    "      case '-*'",
    "      case '*'",
    `        contains -- (string join ' ' $at $word) ${verbs
      .filter(({ path }) => path.length > 0)
      .map((verb) => fishQuoted(pathOf(verb)))
      .join(' ')}; and set -a at $word`,
    '    end',
    '  end',
    "  set -l here (string join ' ' $at)",
    '  test "$here" = "$argv[1]"',
    'end',
    'complete -c lakepass -f',
    ...verbs.flatMap((verb) => [
      ...verb.verbs.map(({ word, about }) => `complete -c lakepass ${at(verb)} -a ${word} -d ${fishQuoted(about)}`),
      ...verb.options.map(
        ({ flags, about, values }) =>
          `complete -c lakepass ${at(verb)} ${flags.map(flag).join(' ')}${values === null ? '' : valuesIn(values)} -d ${fishQuoted(about)}`,
      ),
      ...(verb.values.kind === 'any'
        ? []
        : [`complete -c lakepass ${at(verb)}${valuesIn(verb.values).replace(' -x', '').replace(' -r', '')}`]),
    ]),
  ].join('\n');
}
