/**
 * Signs one file for Windows with whatever the builder of a release has: LAKEPASS_WINDOWS_SIGN names a program that is run with the file as
 * its one argument (a script around signtool, AzureSignTool or a signing service). The key is never here. Without it the file stays
 * unsigned, which a release (LAKEPASS_RELEASE=1) refuses.
 */
import { execFileSync } from 'node:child_process';

export async function sign({ path }: { path: string }): Promise<void> {
  const signer = process.env['LAKEPASS_WINDOWS_SIGN'] ?? '';
  if (signer !== '') {
    execFileSync(signer, [path], { stdio: 'inherit' });
    return;
  }
  if (process.env['LAKEPASS_RELEASE'] === '1') throw new Error(`LAKEPASS_WINDOWS_SIGN is not set; ${path} would be released unsigned.`);
  process.stdout.write(`  not signed: ${path}\n`);
}
