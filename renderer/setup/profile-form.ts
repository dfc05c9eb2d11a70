/** The first profile: typed in, or as the text of a file. What is wrong with it is said by field, or by line. */
import type { Failure } from '../../preload/contract/failure.ts';
import { newProfileSchema } from '../../preload/contract/setup.ts';
import type { UiInput } from '../../preload/contract/ui.ts';
import { texts } from '../texts.ts';

const words = texts.setup.profile;

export interface IssuerForm {
  name: string;
  issuer: string;
  clientId: string;
  workspace: string;
  test: boolean;
}
export const emptyIssuerForm: IssuerForm = { name: '', issuer: '', clientId: '', workspace: '', test: false };
export type IssuerErrors = Partial<Record<Exclude<keyof IssuerForm, 'test'>, string>>;
export type ReadProfile<E> = { ok: true; input: UiInput<'setup/profile'> } | { ok: false; errors: E };

/** People copy addresses with and without `https://`. */
const withScheme = (address: string): string => (/^[a-z][a-z0-9+.-]*:/i.test(address) || address === '' ? address : `https://${address}`);

function isAddress(text: string, test: boolean): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol } = new URL(text);
  return protocol === 'https:' || (test && protocol === 'http:');
}

/** Only what can be seen here; the agent checks it all again. */
export function readIssuerForm(form: IssuerForm): ReadProfile<IssuerErrors> {
  const input = {
    from: 'issuer' as const,
    name: form.name.trim(),
    issuer: withScheme(form.issuer.trim()),
    clientId: form.clientId.trim(),
    workspace: withScheme(form.workspace.trim()),
    test: form.test,
  };
  const errors: IssuerErrors = {
    ...(newProfileSchema.options[1].shape.name.safeParse(input.name).success ? {} : { name: words.nameWrong }),
    ...(isAddress(input.issuer, form.test) ? {} : { issuer: words.issuerWrong }),
    ...(input.clientId === '' ? { clientId: words.clientIdWrong } : {}),
    ...(isAddress(input.workspace, form.test) ? {} : { workspace: words.workspaceWrong }),
  };
  return Object.keys(errors).length === 0 ? { ok: true, input } : { ok: false, errors };
}

/** The name is made of the address. */
export function readWorkspaceForm({ workspace, test }: { workspace: string; test: boolean }): ReadProfile<string> {
  const address = withScheme(workspace.trim());
  if (!isAddress(address, test)) return { ok: false, errors: words.workspaceWrong };
  return { ok: true, input: { from: 'workspace', workspace: address, scopes: [], test } };
}

const largestText = 65_536;

export function readFileText(text: string): ReadProfile<string> {
  if (text.trim() === '') return { ok: false, errors: words.empty };
  if (text.length > largestText) return { ok: false, errors: words.tooLarge };
  return { ok: true, input: { from: 'file', text } };
}

/** @returns its text, or what is wrong with the file */
export async function readFile(file: File): Promise<{ text: string } | { problem: string }> {
  if (file.size > largestText) return { problem: words.tooLarge };
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer());
    return text.includes('\0') ? { problem: words.unreadable } : { text };
  } catch (error) {
    // It is no text, or it went away while it was read.
    if (error instanceof TypeError || error instanceof DOMException) return { problem: words.unreadable };
    throw error;
  }
}

export interface LineProblem {
  line: number;
  /** What stands on that line. */
  text: string;
  says: string;
}

/** `FILE:LINE:COLUMN: what is wrong there`. */
const placed = /^[^\n]*?:(\d+):(\d+): ([\s\S]*)$/;

/** What is wrong, in words for a person: some refusals say in their detail no more than where. */
const saysOf = (failure: Failure, detail: string): string =>
  failure.code === 'CONFIG_INVALID' ? detail : `${failure.cause} ${failure.next}`;

/** The line that a refusal names; null where it names none of this text. */
export function lineProblemOf(failure: Failure, text: string): LineProblem | null {
  const [, number, , detail = ''] = placed.exec(failure.detail ?? '') ?? [];
  const line = Number(number);
  const lines = text.split(/\r?\n/);
  if (!(line >= 1 && line <= lines.length)) return null;
  return { line, text: lines[line - 1] ?? '', says: saysOf(failure, detail) };
}

/** Where each field of the form stands in the file that is made of it. */
const paths = [
  { field: 'issuer', path: /\.idp\.issuer\b/ },
  { field: 'clientId', path: /\.idp\.clientId\b/ },
  { field: 'workspace', path: /\.workspaces\b/ },
] as const;

/** The field that a refusal is about, with what it says; null where it is about none of them. */
export function fieldProblemOf(failure: Failure): IssuerErrors | null {
  const [, , , detail = ''] = placed.exec(failure.detail ?? '') ?? [];
  const found = paths.find(({ path }) => path.test(detail));
  return found === undefined ? null : { [found.field]: saysOf(failure, detail) };
}
