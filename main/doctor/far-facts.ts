/** What the checks beyond this machine look at. Each question is asked at most once in a look, and each by itself: one that hangs holds nobody up. */
import type { Failure } from '../../preload/contract/failure.ts';
import type { EpochMs, Ms } from '../units.ts';
import type { Facts } from './facts.ts';

/** Where the way to an address ends, or what came back over it. */
export type Way =
  | { kind: 'answered'; status: number; ahead: Ms | null; isMetadata: boolean }
  /** `failure`: the words for what stands in between, a proxy or a company's own certificates. */
  | { kind: 'failed'; at: 'dns' | 'proxy' | 'refused' | 'timeout' | 'reset' | 'network' | 'certificate' | 'handshake'; failure?: Failure };

export interface Place {
  /** Host, and port where it is not the usual one. */
  host: string;
  isPlain: boolean;
  /** A workspace, or the account: it answers this address with metadata of its own. Else a provider. */
  workspace: { profile: string; name: string } | null;
  way(): Promise<Way>;
}

/** Of the token that workspaces get: what their federation policies go by. Never the token. */
export interface SeenClaims {
  issuer: string;
  audiences: readonly string[];
  algorithm: string;
  /** The value of the claim that holds the user name; null where the token has none. */
  username: string | null;
}

export interface Provider {
  profile: string;
  host: string;
  issuer: string;
  clientId: string;
  /** The address as it has to be registered; `PORT` stands for any. */
  redirect: string;
  usernameClaim: string;
  /** 'exchange' where workspaces take its tokens in exchange. */
  tokens: 'exchange' | 'direct';
  /** Its tokens are proven by its keys; those of a workspace the workspace itself checks. */
  needsKeys: boolean;
  phase: 'signed-out' | 'signing-in' | 'signed-in' | 'locked' | 'ended';
  /** What the workspaces said when they were last asked for a token: codes of failures, `ok`, `unknown`. */
  healths: readonly string[];
  /** Rejects with what a sign-in would fail with. */
  metadata(): Promise<void>;
  /** What its metadata calls itself; null: nothing that can be repeated. */
  namedIssuer(): Promise<string | null>;
  /** Of the scopes that a sign-in asks for, those that the provider does not list. */
  unlistedScopes(): Promise<readonly string[]>;
  client(): Promise<{ verdict: 'known' | 'refused' | 'unknown-client' | 'unclear'; error: string | null }>;
  ports(): Promise<{ free: readonly number[]; taken: readonly number[] }>;
  keys(): Promise<readonly { certificateEnds: EpochMs | null }[]>;
  /** Of a person who is signed in. */
  claims(): Promise<SeenClaims>;
}

/** One grant that somebody asks about. */
export interface GrantSeen {
  id: string;
  state: 'live' | 'revoked' | 'expired';
  paused: boolean;
  scopes: readonly string[];
  workspace: string;
  until: EpochMs;
  /** Of its workspace, as above. */
  health: string;
  /** The code with which it was last refused, as the audit log has it; null: it was not, as far as the newest records go. */
  lastRefusal: string | null;
}

/** 'live': a grant of ours. 'dead-port', 'dead-grant': ours once. 'elsewhere': not ours to judge. */
export type MetadataAddress = 'live' | 'dead-port' | 'dead-grant' | 'elsewhere';

export interface FarFacts extends Facts {
  /** Names of variables in the terminal of whoever asks that have to do with signing in or proxies; null: nobody told. */
  terminal: readonly string[] | null;
  places: readonly Place[];
  providers: readonly Provider[];
  /** null: none was asked about; 'unknown': there is none of that id. */
  grant: GrantSeen | 'unknown' | null;
  judge: (metadataAddress: string) => MetadataAddress;
  /** Of the system that opens pages: the name of its program or of its entry; null where that is not known. */
  defaultBrowser(): Promise<string | null>;
  /** The system itself finds `lakepass.localhost`. */
  systemFindsOwnName(): Promise<boolean>;
  /** What the watch over certificates and rejected tokens has to say. */
  watched(): readonly { id: string; title: string; finding: string; next: string }[];
}
