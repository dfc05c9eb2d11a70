import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type CheckpointFacts, checkpointText, parseCheckpoint, signedNote, verdictOn } from '../../../main/audit/checkpoint.ts';
import { keyFromJwk, keyIdOf, pemOf, readVerifierKeys, verifierText } from '../../../main/audit/checkpoint-key.ts';

// Signed by Sigstore's Rekor and by Google's Pixel 6 log; from transparency-dev/formats, note/note_verifier_test.go.
const rekorKey =
  'rekor.sigstore.dev+c0d23d6a+AjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNhtmPtrWm3U1eQXBogSMdGvXwBcK5AW5i0hrZLOC96l+smGNM7nwZ4QvFK/4sueRoVj//QP22Ni4Qt9DPfkWLc=';
const rekorNote =
  'Rekor\n798034\nf+7CoKgXKE/tNys9TTXcr/ad6U/K3xvznmzew9y6SP0=\n\n— rekor.sigstore.dev wNI9ajBEAiARInWIWyCdyG27CO6LPnPekyw20qO0YJfoaPaowGp/XgIgc+qEHS3+GKVClgqq20uDLet7MCoTURUCRdxwWBHHufk=\n';
const pixelKey =
  'pixel6_transparency_log+91c16e30+AjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABN+4x0Jk1yTwvLFI9A4NDdGZcX0aiWVdWM5XJVy0M4VWD3AvyW5Q6Hs9A0mcDkpUoYgn+KKPNzFC0H3nN3q6JQ8=';
const pixelNote =
  'DEFAULT\n10\nbsWRucJU5xJPHb5eBdOm6+DM+VelCZBuvtI3sHERJ9Y=\n\n— pixel6_transparency_log kcFuMDBFAiEAhqMAP8P6qf6QxtUJhzMhbN+MbZ9dwfUHzGQJmffJHtoCIGD0cNe47dHWBoPwYdgBCepB06/+g5O1FmYjXl06owL4\n';
/** The example of c2sp.org/tlog-checkpoint. */
const sofa =
  'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const name = `lakepass/${'ab'.repeat(16)}`;
const ours = { name, id: keyIdOf(publicKey), key: publicKey };
const facts: CheckpointFacts = {
  ...{ origin: name, size: 7, root: 'cd'.repeat(32), time: Date.UTC(2026, 0, 5, 9) },
  ...{ boot: { id: '0123456789abcdef', up: 3_600_000 }, run: 4200 },
};
const signed = (text: string, key: KeyObject = privateKey): string =>
  signedNote(text, ours, sign('sha256', Buffer.from(text), { key, dsaEncoding: 'der' }));
const parsed = (note: string) => {
  const checkpoint = parseCheckpoint(note);
  if (checkpoint === null) throw new Error('no checkpoint');
  return checkpoint;
};

describe('a checkpoint', () => {
  it('is read back as it was written, and its signature holds', () => {
    const checkpoint = parsed(signed(checkpointText(facts)));
    expect(checkpoint).toMatchObject(facts);
    expect(verdictOn(checkpoint, [ours])).toBe('good');
  });

  it('is a text of six lines, a blank one and the signature, and fits into a field of the log', () => {
    const note = signed(checkpointText({ ...facts, size: Number.MAX_SAFE_INTEGER, run: 1e12, boot: { id: 'f'.repeat(16), up: 1e12 } }));
    expect(note.split('\n')).toHaveLength(9);
    expect(note.length).toBeLessThan(512);
    expect(note.split('\n')[7]).toMatch(new RegExp(`^— ${name} [A-Za-z0-9+/=]+$`));
  });

  it('of another log may say less', () => {
    expect(parsed(rekorNote)).toMatchObject({ origin: 'Rekor', size: 798034, time: null, boot: null, run: null });
    expect(parsed(sofa)).toMatchObject({ origin: 'example.com/behind-the-sofa', size: 20852163, signatures: [{ id: '033de0ae' }] });
  });

  it.each([
    ['Rekor', rekorKey, rekorNote],
    ['Pixel 6', pixelKey, pixelNote],
  ])('of %s verifies with its published key, and not when a byte was changed', (_, key, note) => {
    const keys = readVerifierKeys(key);
    expect(verdictOn(parsed(note), keys)).toBe('good');
    expect(verdictOn(parsed(note.replace(/\n\d+\n/, '\n11\n')), keys)).toBe('bad');
  });
});

