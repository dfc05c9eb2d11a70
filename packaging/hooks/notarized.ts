/**
 * A macOS release is notarized or it is not made. electron-builder signs, and notarizes where the environment has Apple's credentials
 * (APPLE_API_KEY, APPLE_API_KEY_ID and APPLE_API_ISSUER, or APPLE_ID, APPLE_APP_SPECIFIC_PASSWORD and APPLE_TEAM_ID); where it has none it goes
 * on without. That is right for a build of one's own. With LAKEPASS_RELEASE=1 both are asked of the finished app, by Apple's own tools.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

interface Signed {
  electronPlatformName: string;
  appOutDir: string;
  packager: { appInfo: { productFilename: string } };
}

export async function afterSign({ electronPlatformName, appOutDir, packager }: Signed): Promise<void> {
  if (electronPlatformName !== 'darwin' || process.env['LAKEPASS_RELEASE'] !== '1') return;
  const app = join(appOutDir, `${packager.appInfo.productFilename}.app`);
  execFileSync('codesign', ['--verify', '--deep', '--strict', app], { stdio: 'inherit' });
  execFileSync('xcrun', ['stapler', 'validate', app], { stdio: 'inherit' });
}
