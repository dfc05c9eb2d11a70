/**
 * Keeps a package of one machine from being made on another: the `lakepass` command inside is made of the Node that runs here, and the
 * native package has this system's binary. Then tells electron-builder to leave node_modules alone. Everything is bundled; what it would
 * gather beside that are the sources of the bundle, a few thousand files.
 */
interface Building {
  platform: { nodeName: string };
  arch: string;
}

/** @returns false: nothing is to be installed, rebuilt or gathered */
export async function beforeBuild({ platform, arch }: Building): Promise<boolean> {
  const wanted = `${platform.nodeName} ${arch}`;
  const here = `${process.platform} ${process.arch}`;
  if (wanted !== here) throw new Error(`A package for ${wanted} is made on such a machine; this one is ${here}.`);
  return false;
}
