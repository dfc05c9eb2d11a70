/**
 * Globs of a policy: of host names, and of paths. Matching takes at most pattern times text steps and uses no regular expression, so
 * that neither a rule nor a long path can make it slow. `*` never reaches across a `.` of a host name or a `/` of a path.
 */

/** Wildcards over a sequence: `isStar` items stand for any run of items, every other must `fit` exactly one. */
function fitsRun<P, T>(
  pattern: ArrayLike<P>,
  run: ArrayLike<T>,
  isStar: (item: P) => boolean,
  fit: (item: P, value: T) => boolean,
): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let resume = 0;
  while (t < run.length) {
    if (p < pattern.length && isStar(pattern[p] as P)) {
      star = p++;
      resume = t;
    } else if (p < pattern.length && fit(pattern[p] as P, run[t] as T)) {
      p++;
      t++;
    } else if (star >= 0) {
      // The run that the last star stands for is one longer; an earlier star never has to change.
      p = star + 1;
      t = ++resume;
    } else return false;
  }
  while (p < pattern.length && isStar(pattern[p] as P)) p++;
  return p === pattern.length;
}

const isStarCharacter = (character: string): boolean => character === '*';
const same = (a: string, b: string): boolean => a === b;

/** One label or part of a glob; most hold no star. */
interface Piece {
  readonly text: string;
  readonly hasStar: boolean;
}
const pieceOf = (text: string): Piece => ({ text, hasStar: text.includes('*') });
const fitsPiece = ({ text, hasStar }: Piece, given: string): boolean =>
  hasStar ? fitsRun(text, given, isStarCharacter, same) : text === given;

// Paths

const isAnyFolders = ({ text }: Piece): boolean => text === '**';

/** What is wrong with the glob of an executable, for whoever wrote it; null: nothing. */
export function pathProblem(pattern: string): string | null {
  // check: policy-path-whole
  if (!pattern.startsWith('/') && pattern.split('/')[0] !== '**') return 'write a whole path, or begin with "**/" for any folder';
  // end check
  return starsProblem(pattern);
}

/** The same for the name or path of a group. */
export const groupProblem = (pattern: string): string | null => starsProblem(pattern);

const starsProblem = (pattern: string): string | null =>
  pattern.split('/').some((part) => part.includes('**') && part !== '**') ? '"**" stands between slashes alone' : null;

/** A glob of a path or of a group, ready to be asked often. @param parts the path, split at its slashes */
export function pathGlob(pattern: string): (parts: readonly string[]) => boolean {
  const asked = pattern.split('/').map(pieceOf);
  if (asked.some(isAnyFolders)) return (parts) => fitsRun(asked, parts, isAnyFolders, fitsPiece);
  return (parts) => parts.length === asked.length && asked.every((piece, index) => fitsPiece(piece, parts[index] ?? ''));
}

// Workspaces

/** A workspace origin taken apart. */
export interface Host {
  scheme: string;
  labels: readonly string[];
  port: string;
}

/** null for what is no origin of http or https. */
export function readHost(origin: string): Host | null {
  if (!URL.canParse(origin)) return null;
  const { protocol, hostname, port } = new URL(origin);
  return protocol === 'https:' || protocol === 'http:' ? { scheme: protocol, labels: hostname.split('.'), port } : null;
}

/**
 * What is wrong with the glob of a workspace. A star has no place in the last two labels: `*.com`, or `acme.*`, would leave to
 * whoever registers a name next which hosts the rule is about.
 */
export function workspaceProblem(pattern: string): string | null {
  if (pattern === '*') return null;
  const address = pattern.includes('://') ? pattern : `https://${pattern}`;
  if (!/^https?:\/\/[a-z0-9_*.-]+(:[0-9]{1,5})?\/?$/.test(address) || !URL.canParse(address))
    return 'write a host name or an origin, in lower case';
  const { hostname } = new URL(address);
  const labels = hostname.split('.');
  if (labels.some((label) => label === '' || label.includes('**'))) return 'write one "*" within a label, and no label empty';
  // check: policy-glob-labels
  if (labels.slice(-2).some((label) => label.includes('*'))) return 'write the last two labels out';
  // end check
  return null;
}

/**
 * A glob of workspaces that `workspaceProblem` has nothing against. A bare host name means https at its usual port; `*` within a
 * label stands for characters of that label; a leading `*.` for one label or more; `*` alone for every workspace.
 */
export function workspaceGlob(pattern: string): (host: Host | null) => boolean {
  if (pattern === '*') return () => true;
  const asked = readHost(pattern.includes('://') ? pattern : `https://${pattern}`);
  if (asked === null) return () => false;
  const isOpen = asked.labels[0] === '*';
  const labels = (isOpen ? asked.labels.slice(1) : asked.labels).map(pieceOf);
  const fitsLabels = (given: readonly string[]): boolean => {
    const skipped = given.length - labels.length;
    return (isOpen ? skipped > 0 : skipped === 0) && labels.every((label, index) => fitsPiece(label, given[skipped + index] ?? ''));
  };
  return (host) => host !== null && host.scheme === asked.scheme && host.port === asked.port && fitsLabels(host.labels);
}
