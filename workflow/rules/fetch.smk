# Downloads, each verified by checksum; a mirror folder is tried first. Laptop scale needs none.
from pdebridge.datasets.names import SOURCES


def fetched(cell):
    """The list of verified files that a cell's data set needs."""
    return [f"{settings.data.folder}/{cell.data.name}.json"] if cell.data.name in SOURCES else []


rule fetch:
    message:
        "fetching {wildcards.dataset}"
    input:
        code=code("pdebridge.datasets.fetch"),
    output:
        f"{settings.data.folder}/{{dataset}}.json",
    params:
        data=settings.data.model_dump_json(),
    log:
        f"{RESULTS}/logs/fetch/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/fetch/{{dataset}}.tsv"
    threads: 1
    retries: 1
    resources:
        mem_mb=2000,
        runtime=120,
    conda:
        "../../environment.yml"
    shell:
        "pdebridge fetch {wildcards.dataset} --data {params.data:q} --out {output} > {log} 2>&1"
