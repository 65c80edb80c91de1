"""Prints the schemas of Kubernetes and Cloud Run, which other packages publish, as JSON Schema.

It runs in an environment of its own:

    uv run --no-project --with cloudcoil-models-kubernetes --with google-api-python-client FILE

The models of cloudcoil are made from the OpenAPI document of Kubernetes. Google's client contains
the descriptions of its services (discovery documents).
"""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

KUBERNETES = {
    "ConfigMap": "core.v1",
    "Deployment": "apps.v1",
    "Job": "batch.v1",
    "PersistentVolumeClaim": "core.v1",
    "PodDisruptionBudget": "policy.v1",
    "Service": "core.v1",
}
CLOUD_RUN = ("Job", "Service", "WorkerPool")


def kubernetes() -> dict[str, Any]:
    """A schema for each kind."""
    return {
        kind: strict(
            getattr(import_module(f"cloudcoil.models.kubernetes.{group}"), kind).model_json_schema()
        )
        for kind, group in KUBERNETES.items()
    }


def cloud_run() -> dict[str, Any]:
    """A schema for each kind, without what Cloud Run does not support."""
    package = Path(str(import_module("googleapiclient").__file__)).parent
    document = json.loads((package / "discovery_cache/documents/run.v1.json").read_text("utf-8"))
    definitions = {name: strict(each) for name, each in document["schemas"].items()}
    return {kind: {"$ref": f"#/$defs/{kind}", "$defs": definitions} for kind in CLOUD_RUN}


def strict(schema: Any) -> Any:
    """The schema without unknown and unsupported properties, in the form of JSON Schema."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(reference := schema.get("$ref"), str) and not reference.startswith("#"):
        return {"$ref": f"#/$defs/{reference}"}
    found = {name: strict(each) for name, each in schema.items() if name not in ("id", "format")}
    properties = schema.get("properties")
    if isinstance(properties, dict) and schema.get("type") == "object":
        about = {name: each.get("description") or "" for name, each in properties.items()}
        found["properties"] = {
            name: strict(each)
            for name, each in properties.items()
            if not about[name].lower().startswith("not supported")
        }
        required = [name for name, text in about.items() if text.startswith("Required.")]
        # gcloud fills in the namespace, which is the project.
        required = [name for name in required if name != "namespace"]
        found["required"] = sorted({*schema.get("required", []), *required})
        found.setdefault("additionalProperties", False)
    return found


if __name__ == "__main__":
    print(json.dumps({"kubernetes": kubernetes(), "cloud-run": cloud_run()}))
