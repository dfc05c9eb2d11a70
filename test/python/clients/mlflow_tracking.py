"""mlflow under `lakepass run`, tracking on Databricks: one run with a parameter, a metric and a tag, read back; then a question to a
serving endpoint through mlflow's own deployments client, which a token for `mlflow` alone may not ask."""

import json

import mlflow
from mlflow.deployments import get_deploy_client

mlflow.set_tracking_uri("databricks")
mlflow.set_experiment("/Users/alice@example.com/churn")
with mlflow.start_run(run_name="first") as run:
    mlflow.log_param("depth", 3)
    mlflow.log_metric("auc", 0.91)
    mlflow.set_tag("stage", "try")
kept = mlflow.get_run(run.info.run_id)
print(json.dumps({"answer": [kept.info.status, kept.data.params["depth"], kept.data.metrics["auc"]]}), flush=True)

try:
    reply = get_deploy_client("databricks").predict(endpoint="row-sum", inputs={"inputs": [[1, 2]]})
    print(json.dumps({"refused": None, "answer": reply}))
except Exception as error:
    print(json.dumps({"refused": str(error)}))
