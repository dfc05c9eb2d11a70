/** One row of the table that a live run prints. */
export interface Finding {
  question: string;
  answer: string;
  /** Of what Lakepass promises: whether it held. Absent for what is merely to be learned. */
  held?: boolean;
}

export const learned = (question: string, answer: string): Finding => ({ question, answer });
export const promised = (question: string, held: boolean, answer: string): Finding => ({ question, answer, held });

/** Open questions that one person at one workspace cannot answer, and what would. */
export const notAsked: readonly Finding[] = [
  ['Which OAuth clients get single-use refresh tokens by default', 'an account setting; ask the account console'],
  ['Claims of client-credentials and account-level tokens', 'needs a service principal and its secret'],
  ['How many issuers an account may trust', 'needs an account admin'],
  ['Whether a federation policy takes a subject claim that is a URL, or a list such as groups', 'needs an account admin'],
  ['Whether an own FIDO2 key can be enrolled through the provider’s API on a person’s behalf', 'needs an app registration with that right'],
  ['Unit of the rate limit of managed MCP servers', 'needs load on them'],
  ['Signing chain of the FIDO metadata file', 'not a matter of the workspace'],
  ['R, .NET and Rust clients, Databricks Connect, the newer JavaScript packages', 'need those clients; see the README'],
].map(([question = '', why = '']) => learned(question, `not asked: ${why}`));
