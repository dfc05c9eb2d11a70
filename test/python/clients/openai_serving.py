"""OpenAI's client pointed at model serving, under `lakepass run`: every request takes the token that the SDK has at that moment.

Asks a chat model and an embedding model; then Genie with the same bearer, which a token for `model-serving` alone may not ask.
"""

import json

import httpx
from databricks.sdk.core import Config
from openai import OpenAI, PermissionDeniedError

config = Config()


class Bearer(httpx.Auth):
    def auth_flow(self, request):
        request.headers.update(config.authenticate())
        yield request


def client(path):
    return OpenAI(base_url=f"{config.host}/{path}", api_key="unused", http_client=httpx.Client(auth=Bearer()))


serving = client("serving-endpoints")
chat = serving.chat.completions.create(model="echo-chat", messages=[{"role": "user", "content": "hello"}])
vectors = serving.embeddings.create(model="word-vectors", input=["one text", "another"], encoding_format="float")
print(json.dumps({"answer": [chat.choices[0].message.content, len(vectors.data)]}), flush=True)

try:
    client("api/2.0/genie").get("/spaces", cast_to=object)
    print(json.dumps({"refused": None}))
except PermissionDeniedError as error:
    print(json.dumps({"refused": str(error)}))
