/** The table of failures and the program are one: every code has words that help, a place that throws it, and a test. */
import { describe, expect, it } from 'vitest';
import { failureCodes, failureTexts } from '../../../preload/contract/failure.ts';
import { files, read } from './sources.ts';

/** Databricks' Go SDK retries an error whose text contains one of these, for minutes and without a word to its user. */
const RETRIED_BY_GO = /throttled|too many requests|429|request limit exceeded|rate limit/i;
const LONGEST_TEXT = 140;

const quoted = (code: string, texts: readonly string[]) => texts.some((text) => text.includes(`'${code}'`));

/** The codes for which a claim about their texts does not hold. */
const failing = (claim: (text: string) => boolean) =>
  failureCodes.filter((code) => ![failureTexts[code].cause, failureTexts[code].next].every(claim));

describe('the table of failures', () => {
  it('says in whole, short sentences what happened and what to do', () => {
    expect(failing((text) => /^[A-Z].*\.$/.test(text) && text.length <= LONGEST_TEXT)).toEqual([]);
  });

  it('does not make a Go program retry by its words', () => {
    expect(failing((text) => !RETRIED_BY_GO.test(text))).toEqual([]);
    expect(failureCodes.filter((code) => RETRIED_BY_GO.test(code))).toEqual([]);
  });

  it('has no code that nothing in the program uses', () => {
    const program = files('main/**/*.ts').map(read);
    expect(failureCodes.filter((code) => !quoted(code, program))).toEqual([]);
  });

  it('has no code without a test', () => {
    const tests = files('test/{unit,integration,product,clients,e2e}/**/*.test.ts').map(read);
    expect(failureCodes.filter((code) => !quoted(code, tests))).toEqual([]);
  });
});
