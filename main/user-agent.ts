/**
 * How our requests name themselves. Whoever reads the other side's log finds the audit record, and the person in it, by `rid`, and the AI
 * agent by `agent`. It says nothing else of the machine or the person.
 */
import { version } from './version.ts';

/** Nothing that ends a header, begins a comment or looks like another part of it (RFC 9110 section 5.6.2). */
const wordOf = (text: string): string => text.replace(/[^A-Za-z0-9._-]/g, '-').slice(0, 40);

/**
 * `lakepass/VERSION`, then ` rid/ID` and ` agent/NAME` where they are known.
 *
 * @param about.requestId ours, as in the audit log
 * @param about.aiAgent the name it goes by; anybody may have chosen it
 */
export function userAgentOf({ requestId, aiAgent }: { requestId?: string | undefined; aiAgent?: string | undefined } = {}): string {
  const rid = requestId === undefined ? '' : ` rid/${wordOf(requestId)}`;
  const agent = aiAgent === undefined || aiAgent === '' ? '' : ` agent/${wordOf(aiAgent)}`;
  return `lakepass/${version}${rid}${agent}`;
}
