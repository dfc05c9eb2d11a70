/**
 * Every failure a person or a program can see: a code, what happened, and what to do next, in one table.
 *
 * The texts also leave through the broker, where Go's SDK decides by words whether to retry: none of them may contain
 * "throttled", "too many requests", "429", "request limit exceeded" or "rate limit".
 */
import { z } from 'zod';

export const nextSteps = [
  'none',
  'retry',
  'sign-in',
  'unlock-keychain',
  'check-network',
  'check-clock',
  'fix-config',
  'free-disk',
  'new-grant',
  'answer',
  'touch-key',
  'unlock',
  'start-agent',
  'ask-admin',
  'report',
] as const;
export type NextStep = (typeof nextSteps)[number];

interface FailureText {
  cause: string;
  next: string;
  nextStep: NextStep;
}

// biome-ignore format: one line per failure, so that it reads as the table it is
export const failureTexts = {
  // configuration
  CONFIG_MISSING: { cause: 'There is no configuration file yet.', next: 'Write one, or try `npm run demo` first; README shows an example.', nextStep: 'fix-config' },
  CONFIG_INVALID: { cause: 'The configuration file cannot be used as it is.', next: 'Correct the line that is named and start again.', nextStep: 'fix-config' },
  CONFIG_PLAIN_HTTP: { cause: 'A plain http address is only accepted on localhost or 127.0.0.1 in a profile marked `test: true`.', next: 'Use https, or mark the profile as a test profile.', nextStep: 'fix-config' },
  PROFILE_UNKNOWN: { cause: 'No profile of that name is configured.', next: 'See `lakepass status` for the names, or add the profile.', nextStep: 'fix-config' },
  PROFILE_NEEDED: { cause: 'Several profiles are configured and none was named.', next: 'Name one with --profile.', nextStep: 'fix-config' },
  // sign-in
  LOGIN_IN_PROGRESS: { cause: 'A sign-in is already waiting in the browser.', next: 'Finish it there, or cancel it with `lakepass login --cancel`.', nextStep: 'retry' },
  LOGIN_CANCELLED: { cause: 'The sign-in was cancelled.', next: 'Sign in again when you are ready.', nextStep: 'sign-in' },
  LOGIN_TIMED_OUT: { cause: 'Nobody finished the sign-in in time.', next: 'Sign in again; touch the key when the browser asks.', nextStep: 'sign-in' },
  LOGIN_REFUSED: { cause: 'The identity provider refused the sign-in.', next: 'Try again with a key that is registered there; if it stays refused, ask your admin.', nextStep: 'sign-in' },
  LOGIN_RESPONSE_INVALID: { cause: 'The answer from the browser is not the answer to our sign-in.', next: 'Start the sign-in again from Lakepass.', nextStep: 'sign-in' },
  LOGIN_REDIRECT_SHARED: { cause: 'Two profiles have one redirect, and this provider does not name itself in its answers.', next: 'Give one of them its own `idp.redirect.path`, and register that at its provider.', nextStep: 'fix-config' },
  LOGIN_PORT_BUSY: { cause: 'Every local port registered for the sign-in is in use.', next: 'Close the program that holds the port and sign in again.', nextStep: 'retry' },
  ISSUER_UNREACHABLE: { cause: 'The identity provider does not answer.', next: 'Check the network or VPN, then try again; a running session is renewed by itself.', nextStep: 'check-network' },
  ISSUER_INVALID: { cause: 'The identity provider describes itself in a way that cannot be trusted.', next: 'Compare the issuer in the profile with the one your admin gave you.', nextStep: 'ask-admin' },
  ID_TOKEN_REJECTED: { cause: 'The identity provider sent a token that does not pass our checks.', next: 'Sign in again; if it happens again, give the reason to your admin.', nextStep: 'ask-admin' },
  ASSURANCE_TOO_LOW: { cause: 'The sign-in was not proven as strongly as the profile demands.', next: 'Sign in again with a security key or platform authenticator.', nextStep: 'sign-in' },
  KEY_PAGE_UNKNOWN: { cause: 'Lakepass does not know where people register a security key at this identity provider.', next: 'Ask your IT where keys are registered; then run `lakepass keys register --prove`.', nextStep: 'ask-admin' },
  KEY_NOT_REGISTERED: { cause: 'No security key was registered at the identity provider.', next: 'Run `lakepass keys register` again; if the provider lets you register none, ask your admin.', nextStep: 'retry' },
  KEY_UNPROVEN: { cause: 'The sign-in does not show that a security key was used, so nothing came of it.', next: 'Run `lakepass keys register --prove` and touch the key when you are asked; if you never are, tell your admin.', nextStep: 'retry' },
  // session
  SIGNED_OUT: { cause: 'Nobody is signed in.', next: 'Run `lakepass login`.', nextStep: 'sign-in' },
  SESSION_EXPIRED: { cause: 'The session has reached its end.', next: 'Run `lakepass login`.', nextStep: 'sign-in' },
  SESSION_REFUSED: { cause: 'The identity provider no longer accepts this session.', next: 'Run `lakepass login`.', nextStep: 'sign-in' },
  SESSION_LOST: { cause: 'Lakepass was stopped in the middle of a renewal and the identity provider did not accept the old token again.', next: 'Run `lakepass login`.', nextStep: 'sign-in' },
  // vault
  KEYCHAIN_MISSING: { cause: 'There is no keychain service to keep secrets in.', next: 'Start one (gnome-keyring, KWallet), or choose `--vault memory` and sign in again after each restart.', nextStep: 'unlock-keychain' },
  KEYCHAIN_LOCKED: { cause: 'The keychain is locked.', next: 'Unlock it and start again.', nextStep: 'unlock-keychain' },
  KEYCHAIN_FAILED: { cause: 'The keychain did not do what was asked.', next: 'Look at your keychain program, then start again.', nextStep: 'unlock-keychain' },
  VAULT_CORRUPT: { cause: 'A sealed file cannot be opened: it was changed, or its key is gone.', next: 'It was set aside and nothing was deleted; sign in again.', nextStep: 'sign-in' },
  DISK_FULL: { cause: 'The disk is full or the folder cannot be written.', next: 'Free some space or mend the permissions, then try again.', nextStep: 'free-disk' },
  // databricks
  WORKSPACE_UNKNOWN: { cause: 'That workspace is not part of the profile.', next: 'Add it to the profile, or name one that is there.', nextStep: 'fix-config' },
  WORKSPACE_UNREACHABLE: { cause: 'The workspace does not answer.', next: 'Check the network or VPN and try again.', nextStep: 'check-network' },
  WORKSPACE_BUSY: { cause: 'The workspace asked us to come back later.', next: 'Try again in a minute.', nextStep: 'retry' },
  WORKSPACE_ANSWER_INVALID: { cause: 'The workspace gave an answer that cannot be used.', next: 'Check that the host is a Databricks workspace; a proxy may be answering for it.', nextStep: 'ask-admin' },
  WORKSPACE_TLS: { cause: 'The workspace showed a certificate that is not trusted.', next: 'A company proxy may be in the way; name the file with its authority as `network.caFile`.', nextStep: 'ask-admin' },
  EXCHANGE_WRONG_AUDIENCE: { cause: 'The workspace does not accept the audience of the identity token.', next: 'The federation policy must list the audience that is named.', nextStep: 'ask-admin' },
  EXCHANGE_WRONG_ISSUER: { cause: 'The workspace has no federation policy for this issuer.', next: 'The issuer must match to the letter, a trailing slash included.', nextStep: 'ask-admin' },
  EXCHANGE_UNKNOWN_USER: { cause: 'The workspace does not know this user.', next: 'The user must be provisioned in the Databricks account under the same name.', nextStep: 'ask-admin' },
  EXCHANGE_NO_PRINCIPAL: { cause: 'None of your groups stands for a service principal in this profile.', next: 'Ask your admin for one of the groups that are named, then sign in again.', nextStep: 'ask-admin' },
  PRINCIPAL_REFUSED: { cause: 'The workspace does not let this service principal in.', next: 'Look at it in the account; `lakepass service-principals set` takes a new secret.', nextStep: 'ask-admin' },
  PRINCIPAL_SECRET_NEEDED: { cause: 'There is no secret of this service principal that may be used here.', next: 'Put it in the vault with `lakepass service-principals set`.', nextStep: 'fix-config' },
  PRINCIPAL_NO_SIGN_IN: { cause: 'A service principal is no person: it has no sign-in.', next: 'Name the profile of a person, or leave --profile out.', nextStep: 'none' },
  WORKLOAD_TOKEN_UNUSABLE: { cause: 'The JWT of the workload is not where the configuration says, or is of no use.', next: 'See `lakepass service-principals status` for the place; put a fresh JWT there.', nextStep: 'fix-config' },
  EXCHANGE_SCOPE_REFUSED: { cause: 'The workspace does not give these scopes to this user.', next: 'Ask for fewer scopes.', nextStep: 'new-grant' },
  EXCHANGE_REFUSED: { cause: 'The workspace refused to exchange the identity token.', next: 'Check the federation policy of the account.', nextStep: 'ask-admin' },
  TOKEN_BOUND: { cause: 'The identity provider binds its access token to a key, so no workspace can take it.', next: 'Your admin can turn proof of possession (DPoP) off for Lakepass there, or the profile can use the ID token.', nextStep: 'ask-admin' },
  PROXY_INVALID: { cause: 'HTTPS_PROXY does not name a proxy that Lakepass could use.', next: 'Write it as http://HOST:PORT or https://HOST:PORT, then start the agent anew.', nextStep: 'fix-config' },
  PROXY_UNREACHABLE: { cause: 'No connection could be made through the proxy of this network.', next: 'Check HTTPS_PROXY and NO_PROXY and that you are in the network they are for.', nextStep: 'check-network' },
  PROXY_REFUSED: { cause: 'The proxy of this network does not let Lakepass through.', next: 'Your admin can allow the host, or say what belongs into HTTPS_PROXY; then start the agent anew.', nextStep: 'ask-admin' },
  SERVER_UNTRUSTED: { cause: 'The certificate of the server was issued by an authority that this machine does not know.', next: 'If it is one of your company, name its file as `network.caFile` in the configuration.', nextStep: 'ask-admin' },
  CLIENT_CERTIFICATE_DEMANDED: { cause: 'The server wants a client certificate, and Lakepass sends none.', next: 'Ask your admin for an address that takes people without one.', nextStep: 'ask-admin' },
  CA_FILE_UNUSABLE: { cause: 'The file that `network.caFile` names cannot be used.', next: 'Correct what is named: a PEM file that only you or an administrator can write.', nextStep: 'fix-config' },
  TOKENS_REJECTED: { cause: 'Tokens of your provider were rejected several times in a row.', next: 'Run `lakepass doctor`; tell your security team if nobody has changed anything.', nextStep: 'ask-admin' },
  CLOCK_SKEW: { cause: 'The clock of this machine differs too much from the server.', next: 'Set the clock and try again.', nextStep: 'check-clock' },
  SCOPE_NOT_NARROWED: { cause: 'The token would open more than was asked for.', next: 'It was handed to nobody; your admin should look at the federation policy, or at `allowNotNarrowed` in the profile.', nextStep: 'ask-admin' },
  SCOPE_NOT_AUTHORISED: { cause: 'The sign-in of this profile was not for these scopes, and a token of it cannot be widened.', next: 'Sign in once more for the scopes that the work needs, as a profile of its own: `lakepass login HOST --scope …`.', nextStep: 'sign-in' },
  SCOPE_UNKNOWN: { cause: 'That is neither a scope bundle nor a Databricks scope.', next: 'See `lakepass run --help` for the names.', nextStep: 'new-grant' },
  TOKEN_TOO_SHORT: { cause: 'The identity provider issues tokens too short to work with.', next: 'Your admin can lengthen the ID token, or set `minTokenLife` in the profile.', nextStep: 'ask-admin' },
  // grants
  GRANT_UNKNOWN: { cause: 'There is no such grant.', next: 'Make one with `lakepass run` or `lakepass env`.', nextStep: 'new-grant' },
  GRANT_REVOKED: { cause: 'This grant was revoked.', next: 'Make a new one with `lakepass run` or `lakepass env`.', nextStep: 'new-grant' },
  GRANT_PAUSED: { cause: 'You paused this access.', next: 'Let it go on in Lakepass (`lakepass ui`), then try again.', nextStep: 'answer' },
  GRANT_EXPIRED: { cause: 'This grant has ended.', next: 'Make a new one with `lakepass run` or `lakepass env`.', nextStep: 'new-grant' },
  GRANT_OTHER_PERSON: {
    cause: 'This grant was made by somebody else who was signed in here.',
    next: 'Make a new one with `lakepass run` or `lakepass env`.',
    nextStep: 'new-grant',
  },
  GRANT_LIMIT: { cause: 'The grant asked for is outside the limits of the profile.', next: 'Ask for a shorter time, or end grants that are no longer used.', nextStep: 'new-grant' },
  GRANTS_CORRUPT: { cause: 'The file with the grants cannot be read.', next: 'It was set aside and nothing was deleted; make new grants with `lakepass run` or `lakepass env`.', nextStep: 'new-grant' },
  // callers
  CALLER_UNPROVEN: { cause: 'The request does not prove which program makes it.', next: 'Use the `lakepass` command, which proves it by itself.', nextStep: 'none' },
  CALLER_REFUSED: { cause: 'Programs of this kind get no token here.', next: 'Run the program directly on this machine, or ask your admin for a policy that allows it.', nextStep: 'ask-admin' },
  // consent
  CONSENT_PENDING: { cause: 'Lakepass is asking you whether this program may use the grant.', next: 'Answer in Lakepass (`lakepass ui`), then run it again.', nextStep: 'answer' },
  CONSENT_UNANSWERED: { cause: 'Nobody answered the request in time.', next: 'Ask again when you are at the machine.', nextStep: 'retry' },
  CONSENT_DENIED: { cause: 'You refused this request.', next: 'Start a new run, or allow the program in Lakepass.', nextStep: 'new-grant' },
  CONSENT_QUEUE_FULL: { cause: 'More requests wait for an answer than Lakepass holds.', next: 'Answer them in Lakepass (`lakepass ui`), then try again.', nextStep: 'answer' },
  CONSENT_QUIET: { cause: 'Several requests went unanswered, so Lakepass stopped asking.', next: 'Open Lakepass (`lakepass ui`) when you are back, then try again.', nextStep: 'answer' },
  ASK_UNKNOWN: { cause: 'That request is over.', next: 'Look at what is still open in Lakepass.', nextStep: 'none' },
  ASK_TOO_EARLY: { cause: 'The request was not before your eyes long enough to be approved.', next: 'Read it, then answer.', nextStep: 'retry' },
  SPAN_REFUSED: { cause: 'Policy does not allow an approval of that length.', next: 'Choose one of the lengths that are offered.', nextStep: 'none' },
  APPROVER_REFUSED: { cause: 'The answer came from the program that asked.', next: 'Answer in your own browser.', nextStep: 'answer' },
  // tap keys
  TAP_NEEDED: { cause: 'This needs a touch of one of your tap keys.', next: 'Open Lakepass (`lakepass ui`) and touch the key.', nextStep: 'touch-key' },
  TAP_KEY_NEEDED: { cause: 'No tap key is enrolled yet, and this needs a touch of one.', next: 'Run `lakepass login` and enrol a key in the page that follows the sign-in.', nextStep: 'sign-in' },
  TAP_REFUSED: { cause: 'The touch does not prove what was asked.', next: 'Try again with a key that is enrolled here.', nextStep: 'touch-key' },
  TAP_KEYS_WANTED: { cause: 'Your company wants more tap keys of you than are enrolled here and count.', next: 'Sign in, then enrol one more on the page of your keys (`lakepass ui`).', nextStep: 'touch-key' },
  TAP_KEY_NOT_ALLOWED: { cause: 'Your company does not allow this tap key.', next: 'Enrol one that your admin has named; `lakepass status` says what is wanted.', nextStep: 'ask-admin' },
  SIGN_IN_STALE: { cause: 'Changing keys needs a sign-in at the identity provider that is less than five minutes old.', next: 'Run `lakepass login --step-up`, then try again.', nextStep: 'sign-in' },
  MDS_INVALID: { cause: 'The file is not the metadata that FIDO signs.', next: 'Fetch it again from https://mds.fidoalliance.org, unchanged, and import that.', nextStep: 'retry' },
  MDS_OLD: { cause: 'The metadata of FIDO in the file is not newer than what is here.', next: 'Nothing is to be done; fetch it again when the next issue is out.', nextStep: 'none' },
  // policy
  POLICY_DENIED: { cause: 'Policy does not allow this.', next: 'See `lakepass policy explain`: it says which rule decided, and what would change it.', nextStep: 'ask-admin' },
  POLICY_INVALID: { cause: 'The policy file cannot be used as it is.', next: 'Correct the line that is named; `lakepass policy check` tries it without an agent.', nextStep: 'fix-config' },
  POLICY_EXPIRED: { cause: 'The policy is past its date, so no new token is handed out.', next: 'Put a newer policy in its place.', nextStep: 'ask-admin' },
  POLICY_UNAPPROVED: { cause: 'The policy file was changed and nobody has approved the change, so the last approved one holds.', next: 'Approve it in Lakepass (`lakepass ui`).', nextStep: 'answer' },
  CONFIG_UNAPPROVED: { cause: 'The configuration file was changed and nobody has approved the change, so the last approved one holds.', next: 'Approve it in Lakepass (`lakepass ui`).', nextStep: 'answer' },
  STEP_UP_NEEDED: { cause: 'Policy asks for a fresh, stronger sign-in first.', next: 'Run `lakepass login --step-up`.', nextStep: 'sign-in' },
  TOKEN_LIVES_TOO_LONG: { cause: 'The workspace gave a token that lives longer than policy allows.', next: 'Your admin can shorten the ID token at the identity provider, or raise `maxTokenLife`.', nextStep: 'ask-admin' },
  // managed by IT
  BUNDLE_AWAITED: { cause: 'Your company manages this device, and what it says has not been fetched yet, so no token is handed out.', next: 'Check the network; it is tried again within a minute.', nextStep: 'check-network' },
  BUNDLE_INVALID: { cause: 'The bundle of your company cannot be used; the one that was accepted last, if there is one, goes on holding.', next: 'Tell your admin; `lakepass admin bundle` says what is wrong with it.', nextStep: 'ask-admin' },
  BUNDLE_KEY_UNKNOWN: { cause: 'The bundle is signed by a key that this device has no reason to trust.', next: 'Compare the fingerprint with your admin; a new key needs a bundle that both sign.', nextStep: 'ask-admin' },
  BUNDLE_ROLLED_BACK: { cause: 'The bundle is older than the one that was accepted last, or another one of the same revision.', next: 'Your admin publishes one with a higher revision.', nextStep: 'ask-admin' },
  BUNDLE_UNREACHABLE: { cause: 'The bundle of your company could not be fetched; the one that was accepted last, if there is one, goes on holding.', next: 'Check the network; it is tried again within a minute.', nextStep: 'check-network' },
  DEVICE_REVOKED: { cause: 'Your company has revoked this device, so it gets no token any more.', next: 'Ask your admin.', nextStep: 'ask-admin' },
  PERSON_REVOKED: { cause: 'Your company has revoked you, so no token is handed out in your name.', next: 'Ask your admin.', nextStep: 'ask-admin' },
  ENROLLED_ELSEWHERE: { cause: 'This device belongs to a company already, and one device has one.', next: 'Leave that one first (`lakepass enroll --leave`), or ask your admin.', nextStep: 'ask-admin' },
  NOT_ENROLLED: { cause: 'This device belongs to no company.', next: 'Nothing is to be done; `lakepass enroll LINK` joins one.', nextStep: 'none' },
  ENROLLED_BY_IT: { cause: 'The settings of this machine enroll it, so it cannot be left from here.', next: 'Your admin takes it out of management.', nextStep: 'ask-admin' },
  MANAGED_SETTINGS_UNSAFE: { cause: 'Somebody other than an administrator could have written the managed settings, so they count for nothing.', next: 'Tell your admin: the file and every folder above it belong to root, and nobody else can write them.', nextStep: 'ask-admin' },
  MANAGED_SETTINGS_INVALID: { cause: 'The managed settings of this machine cannot be used; where they cannot even be read, no agent starts.', next: 'Tell your admin what is named; `deploy/managed.schema.json` says what may stand there.', nextStep: 'ask-admin' },
  INVITATION_INVALID: { cause: 'That is no invitation to a company.', next: 'Ask your admin for the link again, and use it as it is.', nextStep: 'ask-admin' },
  OFFER_CHANGED: { cause: 'What the company offers is no longer what you were shown, so nothing was kept.', next: 'Look at it again, then accept.', nextStep: 'retry' },
  SETTING_LOCKED: { cause: 'Your company has set this, and you may not change it in this way.', next: 'See `lakepass settings` for what holds, and by whose word.', nextStep: 'ask-admin' },
  SETTING_FORBIDS: { cause: 'A setting of this device forbids this.', next: 'See `lakepass settings` for whose it is.', nextStep: 'ask-admin' },
  RECORD_NOT_SENT: { cause: 'What your company is to be told of this device could not be delivered.', next: 'It is tried again by itself; if it stays so, tell your admin where it should go.', nextStep: 'ask-admin' },
  BUNDLE_EXPIRED: { cause: 'The bundle of your company is past its date, so no new token is handed out.', next: 'Your admin publishes a new one.', nextStep: 'ask-admin' },
  // the tool of admins
  ADMIN_FILE_MISSING: { cause: 'A file of the admin folder is not there.', next: 'Name the folder with --folder, or make one with `lakepass admin init`.', nextStep: 'fix-config' },
  ADMIN_FILE_EXISTS: { cause: 'There is a file already where one would be written.', next: 'Nothing was written; name another folder.', nextStep: 'fix-config' },
  ADMIN_FILE_INVALID: { cause: 'A file of the admin folder cannot be used as it is.', next: 'Nothing was written; correct what is named.', nextStep: 'fix-config' },
  ADMIN_STEP_MISSING: { cause: 'Another step has to come first.', next: 'Nothing was changed; do what is named.', nextStep: 'fix-config' },
  SIGNING_KEY_SEALED: { cause: 'That does not open the signing key.', next: 'Give the passphrase of `lakepass admin init`; without it the key is lost.', nextStep: 'fix-config' },
  // locks
  AWAY: { cause: 'The screen is locked, so nothing new begins; what was approved before goes on.', next: 'Unlock the screen and try again.', nextStep: 'unlock' },
  LOCKED: { cause: 'Lakepass is locked.', next: 'Run `lakepass unlock`.', nextStep: 'unlock' },
  PASSPHRASE_WRONG: { cause: 'That passphrase does not open the vault.', next: 'Try again; a fresh sign-in starts a new vault.', nextStep: 'unlock' },
  PASSPHRASE_NEEDED: { cause: 'The vault is sealed with a passphrase.', next: 'Run `lakepass unlock` in a terminal, or give it with --passphrase-fd.', nextStep: 'unlock' },
  VAULT_SEALED: { cause: 'The vault is sealed by a key.', next: 'Run `lakepass unlock` and touch the key, or sign in afresh.', nextStep: 'unlock' },
  // hand-over
  HANDOVER_REFUSED: { cause: 'This agent does not hand over to another one.', next: 'Use it as it is, or stop it first (`lakepass agent stop`).', nextStep: 'none' },
  // pages
  PAGE_REFUSED: { cause: 'This page is not, or no longer, one that Lakepass opened.', next: 'Open it again with `lakepass ui`.', nextStep: 'none' },
  // doors
  HOST_REFUSED: { cause: 'The Host header is not the address of this door.', next: 'Use the URL exactly as Lakepass printed it.', nextStep: 'none' },
  TARGET_REFUSED: { cause: 'The request target is not a plain path.', next: 'Use the URL exactly as Lakepass printed it.', nextStep: 'none' },
  BROWSER_REFUSED: { cause: 'The request comes from a web page.', next: 'Tokens are for programs, not for pages.', nextStep: 'none' },
  METHOD_REFUSED: { cause: 'This door does not know that method.', next: 'Use GET.', nextStep: 'none' },
  VERSION_REFUSED: { cause: 'The metadata version header is missing or not 1.', next: 'Use a Databricks SDK, or send X-Databricks-Metadata-Version: 1.', nextStep: 'none' },
  ROUTE_UNKNOWN: { cause: 'There is nothing at this address.', next: 'Use the URL exactly as Lakepass printed it.', nextStep: 'none' },
  WORKSPACE_MISMATCH: { cause: 'The grant is for another workspace than the request names.', next: 'Make a grant for this workspace.', nextStep: 'new-grant' },
  DEADLINE_PASSED: { cause: 'No token could be had in the time the client waits.', next: 'Try again; `lakepass status` says what is slow.', nextStep: 'retry' },
  DOOR_BUSY: { cause: 'More requests are waiting at this door than it holds.', next: 'Try again in a moment.', nextStep: 'retry' },
  INPUT_INVALID: { cause: 'The request is not understood.', next: 'Correct the field that is named.', nextStep: 'none' },
  // agent
  AGENT_RUNNING: { cause: 'A Lakepass agent is already running for you on this machine.', next: 'Use it as it is, or stop it first.', nextStep: 'none' },
  AGENT_NOT_RUNNING: { cause: 'The Lakepass agent is not running.', next: 'Start it with `lakepass agent`.', nextStep: 'start-agent' },
  ENVIRONMENT_UNSAFE: { cause: 'A variable is set that could have loaded a program into the agent that reads every token.', next: 'Start it without: `env -u NAME lakepass agent`.', nextStep: 'start-agent' },
  AGENT_START_FAILED: { cause: 'The Lakepass agent did not come up.', next: 'Run `lakepass agent` in a terminal to see why.', nextStep: 'start-agent' },
  AGENT_IS_DESKTOP: { cause: 'In this installation the agent is the desktop app.', next: 'Open Lakepass; every other command starts it by itself.', nextStep: 'start-agent' },
  RUNTIME_UNSAFE: { cause: 'The runtime folder is not yours alone.', next: 'Remove it, or point XDG_RUNTIME_DIR to a local folder of your own.', nextStep: 'fix-config' },
  FOLDER_UNSAFE: { cause: 'A folder that Lakepass keeps things in is not yours alone.', next: 'Give it to yourself and close it to others (chown, chmod 700), then start again.', nextStep: 'fix-config' },
  RUNTIME_PATH_TOO_LONG: { cause: 'The path of the control socket is longer than the system allows.', next: 'Use a shorter folder for --home or XDG_RUNTIME_DIR.', nextStep: 'fix-config' },
  PORT_TAKEN: {
    cause: 'Another program holds the port that Lakepass used before, so it moved, and the grants made there were ended.',
    next: 'Make new ones; shells that still hold old variables need `lakepass env` again.',
    nextStep: 'new-grant',
  },
  PLATFORM_UNSUPPORTED: { cause: 'On this system Lakepass cannot yet tell which user connects.', next: 'Use Linux for now.', nextStep: 'none' },
  // the profile file of Databricks
  DATABRICKSCFG_CHANGED: { cause: 'The Databricks profile file has changed meanwhile, so it was left as it is.', next: 'Look at it, then try again; what was there before is kept.', nextStep: 'retry' },
  DATABRICKSCFG_UNSAFE: { cause: 'The Databricks profile file is not a plain file of yours alone.', next: 'Give it to yourself and close it to others (chown, chmod 600), then try again.', nextStep: 'fix-config' },
  DATABRICKSCFG_INVALID: { cause: 'The Databricks profile file cannot be changed safely as it is.', next: 'Correct what is named, then try again.', nextStep: 'fix-config' },
  DATABRICKSCFG_NO_UNDO: { cause: 'There is no change of the Databricks profile file to take back.', next: 'See what is there with `lakepass profiles list`.', nextStep: 'none' },
  // first steps
  CONFIG_EXISTS: { cause: 'There is a configuration file already, and it is never overwritten.', next: 'Edit that file; the change holds once you have approved it.', nextStep: 'fix-config' },
  NOTEBOOK_FAILED: { cause: 'The sample notebook did not run to its end.', next: 'Open it in your own editor to see what its cells say, or try again.', nextStep: 'retry' },
  WAREHOUSE_NONE: { cause: 'There is no SQL warehouse that you may use in this workspace.', next: 'Ask your admin for one; nothing is wrong with your sign-in.', nextStep: 'ask-admin' },
  STATEMENT_REFUSED: { cause: 'The workspace did not let this SQL statement run.', next: 'Ask your admin whether you may use the SQL warehouse.', nextStep: 'ask-admin' },
  STATEMENT_FAILED: { cause: 'The SQL statement did not come to a result.', next: 'Try again in a minute; a warehouse that was stopped takes a while to start.', nextStep: 'retry' },
  TOKEN_NOT_ACCEPTED: { cause: 'The workspace did not accept the token it had just given.', next: 'Check the clock of this machine, then sign in again.', nextStep: 'sign-in' },
  // apps
  APP_START_FAILED: { cause: 'The app cannot be run as it is.', next: 'Correct what is named, then try again.', nextStep: 'fix-config' },
  APP_NOT_UP: { cause: 'The app does not answer on its port.', next: 'Look at the terminal in which it runs; it must listen on DATABRICKS_APP_PORT.', nextStep: 'retry' },
  APP_NOT_OURS: { cause: 'On the port of the app another program answers, so it was sent nothing.', next: 'Stop that program, or name another port with --app-port.', nextStep: 'none' },
  APP_ENTRY_NEEDED: { cause: 'This browser has not been let in.', next: 'Open the newest address on the terminal of `lakepass apps run`.', nextStep: 'none' },
  TOKEN_UNFIT: { cause: 'The token that came is not one for this grant, so nothing was started.', next: 'Compare the profile with what your admin gave you; `lakepass can` says what is needed.', nextStep: 'ask-admin' },
  // audit
  AUDIT_UNWRITABLE: { cause: 'The audit log cannot be written, so no token is handed out.', next: 'Free some space or mend the permissions, then try again.', nextStep: 'free-disk' },
  AUDIT_BROKEN: { cause: 'The audit log does not verify.', next: 'Keep the file as it is and show it to your security team.', nextStep: 'ask-admin' },
  AUDIT_NOT_SEALED: { cause: 'The audit log has no signing key yet, so it is not sealed by checkpoints.', next: 'It is tried again each minute; if it stays so, run `lakepass doctor`.', nextStep: 'retry' },
  METRICS_PORT_TAKEN: { cause: 'The port for metrics could not be opened.', next: 'Name another one under `telemetry.metrics.port`, or end the program that holds it.', nextStep: 'fix-config' },
  METRICS_TOKEN_WRONG: { cause: 'Metrics are for whoever has read their token.', next: 'Send what is in `metrics-token` in the runtime folder as a bearer token.', nextStep: 'none' },
  AUDIT_SINK_UNREACHABLE: { cause: 'Audit records cannot be sent to where your company looks for them; they wait on this device.', next: 'Check the network, or the folder that is named; they are sent again by themselves.', nextStep: 'check-network' },
  AUDIT_SINK_REFUSED: { cause: 'Whoever collects audit records does not accept what is sent to them.', next: 'Tell your admin; `lakepass status` says which sink it is.', nextStep: 'ask-admin' },
  INTERNAL: { cause: 'Something went wrong inside Lakepass.', next: 'Please report it with the time it happened.', nextStep: 'report' },
} as const satisfies Record<string, FailureText>;

export type FailureCode = keyof typeof failureTexts;
export const failureCodes = Object.keys(failureTexts) as FailureCode[];

export const failureSchema = z.object({
  code: z.enum(failureCodes as [FailureCode, ...FailureCode[]]),
  cause: z.string(),
  next: z.string(),
  nextStep: z.enum(nextSteps),
  reason: z.string().optional(),
  detail: z.string().optional(),
});
export interface Failure {
  code: FailureCode;
  cause: string;
  next: string;
  nextStep: NextStep;
  reason?: string | undefined;
  detail?: string | undefined;
}
