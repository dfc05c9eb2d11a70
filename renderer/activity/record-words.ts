/** A record of the audit log as one plain sentence. */
import type { ActivityRecord } from '../../preload/contract/activity.ts';
import { type RecordWords, texts } from '../texts.ts';

const words = texts.activity;
type Value = ActivityRecord['fields'][string];

/** As many scopes as a sentence bears. */
const mostScopes = 4;

/** `python3.12` of `/usr/bin/python3.12`, and of a path of Windows. */
export const nameOfProgram = (path: string): string => path.split(/[/\\]/).findLast((part) => part !== '') ?? '';

/** `acme.cloud.databricks.com` of `https://acme.cloud.databricks.com/`. */
export const nameOfWorkspace = (host: string): string => host.replace(/^https?:\/\//, '').replace(/\/$/, '');

export function textOf(value: Value | undefined): string {
  if (value === undefined || value === null || value === '') return words.emptyValue;
  return Array.isArray(value) ? value.join(', ') || words.emptyValue : String(value);
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return words.nothingNamed;
  if (names.length <= mostScopes) return words.and(names);
  return words.andMore(names.slice(0, mostScopes - 1), names.length - mostScopes + 1);
}

function wordsOf({ fields }: Pick<ActivityRecord, 'fields'>): RecordWords {
  const given = (name: string): string => (typeof fields[name] === 'string' ? fields[name] : '');
  return {
    text: (name) => textOf(fields[name]),
    program() {
      const program = nameOfProgram(given('caller')) || words.somebody;
      if (given('aiAgent') !== '') return words.byAiAgent(program, given('aiAgent'));
      return given('callerKind') === 'ai-agent' ? words.aiAgent(program) : program;
    },
    workspace: () => nameOfWorkspace(given('workspace')) || words.somewhere,
    scopes: () => listed(Array.isArray(fields['scopes']) ? fields['scopes'] : []),
    times: () => words.times(typeof fields['count'] === 'number' ? fields['count'] : 1),
  };
}

/** One that this version does not know is called by its name. Names of programs stay as they are, at the beginning too. */
export function sentenceOf(record: Pick<ActivityRecord, 'type' | 'fields'>): string {
  const sentence = Object.hasOwn(words.events, record.type) ? words.events[record.type] : undefined;
  const said = sentence?.(wordsOf(record)) ?? words.unknownEvent(record.type);
  return said.startsWith(words.somebody) ? said.charAt(0).toUpperCase() + said.slice(1) : said;
}
