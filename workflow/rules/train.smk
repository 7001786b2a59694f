# Build every network once, which refuses an illegal one; then train, one job a cell with all its seeds.
# `describe` goes first by its priority: what cannot be built is refused before compute is spent.
from pdebridge.cube import AXES
from pdebridge.networks.published import PUBLISHED
from pdebridge.training.modules import modules


rule describe:
    input:
        data=lambda w: sorted({f for c in cells_of(w.experiment) for f in fetched(c)}),
        code=lambda w: code(
            "pdebridge.training.describe",
            *[m for c in cells_of(w.experiment) for m in modules(c)],
        ),
    output:
        f"{RESULTS}/weights/{{experiment}}.json",
    log:
        f"{RESULTS}/logs/describe/{{experiment}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/describe/{{experiment}}.tsv"
    priority: 1
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=lambda w: max(memory(c) for c in cells_of(w.experiment)),
        runtime=10,
    params:
        cells=lambda w: [c.model_dump_json() for c in cells_of(w.experiment)],
    message:
        "building the networks of {wildcards.experiment} and counting their weights"
    shell:
        "pdebridge describe --resolved {params.cells:q} --out {output} > {log} 2>&1"


rule describe_published:
    input:
        code=code(
            "pdebridge.training.describe",
            *[layout.reference for layout in PUBLISHED.values()],
            *[path for axis in AXES.values() for path in axis.values()],
        ),
    output:
        f"{RESULTS}/weights.json",
    log:
        f"{RESULTS}/logs/describe_published.log",
    benchmark:
        f"{RESULTS}/benchmarks/describe_published.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=10,
    message:
        "building every published network and counting its weights"
    shell:
        "pdebridge describe --published --out {output} > {log} 2>&1"


rule train:
    input:
        legal=f"{RESULTS}/weights/{{experiment}}.json",
        data=lambda w: fetched(CELLS[f"{w.experiment}/{w.cell}"]),
        code=lambda w: code(*modules(CELLS[f"{w.experiment}/{w.cell}"])),
    output:
        f"{RESULTS}/runs/{{experiment}}/{{cell}}.json",
    log:
        f"{RESULTS}/logs/train/{{experiment}}/{{cell}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train/{{experiment}}/{{cell}}.tsv"
    conda:
        "../../environment.yml"
    threads: settings.threads
    resources:
        mem_mb=lambda w: memory(CELLS[f"{w.experiment}/{w.cell}"]),
        gpu=lambda w: CELLS[f"{w.experiment}/{w.cell}"].devices,
        runtime=lambda w: {"cluster": 2880, "workstation": 1440}.get(settings.scale, 60),
    params:
        cell=lambda w: CELLS[f"{w.experiment}/{w.cell}"].model_dump_json(),
        tracking=settings.tracking.model_dump_json(),
    message:
        "training {wildcards.experiment}/{wildcards.cell}"
    shell:
        "pdebridge train --resolved {params.cell:q} --tracking {params.tracking:q}"
        " --out {output} > {log} 2>&1"
