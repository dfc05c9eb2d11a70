/** Style sheets, as the build turns them into scripts: the names of a module's classes, or nothing at all. */
declare module '*.module.css' {
  const styles: Readonly<Record<string, string>>;
  // biome-ignore lint/style/noDefaultExport: that is how Vite hands them out
  export default styles;
}
declare module '*.css';
