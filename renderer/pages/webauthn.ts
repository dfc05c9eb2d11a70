/**
 * The browser's half of a ceremony. @simplewebauthn/browser passes extensions through as they are, so the inputs and outputs of the
 * PRF extension (WebAuthn level 3, section 10.1.4) are turned from and into base64url here.
 */
import {
  type AuthenticationResponseJSON,
  base64URLStringToBuffer,
  browserSupportsWebAuthn,
  bufferToBase64URLString,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
  startAuthentication,
  startRegistration,
  WebAuthnAbortService,
} from '@simplewebauthn/browser';

type Options = Record<string, unknown>;
type Response = RegistrationResponseJSON | AuthenticationResponseJSON;

export const isSupported = browserSupportsWebAuthn;

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** `{ first, second? }` with base64url texts → the same with buffers. */
const saltsOf = (values: unknown): unknown =>
  isObject(values)
    ? Object.fromEntries(
        Object.entries(values).map(([name, value]) => [name, typeof value === 'string' ? base64URLStringToBuffer(value) : value]),
      )
    : values;

/** The options with the PRF extension's salts as the browser wants them. */
export function withSalts(options: Options): Options {
  const extensions = options['extensions'];
  const prf = isObject(extensions) ? extensions['prf'] : undefined;
  if (!isObject(extensions) || !isObject(prf)) return options;
  const byCredential = prf['evalByCredential'];
  const salted = {
    ...(prf['eval'] === undefined ? {} : { eval: saltsOf(prf['eval']) }),
    ...(isObject(byCredential)
      ? { evalByCredential: Object.fromEntries(Object.entries(byCredential).map(([id, values]) => [id, saltsOf(values)])) }
      : {}),
  };
  return { ...options, extensions: { ...extensions, prf: salted } };
}

/** The response with the PRF outputs as base64url texts, under `clientExtensionResults.prf.results`. */
export function withOutputs(response: Response): Record<string, unknown> {
  const extensions = response.clientExtensionResults as Record<string, unknown>;
  const prf = extensions['prf'];
  const results = isObject(prf) ? prf['results'] : undefined;
  if (!isObject(prf) || !isObject(results)) return { ...response };
  const texts = Object.fromEntries(
    Object.entries(results).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, textOf(value as ArrayBuffer | ArrayBufferView)]],
    ),
  );
  return { ...response, clientExtensionResults: { ...extensions, prf: { ...prf, results: texts } } };
}

function textOf(value: ArrayBuffer | ArrayBufferView): string {
  if (!ArrayBuffer.isView(value)) return bufferToBase64URLString(value);
  return bufferToBase64URLString(new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice().buffer);
}

/**
 * One touch. The time-out is ours: browsers shorten, lengthen or ignore the one in the options.
 *
 * @throws the browser's own error, or what @simplewebauthn/browser made of it with that as its cause
 */
export async function touch(kind: 'create' | 'get', options: Options, timeoutMs: number): Promise<Record<string, unknown>> {
  const timer = setTimeout(() => WebAuthnAbortService.cancelCeremony(), timeoutMs);
  try {
    const optionsJSON = withSalts(options);
    return withOutputs(
      kind === 'create'
        ? await startRegistration({ optionsJSON: optionsJSON as unknown as PublicKeyCredentialCreationOptionsJSON })
        : await startAuthentication({ optionsJSON: optionsJSON as unknown as PublicKeyCredentialRequestOptionsJSON }),
    );
  } finally {
    clearTimeout(timer);
  }
}

export const stop = (): void => WebAuthnAbortService.cancelCeremony();

/** The DOM exception's name behind an error, which says what to tell the person. */
export function errorName(error: unknown): string {
  if (!(error instanceof Error)) return 'other';
  return error.cause instanceof Error ? error.cause.name : error.name;
}
