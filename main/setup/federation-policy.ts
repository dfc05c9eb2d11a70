/** The commands of Databricks' own CLI that make the federation policy a token needs. They are pasted into shells, so only plain words get in. */

/** What a token says of itself, as it was really issued. */
export type Claims = Readonly<Record<string, unknown>>;

export interface PolicyCommands {
  /** One policy for everybody in the account. */
  account: string;
  /** One that lets this subject act as a service principal. */
  servicePrincipal: string;
}

/**
 * The commands for a policy that takes this token (Databricks, "Configure a federation policy"); null where its issuer is none that can be
 * written.
 *
 * @param claims of the token that is exchanged; not verified, so they are only ever shown
 * @param nameClaims claims that may hold the Databricks user name, the likeliest first
 */
export function policyCommands(claims: Claims, nameClaims: readonly string[]): PolicyCommands | null {
  const issuer = plainWord(claims['iss']);
  if (issuer === null) return null;
  const audiences = [claims['aud']].flat().flatMap((each) => plainWord(each) ?? []);
  const subjectClaim = subjectClaimOf(claims, nameClaims);
  const policy = { issuer, audiences, subject_claim: subjectClaim };
  const subject = plainWord(claims[subjectClaim]) ?? 'SUBJECT';
  return {
    account: `databricks account federation-policy create --json '${JSON.stringify({ oidc_policy: policy })}'`,
    servicePrincipal: `databricks account service-principal-federation-policy create SERVICE_PRINCIPAL_ID --json '${JSON.stringify({ oidc_policy: { ...policy, subject } })}'`,
  };
}

/** The claim with a user name in it: Databricks' are e-mail addresses. Else the first that is there. */
export function subjectClaimOf(claims: Claims, nameClaims: readonly string[]): string {
  const plain = nameClaims.filter((claim) => plainWord(claim) !== null);
  const held = plain.filter((claim) => plainWord(claims[claim]) !== null);
  return held.find((claim) => String(claims[claim]).includes('@')) ?? held[0] ?? plain[0] ?? 'sub';
}

/** The text where it is of letters that no shell and no terminal makes anything of. */
export function plainWord(value: unknown): string | null {
  // check: policy-command-plain
  if (typeof value !== 'string' || !/^[\w.:/@+=|-]{1,200}$/.test(value)) return null;
  // end check
  return value;
}
