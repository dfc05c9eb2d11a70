/**
 * The variables of an app, as Databricks' own `apps run-local` sets them. Neither the grant URL nor any credential is among them: the
 * app has the token of whoever sends it a request, and nothing else.
 */
export interface AppSetting {
  name: string;
  /** For a browser. */
  url: string;
  port: number;
  /** Origin of the workspace. */
  workspace: string;
}

export function appEnvironment({ name, url, port, workspace }: AppSetting): Record<string, string> {
  const own = String(port);
  return {
    ...{ DATABRICKS_APP_NAME: name, DATABRICKS_APP_URL: url, DATABRICKS_APP_PORT: own, DATABRICKS_HOST: workspace, PORT: own },
    ...{ PYTHONUNBUFFERED: '1', UVICORN_HOST: '127.0.0.1', UVICORN_PORT: own, FLASK_RUN_HOST: '127.0.0.1', FLASK_RUN_PORT: own },
    ...{ GRADIO_SERVER_NAME: '127.0.0.1', GRADIO_SERVER_PORT: own, GRADIO_ANALYTICS_ENABLED: 'false' },
    ...{ STREAMLIT_SERVER_ADDRESS: '127.0.0.1', STREAMLIT_SERVER_PORT: own, STREAMLIT_SERVER_HEADLESS: 'true' },
    // The door in front compares origins already, and Streamlit knows only its own port.
    ...{ STREAMLIT_SERVER_ENABLE_CORS: 'false', STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION: 'false' },
    STREAMLIT_BROWSER_GATHER_USAGE_STATS: 'false',
  };
}

/** No shell reads an app's command: of all variables Databricks puts in the port alone. */
export const withPort = (words: readonly string[], port: number): string[] =>
  words.map((word) => word.replace(/\$\{DATABRICKS_APP_PORT\}|\$DATABRICKS_APP_PORT\b/g, String(port)));
