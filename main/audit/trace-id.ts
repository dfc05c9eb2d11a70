/** What joins an audit record with the spans of the same request, wherever both arrive. */

/** 32 hex digits, sixteen zeros and the `request_id`, which is the id of the root span, too; null: no id of ours, and none that a trace can have. */
export const traceIdOf = (requestId: string): string | null =>
  /^(?!0+$)[0-9a-f]{16}$/.test(requestId) ? requestId.padStart(32, '0') : null;
