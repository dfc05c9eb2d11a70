/** A thousand callers at the moment a token expires: one request at the identity provider, one exchange, a thousand answers. */
import { setTimeout as wait } from 'node:timers/promises';
import { call, insistAllAnswered } from '../load.ts';
import { micros, percentile, whole } from '../numbers.ts';
import { insist, type Row, row } from '../row.ts';
import { answered, type Stage } from '../stage.ts';

const callers = 1000;
/** The session renews at half the life of the provider's token, so one of its renewals falls on the end of the workspace's token. */
const tokenSeconds = 16;

export async function atExpiry(stage: Stage): Promise<Row> {
  stage.acme.setTtl(tokenSeconds);
  await stage.signIn('acme');
  const source = await stage.grant({});
  const { tokens: before } = await call(stage, { kind: 'crowd', targets: [source], callers: 1, requests: 1 });
  const [workspace] = stage.product.workspaces;
  const exchanges = () => workspace?.requests.filter(({ path, status }) => path === '/oidc/v1/token' && status === 200).length ?? 0;
  const renewals = () => stage.acme.requestsTo('token').length;
  const endsAt = Date.now() + tokenSeconds * 1000;

  // The renewal at half-life is over and the next is not due: from here every request is counted.
  await wait(tokenSeconds * 750);
  const counted = { exchanges: exchanges(), renewals: renewals() };
  await wait(endsAt - Date.now());
  const outcome = await call(stage, { kind: 'crowd', targets: [source], callers, requests: callers });
  await wait(1000);
  const [asked, exchanged] = [renewals() - counted.renewals, exchanges() - counted.exchanges];

  insistAllAnswered(outcome, `${callers} callers at the moment of expiry`);
  insist(answered(outcome) === callers, `${callers} answers (there were ${answered(outcome)})`);
  insist(asked === 1 && exchanged === 1, `one request at the provider and one exchange (there were ${asked} and ${exchanged})`);
  insist(outcome.tokens.length === 1 && outcome.tokens[0] !== before[0], 'one new token for all');
  const all = outcome.micros.flat();
  stage.acme.setTtl(3600);
  await stage.signOut('acme');
  return {
    ...row(
      {
        name: `${whole(callers)} callers at the moment of expiry`,
        baseline: 'none: a count',
        samples: callers,
        rounds: 1,
        notes: [
          `${whole(answered(outcome))} answered, ${asked} request at the provider, ${exchanged} exchange; p50 ${micros(percentile(all, 0.5))}, slowest ${micros(Math.max(...all))}`,
        ],
      },
      [],
    ),
    budget: `${whole(callers)} answered, 1 request at the provider, 1 exchange`,
  };
}
