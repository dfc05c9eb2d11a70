/** What the attestation of a key came to, as a person reads it. */
import type { TapKeyView } from '../../preload/contract/tap-key.ts';
import { texts } from '../texts.ts';

const words = texts.keys.verdicts;

/** @param status what FIDO's metadata says of the model, in FIDO's own word; absent: it says nothing */
export function verdictWords(verdict: NonNullable<TapKeyView['verdict']>, because: string | undefined, status: string | undefined): string {
  const reason = Object.entries(words.because).find(([code]) => code === because)?.[1];
  const said = reason === undefined || verdict === because ? words[verdict] : `${words[verdict]} ${reason}`;
  return status === undefined ? said : `${said} ${words.status(status)}`;
}
