/** Keeps a package of one machine from being made on another: the `lakepass` command inside is made of the Node that runs here. */
import { Arch } from 'electron-builder';

interface Packing {
  electronPlatformName: string;
  arch: Arch;
}

export async function beforePack({ electronPlatformName, arch }: Packing): Promise<void> {
  const wanted = `${electronPlatformName} ${Arch[arch]}`;
  const here = `${process.platform} ${process.arch}`;
  if (wanted !== here) throw new Error(`A package for ${wanted} is made on such a machine; this one is ${here}.`);
}
