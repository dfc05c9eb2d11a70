/**
 * Turns the bytes of a policy file into a policy that can be asked, or says where the file is wrong. A file whose own tests do not pass
 * is wrong. Nothing of the file is quoted but names that fit the schema.
 */
import { createHash } from 'node:crypto';
import { AppError } from '../app-error.ts';
import { problemFrom } from '../profile/config-problems.ts';
import { ConfigProblem, readYaml, type YamlSource } from '../profile/yaml-source.ts';
import type { EpochMs } from '../units.ts';
import { compileRules, PolicyFault, type Rules, rulesAs } from './compile.ts';
import { evaluate } from './evaluate.ts';
import { failedTests } from './policy-tests.ts';
import type { Policy } from './question.ts';
import { type PolicyFile, policyJsonSchema, policySchema } from './schema.ts';
import { warningsOf } from './warnings.ts';

/** A larger file is not read. */
export const LARGEST_POLICY_BYTES = 256 * 1024;

export interface LoadedPolicy extends Policy {
  readonly managedBy: string | null;
  readonly expires: EpochMs | null;
  /** What a person should know about it although it is allowed. */
  readonly warnings: readonly string[];
  /** Base names of further programs to take for AI agents. */
  readonly aiAgents: readonly string[];
  /** How many grants, denials and tests it has. */
  readonly counts: { readonly grants: number; readonly denials: number; readonly tests: number };
}

/**
 * @param source the name of the file, for what is said about it
 * @throws AppError POLICY_INVALID (reason: size, text, schema, reference, tests): file, line, column, and what to write instead
 */
export function loadPolicy(bytes: Uint8Array, source: string): LoadedPolicy {
  // check: policy-size
  if (bytes.length > LARGEST_POLICY_BYTES)
    throw new AppError('POLICY_INVALID', { reason: 'size', detail: `${source} is larger than 256 KiB.` });
  // end check
  const hash = createHash('sha256').update(bytes).digest('hex');
  return buildPolicy(textOf(bytes, source), source, hash);
}

/** The same from text whose hash is known. @throws AppError POLICY_INVALID */
export function buildPolicy(text: string, source: string, hash: string): LoadedPolicy {
  const { file, yaml } = parse(text, source);
  const rules = compile(file, yaml, source);
  const [failed] = failedTests(rules, file.tests);
  // check: policy-own-tests
  if (failed !== undefined)
    throw invalid(
      'tests',
      source,
      new ConfigProblem(yaml.placeOf(['tests', failed.index]), `The test "${failed.name}" fails.`, failed.because),
    );
  // end check
  return policyOf(file, rules, hash);
}

/**
 * The same from what a file holds, for the one that we wrote ourselves. It stands in no file whose lines could be named, and its own tests are
 * run before the program is made, not at each of its starts.
 */
export function policyFrom(value: unknown, hash: string): LoadedPolicy {
  const file = policySchema.parse(value);
  return policyOf(file, compileRules(file), hash);
}

function policyOf(file: PolicyFile, rules: Rules, hash: string): LoadedPolicy {
  const { id, revision, mode, managedBy = null, limits } = file;
  return {
    ...{ id, revision, hash, mode, managedBy, expires: rules.expires, warnings: warningsOf(file) },
    aiAgents: file.aiAgents,
    limits: {
      awayGrace: limits.awayGrace,
      idle: limits.idle ?? null,
      dailyCap: limits.dailyCap ?? null,
      lockOnSuspend: limits.lockOnSuspend,
    },
    counts: { grants: rules.grants.length, denials: rules.denials.length, tests: file.tests.length },
    evaluate: (question, as = {}) => evaluate(rulesAs(rules, as), question),
  };
}

function textOf(bytes: Uint8Array, source: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new AppError('POLICY_INVALID', { reason: 'text', detail: `${source} is not UTF-8 text.`, cause: error });
  }
}

function parse(text: string, source: string): { file: PolicyFile; yaml: YamlSource } {
  try {
    const yaml = readYaml(text);
    const parsed = policySchema.safeParse(yaml.value);
    if (!parsed.success) throw problemFrom(parsed.error, yaml, policyJsonSchema());
    return { file: parsed.data, yaml };
  } catch (error) {
    if (error instanceof ConfigProblem) throw invalid('schema', source, error);
    throw error;
  }
}

function compile(file: PolicyFile, yaml: YamlSource, source: string): Rules {
  try {
    return compileRules(file);
  } catch (error) {
    if (error instanceof PolicyFault)
      throw invalid('reference', source, new ConfigProblem(yaml.placeOf(error.path), error.message, error.fix));
    throw error;
  }
}

function invalid(reason: string, source: string, problem: ConfigProblem): AppError {
  const { place, message, fix } = problem;
  return new AppError('POLICY_INVALID', { reason, detail: `${source}:${place.line}:${place.column}: ${message} ${fix}`, cause: problem });
}
