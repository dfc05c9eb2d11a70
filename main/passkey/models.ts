/**
 * Names of models by AAGUID, as FIDO's metadata and the makers give them. For people's eyes only: without a proven attestation an AAGUID
 * is the key's own word, and no rule may ever hang on a name.
 */

// biome-ignore format: one line per product, so that it reads as the table it is
const products: Record<string, readonly string[]> = {
  'YubiKey 5': ['cb69481e-8ff7-4039-93ec-0a2729a154a8', 'ee882879-721c-4913-9775-3dfcce97072a', '19083c3d-8383-4b18-bc03-8f1c9ab2fd1b', 'ff4dac45-ede8-4ec2-aced-cf66103f4335'],
  'YubiKey 5 NFC': ['fa2b99dc-9e39-4257-8f92-4a30d23c4118', '2fc0579f-8113-47ea-b116-bb5a8db9202a', 'a25342c0-3cdc-4414-8e46-f4807fca511c', 'd7781e5d-e353-46aa-afe2-3ca49f13332a'],
  'YubiKey 5 NFC, Enhanced PIN': ['662ef48a-95e2-4aaa-a6c1-5b9c40375824'],
  'YubiKey 5 Lightning': ['c5ef55ff-ad9a-4b9f-b580-adebafe026d0', '24673149-6c86-42e7-98d9-433fb5b73296', 'a02167b9-ae71-4ac7-9a07-06432ebb6f1c'],
  'YubiKey 5 FIPS': ['73bb0cd4-e502-49b8-9c6f-b59445bf720b', '57f7de54-c807-4eab-b1c6-1c9be7984e92'],
  'YubiKey 5 FIPS NFC': ['c1f9a0bc-1dd2-404a-b27f-8e29047a43fd', 'fcc0118f-cd45-435b-8da1-9782b2da0715'],
  'YubiKey 5 FIPS Lightning': ['85203421-48f9-4355-9bc8-8a53846e5083', '7b96457d-e3cd-432b-9ceb-c9fdd7ef7432'],
  'YubiKey 5, Enterprise Profile': ['20ac7a17-c814-4833-93fe-539f0d5e3389', '4599062e-6926-4fe7-9566-9e8fb1aedaa0', '524de2de-982f-49b4-a769-2b5e3b73ad79'],
  'YubiKey 5 NFC, Enterprise Profile': ['1ac71f64-468d-4fe0-bef1-0e5f2f551f18', '6ab56fad-881f-4a43-acb2-0be065924522', '41e39911-c669-4811-b860-c6ad0b411b96'],
  'YubiKey 5 FIPS, Enterprise Profile': ['905b4cb4-ed6f-4da9-92fc-45e0d4e9b5c7'],
  'YubiKey 5 FIPS NFC, Enterprise Profile': ['79f3c8ba-9e35-484b-8f47-53a5a0f5c630'],
  'YubiKey Bio, FIDO Edition': ['d8522d9f-575b-4866-88a9-ba99fa02f35b', '7409272d-1ff9-4e10-9fc9-ac0019c124fd', 'dd86a2da-86a0-4cbe-b462-4bd31f57bc6f'],
  'Security Key by Yubico': ['f8a011f3-8c0a-4d15-8006-17111f9edc7d', 'b92c3f9a-c014-4056-887f-140a2501163b'],
  'Security Key NFC by Yubico': ['6d44ba9b-f6ec-2e49-b930-0c8fe920cb73', '149a2021-8ef6-4133-96b8-81f8d5b7f1f5', 'a4e9fc6d-4cbe-4758-b8ba-37598bb5bbaa', 'e77e3c64-05e3-428b-8824-0cbeb04b829d', 'b7d3f68e-88a6-471e-9ecf-2df26d041ede'],
  'Security Key NFC by Yubico, Enterprise Edition': ['0bb43545-fd2c-4185-87dd-feb0b2916ace', '47ab2fb4-66ac-4184-9ae1-86be814012d5', 'ed042a3a-4b22-4455-bb69-a267b652ae7e'],
  'Titan Security Key v2': ['42b4fb4a-2866-43b2-9bf7-6c6669c2e5d3'],
  'Windows Hello': ['08987058-cadc-4b81-b6e1-30de50dcbe96', '9ddd1817-af5a-4672-a2b9-3e3dd95000a9', '6028b017-b1d4-4c02-b4b3-afcdafc96bb2'],
  'Chrome on this Mac': ['adce0002-35bc-c60a-648b-0b25f1f05503'],
  'Edge on this Mac': ['771b48fd-d3d4-4f74-9232-fc157ab0507a'],
  'Google Password Manager': ['ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4'],
  'Apple Passwords': ['fbfc3007-154e-4ecc-8c0b-6e020557d7bd', 'dd4ec289-e01d-41c9-bb89-70fa845d4bf2'],
  'Microsoft Password Manager': ['d3452668-01fd-4c12-926c-83a4204853aa'],
  '1Password': ['bada5566-a7aa-401f-bd96-45619a55120d'],
  Bitwarden: ['d548826e-79b4-db40-a3d8-11116f7e8349'],
};

const names: ReadonlyMap<string, string> = new Map(
  Object.entries(products).flatMap(([name, aaguids]) => aaguids.map((aaguid) => [aaguid, name] as const)),
);

/** Older U2F keys, software, and whoever does not want to be told apart. */
export const UNNAMED = '00000000-0000-0000-0000-000000000000';

/** @param aaguid a UUID in lower case; null where nothing is known about it */
export const modelName = (aaguid: string): string | null => (aaguid === UNNAMED ? null : (names.get(aaguid) ?? null));

/** How a model is shown: what is not proven is said to be so. */
export function modelShown(aaguid: string, attested: boolean): string {
  const name = modelName(aaguid) ?? (aaguid === UNNAMED ? 'A key that names no model' : 'Unknown model');
  return attested ? name : `${name} (unproven)`;
}
