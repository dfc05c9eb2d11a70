/**
 * What the texts of refusals mean, as data: of Databricks' APIs and token endpoint, of its SDKs and its command line. They are no contract of
 * anybody's; a row says where its text was seen.
 *
 * A row fits where all words of one of its lists are in the text, in small letters. Of those that fit, the one with the most letters counts.
 * Sentences name nothing of what was pasted, so nothing of it is ever repeated.
 */

export interface Row {
  id: string;
  /** Lists of plain pieces of text, in small letters. */
  has: readonly (readonly string[])[];
  sentence: string;
  /** What to do: a command, or a place. */
  next: string;
  /** Where the text was seen. */
  source: string;
}

const signIn = 'Sign in: `lakepass login`.';
const runAnew = 'Start the program with `lakepass run`, or take the variables of `lakepass env` anew.';

// biome-ignore format: one row, one block
export const explanations: readonly Row[] = [
  // The SDKs, about what the address of the grant answered.
  { id: 'sdk-two-methods', has: [['more than one authorization method configured']],
    sentence: 'The environment names a second way to sign in beside Lakepass.', next: '`lakepass doctor` names the variables; unset them, or start the program with `lakepass run`.', source: 'SDKs for Python and Go, validation of the configuration' },
  { id: 'sdk-host-not-local', has: [['only localhost urls are allowed'], ['invalid auth server url']],
    sentence: 'DATABRICKS_METADATA_SERVICE_URL is no address on this machine that the SDK takes.', next: runAnew, source: 'SDKs for Go and JavaScript' },
  { id: 'sdk-py-empty-token', has: [['metadata service returned empty token']],
    sentence: 'Lakepass has refused this program, and the Python SDK does not show the reason.', next: 'Look at Activity in `lakepass ui`, or run `lakepass doctor --grant ID` with the id from `lakepass grants`.', source: 'SDK for Python, any refusal in JSON' },
  { id: 'sdk-py-not-json', has: [['expecting value: line 1 column 1 (char 0)']],
    sentence: 'What answered at the address of the grant is not Lakepass.', next: runAnew, source: 'SDK for Python, an answer that is no JSON' },
  { id: 'sdk-py-refused', has: [['httpconnectionpool(', 'connection refused'], ['httpconnectionpool(', 'max retries exceeded', '/v1/metadata/'], ['httpconnectionpool(', 'newconnectionerror']],
    sentence: 'Nobody listens at the address of the grant: the agent does not run, or the address is an old one.', next: 'Start it: `lakepass status`. If the program still fails, take the variables of `lakepass env` anew.', source: 'SDK for Python, connection refused' },
  { id: 'sdk-py-timeout', has: [['read timed out. (read timeout=10)'], ['read timed out', 'httpconnectionpool(']],
    sentence: 'The answer took longer than the ten seconds the Python SDK waits.', next: 'Look whether a request waits for you: `lakepass ui`. Then run the program again.', source: 'SDK for Python, a slow answer' },
  { id: 'sdk-py-expiry', has: [['invalid expiry'], ["'expires_on'"], ['invalid token expiry']],
    sentence: 'What answered at the address of the grant gives tokens in another form than Lakepass.', next: runAnew, source: 'SDKs for Python and Go, expires_on' },
  { id: 'sdk-go-deadline', has: [['context deadline exceeded']],
    sentence: 'The answer took longer than the program waits.', next: 'Look whether a request waits for you: `lakepass ui`. Then run the program again.', source: 'SDK for Go, a slow answer' },
  { id: 'sdk-go-refusal', has: [['token request:']],
    sentence: 'Lakepass has refused this program; the code stands in the text that follows.', next: 'Paste the whole line, with its code.', source: 'SDK for Go, any refusal' },
  { id: 'sdk-js-refusal', has: [['token parse: invalid token']],
    sentence: 'Lakepass has refused this program, and the JavaScript SDK does not show the reason.', next: 'Look at Activity in `lakepass ui`, or run `lakepass doctor --grant ID` with the id from `lakepass grants`.', source: 'SDK for JavaScript, a refusal in JSON' },
  { id: 'sdk-js-unreachable', has: [['error fetching auth server url']],
    sentence: 'Nobody answers at the address of the grant, or not in JSON.', next: 'Start the agent: `lakepass status`. If the program still fails, take the variables of `lakepass env` anew.', source: 'SDK for JavaScript' },
  { id: 'sdk-not-configured', has: [['cannot configure default credentials'], ['default auth: cannot configure']],
    sentence: 'The program found no way to sign in: no variables of a grant, or a grant that is gone.', next: runAnew, source: 'SDKs, nothing configured; JavaScript also for a 404 of the grant' },

  // OAuth at a workspace or the account.
  { id: 'oauth-refresh-dead', has: [['refresh token is invalid']],
    sentence: 'The sign-in behind this program is over: its refresh token was used, revoked or has ended.', next: signIn, source: 'token endpoint, invalid_grant' },
  { id: 'oauth-unknown-client', has: [['oauth application with client_id', 'not available in databricks account']],
    sentence: 'This Databricks account does not know the OAuth application.', next: 'Check `clientId` and the address of the workspace in the configuration; a workspace of another account has other applications.', source: 'token endpoint and authorization page' },
  { id: 'oauth-redirect', has: [['redirect_uri', 'not registered for oauth application']],
    sentence: 'The redirect of the sign-in is not registered for the OAuth application.', next: 'Register it to the letter, port included, or set `redirect` in the configuration to one that is.', source: 'authorization page' },
  { id: 'oauth-scope-unassigned', has: [['are not assigned', 'scopes ']],
    sentence: 'The account does not give these scopes to this application or secret.', next: 'Ask for fewer: `lakepass run -s sql`; or have an administrator assign them.', source: 'token endpoint, access_denied' },
  { id: 'oauth-secret-wrong', has: [['client authentication failed'], ['invalid_client', 'client secret']],
    sentence: 'The secret of the service principal is wrong.', next: 'Set it anew: `lakepass service-principals set NAME`.', source: 'token endpoint, invalid_client' },
  { id: 'oauth-secret-expired', has: [['client authentication failed: the secret has expired']],
    sentence: 'The secret of the service principal has ended.', next: 'Make a new one in the account console, then `lakepass service-principals set NAME`.', source: 'token endpoint, invalid_client' },
  { id: 'oauth-code-used', has: [['authorization code is invalid'], ['authorization code', 'expired']],
    sentence: 'The answer of the sign-in came too late, or twice.', next: signIn, source: 'token endpoint, invalid_grant' },
  { id: 'oauth-scope-unknown', has: [['invalid_scope']],
    sentence: 'A scope that was asked for does not exist there.', next: 'Look at the names: `lakepass run --help`; a typing error is the usual cause.', source: 'token endpoint, invalid_scope' },
  { id: 'oauth-grant-type', has: [['unsupported_grant_type']],
    sentence: 'This token endpoint does not offer what it was asked for.', next: 'Check the address of the workspace; token federation has to be on in the account.', source: 'token endpoint, unsupported_grant_type' },
  { id: 'html-page', has: [['<!doctype html'], ['<html']],
    sentence: 'A web page answered in place of an API: a sign-in page, a proxy, or a host that serves many workspaces.', next: 'Check the address of the workspace in the configuration, and run `lakepass doctor` for the network.', source: 'unified hosts and captive proxies' },

  // Token exchange against a federation policy.
  { id: 'federation-audience', has: [['invalid_grant', 'audience'], ['audience of the token does not match']],
    sentence: 'The federation policy does not list the audience of the token.', next: '`lakepass doctor` shows the audience; put it among the `audiences` of the policy.', source: 'token endpoint, 400 invalid_grant' },
  { id: 'federation-issuer', has: [['no federation policy matches the issuer']],
    sentence: 'No federation policy of the account names the issuer of the token, to the letter.', next: '`lakepass doctor` shows the issuer; a slash at the end counts.', source: 'token endpoint, 401' },
  { id: 'federation-user', has: [['user of the token is not known in the account']],
    sentence: 'The person is not a user of this Databricks account.', next: 'Have the person added to the account, or set `subject_claim` of the policy to the claim with the user name.', source: 'token endpoint, 401' },
  { id: 'federation-principal', has: [['service principal is not known in the account']],
    sentence: 'The service principal does not exist in this account.', next: 'Check `clientId` in the configuration.', source: 'token endpoint, 401' },
  { id: 'federation-subject', has: [['subject of the token does not match the federation policy']],
    sentence: 'The policy of the service principal names another subject.', next: 'Set `subject` of that policy to the value of the claim, to the letter.', source: 'token endpoint, 401' },
  { id: 'federation-claim', has: [['token lacks the subject claim']],
    sentence: 'The policy reads the user name from a claim that the token does not hold.', next: 'Set `subject_claim` of the policy to a claim that `lakepass doctor` shows, or have the provider add it.', source: 'token endpoint, 401' },
  { id: 'federation-expired', has: [['invalid credentials', 'the token has expired']],
    sentence: 'The token of the identity provider had ended, or a clock is wrong.', next: '`lakepass doctor` compares the clocks; else sign in: `lakepass login`.', source: 'token endpoint, 401' },
  { id: 'federation-claim-time', has: [['a claim of the token is missing or not acceptable']],
    sentence: 'A claim of the token is missing, or not valid yet.', next: '`lakepass doctor` compares the clocks.', source: 'token endpoint, 401' },
  { id: 'federation-keys', has: [['signing keys of the issuer cannot be fetched']],
    sentence: 'The workspace cannot read the keys of the identity provider.', next: 'The provider’s key set must be reachable from the internet, or be written into the policy as `jwks_json`.', source: 'token endpoint, 401' },
  { id: 'federation-signature', has: [['signature of the token cannot be verified']],
    sentence: 'The keys in the policy are not those that the token was signed with.', next: 'Have `jwks_uri` or `jwks_json` of the policy brought up to date.', source: 'token endpoint, 401' },
  { id: 'federation-algorithm', has: [['must be signed with rs256 or es256']],
    sentence: 'Databricks takes tokens that are signed with RS256 or ES256 alone.', next: 'Choose one of them for this client at the identity provider.', source: 'token endpoint, 400' },
  { id: 'federation-opaque', has: [['invalid credentials']],
    sentence: 'The token was refused without a reason: most often no policy names the issuer, or the person is not in the account.', next: '`lakepass doctor` shows issuer, audience and user name; compare them with the federation policy.', source: 'token endpoint, 401, also in JDBC logs' },
  { id: 'oauth-invalid-grant', has: [['invalid_grant']],
    sentence: 'What was brought for a token is not good any more, or not for this place.', next: 'Run `lakepass doctor`; else sign in again: `lakepass login`.', source: 'token endpoint, 400' },
  { id: 'oauth-invalid-client', has: [['invalid_client']],
    sentence: 'The token endpoint does not accept who asks.', next: 'Run `lakepass doctor`, which compares what is known with the federation policy.', source: 'token endpoint, 401' },

  // The APIs of a workspace.
  { id: 'api-no-credential', has: [['credential was not sent or was of an unsupported type']],
    sentence: 'The program sent no token at all.', next: runAnew, source: 'API gateway, 401' },
  { id: 'api-invalid-token', has: [['invalid access token']],
    sentence: 'The workspace does not know this token: it is of another workspace, was revoked, or the user was removed.', next: 'Check DATABRICKS_HOST in the program, then take a new token: run it with `lakepass run`.', source: 'API gateway, 403' },
  { id: 'api-expired', has: [['jwt has expired']],
    sentence: 'The token has ended, and the program did not ask for a new one.', next: 'Let the program read its token from the SDK each time, or start it again; copied tokens are not renewed.', source: 'API gateway, 403' },
  { id: 'api-expired-cli', has: [['invalid token']],
    sentence: 'The token is not good any more, most often because it has ended.', next: 'Start the program again with `lakepass run`.', source: 'API gateway, long runs' },
  { id: 'api-expiring', has: [['token is expiring within'], ['(token expired)']],
    sentence: 'The workspace refuses a token in its last seconds.', next: 'Let the program run again: the next token is a new one.', source: 'API gateway on Azure, 403' },
  { id: 'api-scope', has: [['does not have required scopes'], ['provided oauth token', 'required scopes']],
    sentence: 'The token does not open this API: the grant lacks a scope.', next: 'Add it: `lakepass grants add ID SCOPE`, and approve the request.', source: 'API gateway, 403' },
  { id: 'api-scope-pat', has: [['provided access token does not have required scopes']],
    sentence: 'A personal access token is in use, and it does not open this API.', next: 'The program signs in past Lakepass: `lakepass doctor` names the variable or the profile.', source: 'API gateway, 403' },
  { id: 'api-scope-genie', has: [['invalid scope, required scopes']],
    sentence: 'The token does not open this API: the grant lacks a scope.', next: 'Add it: `lakepass grants add ID SCOPE`, and approve the request.', source: 'Genie, 403' },
  { id: 'api-unparsed', has: [['unable to parse response']],
    sentence: 'The refusal was no JSON, so the SDK cannot show it; most often the grant lacks a scope.', next: 'Look which API was called, and add its scope: `lakepass grants add ID SCOPE`.', source: 'SDK for Python, 403 with plain text' },
  { id: 'api-permission', has: [['permission_denied']],
    sentence: 'The token is good; you, or the service principal it acts as, may not do this in the workspace.', next: 'Ask the owner of the object or an administrator for the permission; another scope does not help.', source: 'APIs, 403 PERMISSION_DENIED' },
  { id: 'api-no-endpoint', has: [['endpoint_not_found']],
    sentence: 'There is no such API at this address.', next: 'Check the address of the workspace, and the version of the SDK.', source: 'APIs, 404 ENDPOINT_NOT_FOUND' },
  { id: 'api-not-there', has: [['resource_does_not_exist'], ['not_found']],
    sentence: 'The object does not exist in this workspace, or you may not see it.', next: 'Check its name, and that the program asks the right workspace: DATABRICKS_HOST.', source: 'APIs, 404' },
  { id: 'api-malformed', has: [['malformed_request']],
    sentence: 'The request was no JSON that the API could read; signing in is not the matter.', next: 'Look at the program that made it.', source: 'APIs, 400 MALFORMED_REQUEST' },
  { id: 'api-bad-field', has: [['invalid_parameter_value']],
    sentence: 'A field of the request is not acceptable; signing in is not the matter.', next: 'Look at the rest of the message and at the program that made the request.', source: 'APIs, 400 INVALID_PARAMETER_VALUE' },
  { id: 'api-busy', has: [['request_limit_exceeded'], ['too many requests']],
    sentence: 'The workspace gets too many requests just now.', next: 'Wait a minute and let the program run again.', source: 'APIs, 429' },
  { id: 'api-away', has: [['temporarily_unavailable']],
    sentence: 'The workspace cannot answer just now.', next: 'Wait a minute and let the program run again.', source: 'APIs, 503' },

  // The command line of Databricks.
  { id: 'cli-no-login', has: [['databricks oauth is not configured for this host']],
    sentence: 'The Databricks CLI looks for a sign-in of its own, which there is not.', next: 'Run it below Lakepass: `lakepass run -- databricks …`.', source: 'databricks auth token' },
  { id: 'cli-refresh', has: [['a new access token could not be retrieved because the refresh token is invalid']],
    sentence: 'The Databricks CLI’s own sign-in is over.', next: 'Run it below Lakepass, which renews by itself: `lakepass run -- databricks …`.', source: 'databricks auth token' },
  { id: 'cli-no-profiles', has: [['no profiles configured'], ['no profile specified']],
    sentence: 'The Databricks CLI was told neither a host nor a profile.', next: 'Run it below Lakepass: `lakepass run -- databricks …`, or write a profile: `lakepass profiles write`.', source: 'databricks auth token' },
  { id: 'cli-forced', has: [['forced token refresh']],
    sentence: 'The Databricks CLI could not renew its own token when it was told to.', next: 'Leave `--force-refresh` out below `lakepass run`: Lakepass renews tokens itself.', source: 'databricks auth token --force-refresh' },
  { id: 'cli-unauthenticated', has: [['"unauthenticated"'], ['error_code', 'unauthenticated']],
    sentence: 'The Databricks CLI has no token that is good.', next: 'Run it below Lakepass: `lakepass run -- databricks …`.', source: 'databricks auth token -o json' },
];
