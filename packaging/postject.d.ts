declare module 'postject' {
  /** Puts `data` into an executable as the resource `name`, and sets the byte behind the fuse. Changes the file in place. */
  export function inject(
    executable: string,
    name: string,
    data: Buffer,
    options: { sentinelFuse: string; machoSegmentName?: string; overwrite?: boolean },
  ): Promise<void>;
}
