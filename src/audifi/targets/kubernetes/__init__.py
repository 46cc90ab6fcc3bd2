"""Render the platform for a Kubernetes cluster: a kustomize tree, or the same as one file.

Between: targets.catalogue (calls `render`) and kubectl, kustomize or a GitOps controller.
Shape: one module per noun; each has functions from the topology to documents. documents.py names things;
kustomize.py puts the documents into files and lists what is rendered.
Invariant: pure; a document holds no secret, only names of secrets.
"""

from audifi.targets.files import File
from audifi.targets.kubernetes import kustomize
from audifi.topology.model.whole import Topology


def render(topology: Topology) -> tuple[File, ...]:
    """Every file for the cluster."""
    return kustomize.files(topology)