describe('a signature', () => {
  const text = checkpointText(facts);
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const otherKey = { name, id: keyIdOf(other.publicKey), key: other.publicKey };

  it.each([
    ['the size', text.replace('\n7\n', '\n8\n')],
    ['the root', text.replace('zc3N', 'zc3O')],
    ['the time', text.replace('09:00', '08:00')],
    ['an extension line', text.replace('run 4200', 'run 4201')],
    ['a line more', `${text}run 1\n`],
  ])('does not hold once %s was changed', (_, changed) => {
    const note = signed(text).replace(text, changed);
    expect(changed).not.toBe(text);
    expect(verdictOn(parsed(note), [ours])).toBe('bad');
  });

  it('by a key that is not known says nothing', () => {
    expect(verdictOn(parsed(signed(text)), [otherKey])).toBe('unknown');
    expect(verdictOn(parsed(signed(text)), [])).toBe('unknown');
  });

  it('by a key of that id under another name says nothing', () => {
    expect(verdictOn(parsed(signed(text)), [{ ...ours, name: 'lakepass/other' }])).toBe('unknown');
  });

  it('by another key that claims the id of a known one spoils the whole', () => {
    expect(verdictOn(parsed(signed(text, other.privateKey)), [ours])).toBe('bad');
  });

  it('beside one that is not known counts, and beside one that does not hold does not', () => {
    const beside = signed(text).replace('\n\n', `\n\n— witness.example ${Buffer.alloc(72, 1).toString('base64')}\n`);
    expect(verdictOn(parsed(beside), [ours])).toBe('good');
    const spoilt = signed(text) + signed(text, other.privateKey).split('\n\n')[1];
    expect(verdictOn(parsed(spoilt), [ours])).toBe('bad');
  });
});

describe('a text that is no checkpoint', () => {
  const note = signed(checkpointText(facts));
  const [text = '', signature = ''] = note.split(/(?<=\n)\n/);
  const [, , encoded = ''] = signature.trim().split(' ');
  const swap = (old: string, by: string): string => note.replace(old, by);

  it.each([
    ['nothing', ''],
    ['a newline', '\n\n'],
    ['a text alone', text],
    ['no signature', `${text}\n`],
    ['no last newline', note.slice(0, -1)],
    ['two lines', `a\n1\n\n${signature}`],
    ['an empty origin', swap(name, '')],
    ['a carriage return', swap('\n7\n', '\r\n7\n')],
    ['a tab', swap('\n7\n', '\n7\t\n')],
    ['a NUL', swap('\n7\n', '\n7\n\0\n')],
    ['half a character', swap('run', 'run\ud800')],
    ['a negative size', swap('\n7\n', '\n-7\n')],
    ['a size with a leading zero', swap('\n7\n', '\n07\n')],
    ['a size with a plus', swap('\n7\n', '\n+7\n')],
    ['a size in hexadecimal', swap('\n7\n', '\n0x7\n')],
    ['a size that no number holds', swap('\n7\n', '\n9007199254740993\n')],
    ['digits of another script', swap('\n7\n', '\n٧\n')],
    ['a root of 31 bytes', swap('zc3Nzc3Nzc0=', 'zc3Nzc3Nzc==')],
    ['a root of 33 bytes', `${text.replace(/\n\S+=\n/, `\n${Buffer.alloc(33).toString('base64')}\n`)}\n${signature}`],
    ['a root in base64url', `${text.replace(/\n\S+=\n/, `\n${Buffer.alloc(32, 0xff).toString('base64url')}\n`)}\n${signature}`],
    ['a root whose last bits are not zero', swap('zc3Nzc0=', 'zc3Nzc1=')],
    ['an empty extension line', swap('\nboot', '\n\nboot')],
    ['a hyphen for the dash', swap('—', '-')],
    ['two spaces', swap('— ', '—  ')],
    ['no name', swap(`— ${name}`, '—')],
    ['a name with a plus', swap(`— ${name}`, '— a+b')],
    ['a name with a wide space', swap(`— ${name}`, '— a\u3000b')],
    ['a signature that is no base64', swap(encoded, '!!!!')],
    ['a signature without padding', swap(encoded, encoded.slice(0, 30).replace(/=+$/, ''))],
    ['a signature of the key id alone', swap(encoded, 'AAAAAA==')],
    ['a line behind the signatures', `${note}more\n`],
    ['more signatures than anybody adds', `${text}\n${signature.repeat(33)}`],
    ['more text than anybody writes', `${'x'.repeat(20_000)}\n1\n${note}`],
  ])('is refused: %s', (_, broken) => {
    expect(broken).not.toBe(note);
    expect(parseCheckpoint(broken)).toBeNull();
  });

  it('is none even if it is a note: the poem of c2sp.org/signed-note', () => {
    const poem = 'Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n';
    expect(parseCheckpoint(`${poem}\n${signature}`)).toBeNull();
  });
});

