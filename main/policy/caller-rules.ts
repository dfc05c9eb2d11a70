/**
 * Caller rules: which program asks. They hold off mistakes and other programs, not malware that runs as the same user: a path says
 * where a program lies, not what it was told to do.
 */
import type { CallerKind } from '../../preload/contract/caller.ts';
import { allOf, anyOf, asTruth, type Facts, heldOff, type Part, type Truth } from './facts.ts';
import { pathGlob } from './glob.ts';
import type { CallerRule } from './schema.ts';

/** One caller rule, ready to be asked. */
export interface CallerTest {
  readonly name: string;
  /** Kinds the rule names; null: it names none. */
  readonly kinds: readonly CallerKind[] | null;
  /** The rule without its kinds. */
  fits(facts: Facts): Truth;
}

export function callerTest(name: string, { executable, parents, aiAgent, kinds }: CallerRule): CallerTest {
  const [programs, above] = [executable?.map(pathGlob), parents?.map(pathGlob)];
  const fits = (facts: Facts): Truth => {
    const { caller } = facts.question;
    const path = facts.executable;
    const isProgram = programs === undefined ? 'yes' : path === null ? 'unknown' : asTruth(programs.some((glob) => glob(path)));
    return allOf([isProgram, parentTruth(facts, above), aiAgentTruth(caller, aiAgent)]);
  };
  return { name, kinds: kinds ?? null, fits };
}

function parentTruth({ executable, parents }: Facts, globs: readonly ((parts: readonly string[]) => boolean)[] | undefined): Truth {
  if (globs === undefined) return 'yes';
  if (parents.some((path) => globs.some((glob) => glob(path)))) return 'yes';
  return executable === null ? 'unknown' : 'no';
}

function aiAgentTruth({ aiAgent, kind }: Facts['question']['caller'], asked: CallerRule['aiAgent']): Truth {
  if (asked === undefined) return 'yes';
  if (aiAgent === null) return kind === 'unknown' ? 'unknown' : 'no';
  return asTruth(asked === 'any' || asked.includes(aiAgent));
}

/**
 * What a grant asks of the caller: one of the rules fits, and names the kind where it is one of those that are held off.
 *
 * @param tests null: the grant names no rule
 */
export function grantCallerPart(tests: readonly CallerTest[] | null): Part {
  const admits = (test: CallerTest, facts: Facts): Truth => {
    if (test.kinds?.includes(facts.question.caller.kind) === false) return 'no';
    // check: policy-kind-named
    if (test.kinds === null && heldOff.has(facts.question.caller.kind)) return 'no';
    // end check
    return test.fits(facts);
  };
  const anyProgram = ({ question }: Facts): Truth => {
    // check: policy-kind-unnamed
    if (heldOff.has(question.caller.kind)) return 'no';
    // end check
    return 'yes';
  };
  const names = tests?.map(({ name }) => name).join(' or ');
  return {
    truth: (facts) => (tests === null ? anyProgram(facts) : anyOf(tests.map((test) => admits(test, facts)))),
    says: names === undefined ? 'the caller is a program on this machine' : `the caller is ${names}`,
    change: names === undefined ? 'asking from a program that runs directly on this machine' : `asking from ${names}`,
    cure: null,
  };
}

/** What a denial asks of the caller: one of the rules fits; a rule that names no kind is about every kind. */
export function denyCallerPart(tests: readonly CallerTest[]): Part {
  const names = tests.map(({ name }) => name).join(' or ');
  return {
    truth: (facts) => anyOf(tests.map((test) => (test.kinds?.includes(facts.question.caller.kind) === false ? 'no' : test.fits(facts)))),
    says: `the caller is ${names}`,
    change: `asking from ${names}`,
    cure: null,
  };
}
