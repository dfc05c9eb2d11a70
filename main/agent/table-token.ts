/** The token that records go into a table with: straight from those who mint, for nobody but the sink. No grant has it and no door. */
import { AppError } from '../app-error.ts';
import type { TableToken } from '../audit/sinks/databricks-table.ts';
import type { Tokens } from '../databricks/tokens.ts';
import { workspaceOf } from '../profile/load-config.ts';
import type { TokenOwner } from '../profile/profile.ts';

interface Owner {
  profile: TokenOwner;
  session: { view(): { phase: string } };
  tokens: Pick<Tokens, 'get' | 'peek'>;
}

/**
 * @param ownerOf a person's profile, or a service principal, by its name
 * @param isSealed whether the log has had its last checkpoint: a new token would be a record behind it, which nothing vouches for
 */
export const tableTokenFrom =
  (ownerOf: (name: string) => Owner | undefined, isSealed: () => boolean): TableToken =>
  async ({ profile, workspace }, deadline) => {
    const owner = ownerOf(profile);
    if (owner === undefined) throw new AppError('PROFILE_UNKNOWN');
    const { host } = workspaceOf(owner.profile, workspace);
    // Asked for a token now, it would put a failure on record at every try, all night long.
    if (owner.session.view().phase !== 'signed-in') throw new AppError('SIGNED_OUT');
    // check: table-token-not-behind-seal
    if (isSealed() && owner.tokens.peek(host, ['sql']) === undefined)
      throw new AppError('DEADLINE_PASSED', { detail: 'Lakepass is ending; the records are sent at its next start.' });
    // end check
    const { token } = await owner.tokens.get({ workspace: host, scopes: ['sql'], deadline });
    return { workspace: host, token };
  };
