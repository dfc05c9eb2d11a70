/**
 * What the audit log can say. The union is the allow-list: a field that is not named here cannot be written, and none of
 * them may ever hold a token, a code, a verifier, a grant secret or a full URL with one in it. `fields.ts` names every
 * field again, for the writer; the compiler holds the two together.
 */
import type { FailureCode } from '../../preload/contract/failure.ts';

// biome-ignore format: one line per event, so that it reads as the table it is
export type AuditEvent =
  | { type: 'agent.started'; version: string; vault: string; port: number; proxy?: string; ignored?: string }
  | { type: 'agent.stopped'; reason: string }
  | { type: 'session.signed-in'; profile: string; issuer: string; subject: string; username: string; assurance: string; acr: string | null; amr: readonly string[]; authTime: string | null; binding?: string; requestId?: string }
  | { type: 'session.sign-in-asked'; profile: string; caller: string; callerKind: string; aiAgent?: string }
  | { type: 'session.sign-in-failed'; profile: string; code: FailureCode; reason?: string; requestId?: string }
  | { type: 'session.resumed'; profile: string; subject: string }
  | { type: 'session.renewed'; profile: string; subject: string; expiresAt: string; requestId?: string }
  | { type: 'session.renewal-failed'; profile: string; code: FailureCode; reason?: string; requestId?: string }
  /** Groups could not be looked up, or a renewal left them out: the person has none from now on. */
  | { type: 'session.groups-unknown'; profile: string; reason: string }
  | { type: 'session.ended'; profile: string; subject: string; why: string; code?: FailureCode; refreshToken: string }
  | { type: 'token.validation-failed'; profile: string; rule: string }
  /** Five or more within ten minutes; once for each time that begins. */
  | { type: 'token.validation-burst'; profile: string; count: number; rules: readonly string[] }
  /** `subject`: whom it was given to. `actsAs`: client id of the service principal that it acts as; without it, as the subject. `narrowed` no: it may do more than was asked for. `aiAgent`: whose grant asked first. */
  | { type: 'token.minted'; profile: string; workspace: string; scopes: readonly string[]; narrowed?: 'no'; expiresAt: string; subject: string; actsAs?: string; identity?: 'service-principal'; requestId: string; aiAgent?: string; tookMs: number }
  | { type: 'token.mint-failed'; profile: string; workspace: string; scopes: readonly string[]; code: FailureCode; requestId: string; aiAgent?: string }
  /** The first answer with a token to each program that uses the grant. `requestId`: of the `token.minted` that it came with. */
  | { type: 'token.served'; grant: string; workspace: string; scopes: readonly string[]; expiresAt: string; lease: string; fingerprint: string; requestId?: string; caller: string; callerKind: string; aiAgent?: string }
  /** Handed to whoever asked at the control door, as `lakepass token` does. */
  | { type: 'token.printed'; profile: string; workspace: string; scopes: readonly string[]; expiresAt: string; fingerprint: string; requestId?: string }
  /** Answers from the cache since the last record of this grant, one record a minute. */
  | { type: 'token.served-again'; grant: string; count: number }
  | { type: 'token.refused'; grant: string; code: FailureCode; caller: string; callerKind: string; aiAgent?: string; count: number }
  /** Requests that never reached a grant, counted by code: a web page can make any number of them. */
  | { type: 'door.refused'; door: 'broker' | 'callback' | 'pages' | 'window' | 'metrics'; code: FailureCode; reason: string; count: number }
  | { type: 'door.foreign-user'; door: 'broker' | 'callback' | 'pages' | 'metrics'; uid: number; count: number }
  /** The shell was to open an address that nobody has configured; `host` alone, for the rest may hold a secret. */
  | { type: 'opening.refused'; host: string; count: number }
  /** `identity`: it is no person's, here and wherever else it stands. */
  | { type: 'grant.created'; grant: string; profile: string; subject: string; identity?: 'service-principal'; workspace: string; scopes: readonly string[]; until: string; label: string; approved: string; caller: string; callerKind: string; aiAgent?: string }
  | { type: 'grant.widened'; grant: string; scopes: readonly string[]; approved: string }
  /** A person has paused it, or let it go on. */
  | { type: 'grant.paused'; grant: string }
  | { type: 'grant.resumed'; grant: string }
  | { type: 'grant.ended'; grant: string; why: 'revoked' | 'expired' | 'run-ended' | 'program-ended' | 'reset' | 'signed-out' | 'port-moved' | 'other-person' }
  /** Programs are named by their executable alone: command lines, folders and notebook names stay out of the log. */
  | { type: 'caller.unexpected'; grant: string; caller: string; callerKind: string; aiAgent?: string; count: number }
  | { type: 'caller.extra-holder'; grant: string; caller: string; callerKind: string }
  | { type: 'control.refused'; verb: string; code: FailureCode; caller: string; callerKind: string; aiAgent?: string; count: number }
  | { type: 'consent.asked'; ask: string; purpose: string; identity?: 'service-principal'; grant: string; caller: string; callerKind: string; aiAgent?: string; workspace: string; scopes: readonly string[]; approval: string }
  | { type: 'consent.answered'; ask: string; purpose: string; verdict: string; how: string; span: string; tapKey: string }
  | { type: 'consent.unanswered'; ask: string; purpose: string }
  | { type: 'policy.activated'; source: string; policy: string; revision: number; digest: string; mode: string; approved: string }
  | { type: 'policy.rejected'; source: string; digest: string; code: FailureCode; reason: string }
  | { type: 'policy.denied'; action: string; identity?: 'service-principal'; grant: string; caller: string; callerKind: string; workspace: string; scopes: readonly string[]; code: FailureCode; rules: readonly string[]; count: number }
  /** `mode: observe`: enforcement would have said no. */
  | { type: 'policy.observed'; action: string; identity?: 'service-principal'; grant: string; caller: string; workspace: string; scopes: readonly string[]; rules: readonly string[]; count: number }
  | { type: 'device.enrolled'; organization: string; device: string; source: string }
  | { type: 'device.left'; organization: string; device: string }
  | { type: 'device.revoked'; device: string }
  /** The company was told of this device: `digest` is the SHA-256 of what it was told, `revision` that of the bundle that holds. */
  | { type: 'device.record-sent'; organization: string; device: string; to: string; revision: number; digest: string }
  /** `tokens`: handed out before and alive; `lastEnds`: when the last of them ends. */
  | { type: 'offboarding.done'; device: string; person: string; tokens: number; lastEnds: string; vault: string }
  | { type: 'bundle.accepted'; organization: string; revision: number; digest: string; signedBy: string }
  | { type: 'bundle.rejected'; code: FailureCode; reason: string }
  /** Settings of the machine: `source` is the place they were read from. */
  | { type: 'managed-settings.read'; organization: string; source: string; digest: string }
  | { type: 'managed-settings.refused'; code: FailureCode; reason: string }
  /** `value` empty: the person took theirs back. */
  | { type: 'setting.changed'; name: string; value: string; caller: string; callerKind: string; aiAgent?: string }
  | { type: 'config.activated'; digest: string; approved: string }
  | { type: 'config.rejected'; digest: string; code: FailureCode }
  | { type: 'service-principal.secret-set'; name: string; clientId: string }
  | { type: 'service-principal.secret-removed'; name: string; clientId: string }
  /** At the identity provider. `said`: its own word; `verified`: by a sign-in with the key, of this assurance; `code`: why there is none. */
  | { type: 'key.registered-at-provider'; profile: string; how: string; said: string; verified: string; assurance: string; code?: FailureCode }
  | { type: 'tap-key.added'; key: string; name: string; aaguid: string; first: string }
  | { type: 'tap-key.removed'; key: string; name: string }
  | { type: 'tap-key.renamed'; key: string; name: string }
  | { type: 'tap-key.lost'; key: string; name: string; person: string }
  | { type: 'tap-key.retired'; key: string; name: string }
  | { type: 'tap-key.judged'; key: string; verdict: string; because: string; model: string; mds: string }
  | { type: 'tap-key.backup-changed'; key: string; backedUp: string }
  | { type: 'mds.imported'; no: number; models: number; nextUpdate: string }
  | { type: 'tap.accepted'; key: string; purpose: string; ask: string; userVerified: string }
  | { type: 'tap.refused'; purpose: string; reason: string; count: number }
  | { type: 'lock.changed'; state: string; why: string }
  | { type: 'vault.sealing-changed'; how: string; key: string }
  | { type: 'agent.reset'; grants: number; keys: number }
  | { type: 'audit.repaired'; droppedBytes: number }
  /** `acts`: what was not recorded was done all the same, as the company has it for a full disk; without it, it was refused. */
  | { type: 'audit.gap'; count: number; acts?: 'went-on' }
  /** Whose signatures follow: once in each run of the agent, before its first checkpoint. `jwk`: the public key as JSON (RFC 7517). */
  | { type: 'audit.key'; origin: string; thumbprint: string; jwk: string }
  /** `size`: `seq` of the record before; `root`: its hash in base64; `note`: both, signed (c2sp.org/tlog-checkpoint). */
  | { type: 'audit.checkpoint'; size: number; root: string; why: 'start' | 'time' | 'records' | 'policy' | 'exit'; note: string }
  /** At a start: the log is not the one this device sealed last, whose record `size` had the hash `root` (base64). */
  | { type: 'audit.rewritten'; size: number; root: string }
  /** The first record of the segment that was begun because `segment` could not be continued. */
  | { type: 'audit.broken'; segment: string; problem: string }
  /** Records that one sink never got: too old or too many while it could not be reached, refused by it each time, or no longer on the disk. */
  | { type: 'audit.export-skipped'; sink: string; reason: 'bytes' | 'age' | 'refused' | 'gone'; count: number; fromSeq: number; toSeq: number }
  /** A condition of `alerts.ts` has begun; once for each time that it does. `about`: a profile, a sink, the id of a key, or nothing. */
  | { type: 'alert.raised'; alert: string; severity: string; about: string; count: number }
  /** It no longer holds. `count`: how often it happened in all; `since`: when it began. */
  | { type: 'alert.over'; alert: string; about: string; count: number; since: string }
  /** A person has said that they saw it. It goes on all the same. */
  | { type: 'alert.seen'; alert: string; about: string; caller: string; callerKind: string; aiAgent?: string };

export type AuditEventType = AuditEvent['type'];

/** The writing side, as the rest of the program sees it. */
export interface AuditLog {
  /**
   * Writes one record before it returns (write(2), not yet fdatasync): a token may leave after this.
   * Where the company has it so and the disk is full, nothing is written, and it returns all the same: the act is counted.
   * @throws AppError AUDIT_UNWRITABLE: nothing was written; the chain is as it was
   */
  append(event: AuditEvent): void;
  /** Resolves when everything appended so far is on the disk. */
  synced(): Promise<void>;
}
