# Build every network once, which refuses an illegal one; then train, one job a cell with all its seeds.
from pdebridge.training.modules import modules


rule describe:
    message:
        "building every network and counting its weights"
    input:
        data=sorted({path for cell in CELLS.values() for path in fetched(cell)}),
        code=code("pdebridge.training.describe", *[m for c in CELLS.values() for m in modules(c)]),
    output:
        f"{RESULTS}/weights.json",
    params:
        settings=settings.model_dump_json(),
        cells=[cell.model_dump_json() for cell in CELLS.values()],
    log:
        f"{RESULTS}/logs/describe.log",
    benchmark:
        f"{RESULTS}/benchmarks/describe.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    conda:
        "../../environment.yml"
    shell:
        "pdebridge describe --settings {params.settings:q} --out {output} > {log} 2>&1"


rule train:
    message:
        "training {wildcards.experiment}/{wildcards.cell}"
    input:
        legal=ancient(f"{RESULTS}/weights.json"),
        data=lambda w: fetched(CELLS[f"{w.experiment}/{w.cell}"]),
        code=lambda w: code(*modules(CELLS[f"{w.experiment}/{w.cell}"])),
    output:
        f"{RESULTS}/runs/{{experiment}}/{{cell}}.json",
    params:
        cell=lambda w: CELLS[f"{w.experiment}/{w.cell}"].model_dump_json(),
        tracking=settings.tracking.model_dump_json(),
    log:
        f"{RESULTS}/logs/train/{{experiment}}/{{cell}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train/{{experiment}}/{{cell}}.tsv"
    threads: settings.threads
    resources:
        mem_mb=2000,
        runtime=lambda w: {"cluster": 2880, "workstation": 1440}.get(settings.scale, 60),
    conda:
        "../../environment.yml"
    shell:
        "pdebridge train --resolved {params.cell:q} --tracking {params.tracking:q}"
        " --out {output} > {log} 2>&1"
