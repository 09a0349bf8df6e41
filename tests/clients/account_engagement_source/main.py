"""A declarative source of airbyte-cdk reads Account Engagement, version 5, from the simulators: the pages by nextPageUrl, and
an access token that has run out, so that it refreshes by itself, by refresh tokens that are good for one refresh each."""

import json
import pathlib
import subprocess
import sys
import tempfile
import urllib.request

import yaml

PROSPECTS = 25
SOURCE = pathlib.Path(sys.executable).parent / "source-declarative-manifest"

simulated = json.loads(pathlib.Path(sys.argv[1]).read_text())
config = {
    "__injected_declarative_manifest": yaml.safe_load((pathlib.Path(__file__).parent / "manifest.yaml").read_text()),
    "base_url": simulated["base_url"],
    "business_unit_id": simulated["business_unit_id"],
    "client_id": simulated["salesforce"]["client_id"],
    "client_secret": simulated["salesforce"]["client_secret"],
    "refresh_token": simulated["salesforce"]["refresh_token"],
    "access_token": "made-up-and-run-out",
    "token_expiry_date": "2001-01-01T00:00:00+00:00",
}


def ask(path, body=None):
    headers = {
        "Authorization": f"Bearer {simulated['salesforce']['access_token']}",
        "Pardot-Business-Unit-Id": simulated["business_unit_id"],
        "Content-Type": "application/json",
    }
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(simulated["base_url"] + path, data, headers)) as answer:
        return json.load(answer)


def run(*arguments: str, **files: object) -> list[dict]:
    """What the source's program says, message by message. What it tells of its tokens is kept, as a platform does."""
    with tempfile.TemporaryDirectory() as folder:
        written = []
        for name, content in {"config": config, **files}.items():
            file = pathlib.Path(folder) / f"{name}.json"
            file.write_text(json.dumps(content))
            written += [f"--{name}", str(file)]
        ended = subprocess.run([SOURCE, *arguments, *written], capture_output=True, text=True, timeout=300)
    messages = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
    for message in messages:
        if message["type"] == "CONTROL":
            config.update(message["control"]["connectorConfig"]["config"])
    if ended.returncode != 0:
        told = [message["log"]["message"] for message in messages if message["type"] == "LOG"]
        sys.exit("\n".join(["FAILED  " + " ".join(arguments), *told, ended.stderr]))
    return messages


def read(stream: str) -> list[dict]:
    found = next(message for message in run("discover") if message["type"] == "CATALOG")["catalog"]["streams"]
    chosen = [known for known in found if known["name"] == stream]
    streams = [{"stream": known, "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"} for known in chosen]
    messages = run("read", catalog={"streams": streams})
    return [message["record"]["data"] for message in messages if message["type"] == "RECORD"]


addresses = [f"reader{n}@example.org" for n in range(PROSPECTS)]
for n, email in enumerate(addresses):
    ask("/api/v5/objects/prospects?fields=id", {"email": email, "firstName": f"Reader {n}"})
ask("/api/v5/objects/lists?fields=id", {"name": "Everybody"})
# Queries show the unit as it was a while ago.
ask("/simulators/clock", {"move_by_seconds": 3600})

status = next(message for message in run("check") if message["type"] == "CONNECTION_STATUS")
assert status["connectionStatus"]["status"] == "SUCCEEDED", status
print("ok      check, by a token that was refreshed")

prospects = read("prospects")
assert [prospect["email"] for prospect in prospects] == addresses, prospects
assert len({prospect["id"] for prospect in prospects}) == PROSPECTS
assert [found["name"] for found in read("lists")] == ["Everybody"]
seen = ask("/simulators/requests")["requests"]
pages = [request for request in seen if request["method"] == "GET" and request["path"] == "/api/v5/objects/prospects"]
assert [request["status"] for request in pages] == [200, 200, 200], pages
refreshes = [request for request in seen if request["path"] == "/services/oauth2/token"]
assert refreshes and all(request["status"] == 200 for request in refreshes), refreshes
print(f"ok      {PROSPECTS} prospects in {len(pages)} pages")
