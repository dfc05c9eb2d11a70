/** Why an attestation proves nothing: a fixed vocabulary, so that nothing of what somebody made is ever repeated. */
export type FlawReason =
  /** Not what its format says. */
  | 'shape'
  /** No format that we judge. */
  | 'format'
  /** Not about this credential. */
  | 'key'
  | 'algorithm'
  | 'signature'
  /** A certificate breaks the rules of its format. */
  | 'certificate'
  /** What was signed is not this ceremony. */
  | 'challenge'
  /** No trusted root stands at the end of its certificates, or one of them was not valid then. */
  | 'chain'
  /** The key may live outside hardware, or may be used for more than signing. */
  | 'origin'
  /** FIDO's metadata says that the model is broken. */
  | 'status';

/** Thrown inside a judgement and turned into its outcome there. */
export class Flaw extends Error {
  override readonly name = 'Flaw';
  readonly reason: FlawReason;
  constructor(reason: FlawReason) {
    super(reason);
    this.reason = reason;
  }
}
