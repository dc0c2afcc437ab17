"""Turns ``forge_models`` into typed models."""

from forge.topology.findings import did_you_mean
from forge.topology.model import ENGINES, MODEL_SOURCES, Model
from forge.topology.schema import ModelData, Reader

ALL = "all"
MODELS = "forge_models"


def read_models(reader: Reader, raw: object) -> tuple[Model, ...]:
    """Return the models that can be read; what is wrong with the others is reported."""
    models = []
    item: ModelData
    for _, item in reader.entries(raw, ModelData, ALL, MODELS):
        field = f"{MODELS}[{item.name}]"
        given = [kind for kind in MODEL_SOURCES if getattr(item.source, kind)]
        if item.engine not in ENGINES:
            message = f"{item.engine} is not an engine"
            fix = did_you_mean(item.engine, ENGINES)
            reader.complain(ALL, f"{field}.engine", message, fix)
        elif len(given) != 1:
            found = " and ".join(given) or "no source"
            message = f"{found} given, but a model comes from one place"
            fix = f"keep one of {', '.join(MODEL_SOURCES)}"
            reader.complain(ALL, f"{field}.source", message, fix)
        else:
            models.append(_model(item, given[0]))
    return tuple(models)


def _model(item: ModelData, kind: str) -> Model:
    return Model(
        name=item.name,
        engine=item.engine,
        source_kind=kind,
        source=getattr(item.source, kind),
        digest=item.digest,
        size=item.size,
        licence=item.licence,
        hosts=tuple(item.hosts),
        kv_bytes_per_token=item.kv_bytes_per_token,
        context=item.parameters.context,
        parallel=item.parameters.parallel,
        threads=item.parameters.threads,
    )