describe('a public key', () => {
  it('is printed as a verifier key and in PEM, and read back', () => {
    const line = verifierText(name, publicKey);
    expect(line.startsWith(`${name}+${keyIdOf(publicKey)}+A`)).toBe(true);
    const [fromLine] = readVerifierKeys(`${line}\n`);
    const [fromPem] = readVerifierKeys(pemOf(publicKey));
    expect(fromLine).toMatchObject({ name, id: ours.id });
    expect(fromPem).toMatchObject({ name: null, id: ours.id });
    for (const key of [fromLine, fromPem]) expect(key?.key.equals(publicKey)).toBe(true);
    expect(verdictOn(parsed(signed(checkpointText(facts))), readVerifierKeys(pemOf(publicKey)))).toBe('good');
  });

  it('may be one of several', () => {
    expect(readVerifierKeys(`${rekorKey}\n\n${pixelKey}\r\n`).map((key) => key.id)).toEqual(['c0d23d6a', '91c16e30']);
    expect(readVerifierKeys(pemOf(publicKey).repeat(2))).toHaveLength(2);
  });

  it('comes from the log as a JWK, whose further members count for nothing', () => {
    const jwk = publicKey.export({ format: 'jwk' });
    expect(keyFromJwk(name, { ...jwk, kid: 'x' }).key.equals(publicKey)).toBe(true);
    const [, d = ''] = /"d":"([^"]+)"/.exec(JSON.stringify(privateKey.export({ format: 'jwk' }))) ?? [];
    expect(keyFromJwk(name, { ...jwk, d }).key.type).toBe('public');
  });

  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey;
  const rsa = createPublicKey(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' }));
  const line = verifierText(name, publicKey);
  const material = line.split('+').slice(2).join('+');
  it.each([
    ['nothing', ''],
    ['spaces', ' \n '],
    ['a word', 'key'],
    ['two parts', `${name}+${ours.id}`],
    ['the id of another key', line.replace(ours.id, '00000000')],
    ['an id in capitals', line.replace(ours.id, 'ABCDEF01')],
    ['no base64', `${name}+${ours.id}+!!`],
    ['another type of signature', `PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW`],
    ['a key that is cut', `${name}+${ours.id}+${material.slice(0, 80)}`],
    [
      'a key with something behind it',
      `${name}+${ours.id}+${Buffer.concat([Buffer.from(material, 'base64'), Buffer.alloc(3)]).toString('base64')}`,
    ],
    ['a name with a space', line.replace(name, 'a b')],
    ['P-384 as a verifier key', verifierText(name, p384)],
    ['P-384 in PEM', pemOf(p384)],
    ['RSA in PEM', pemOf(rsa)],
    ['a PEM of nothing', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'],
    ['a good one and a bad one', `${line}\nkey`],
  ])('is refused: %s', (_, text) => {
    expect(() => readVerifierKeys(text)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID', reason: 'verifier-key' }));
  });
});
