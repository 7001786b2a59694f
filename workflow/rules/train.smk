# Build every network once, which refuses an illegal one; then train, one job some cells with all their seeds.
# `describe` goes first by its priority: what cannot be built is refused before compute is spent.
from pdebridge.catalogue import AXES, CATALOGUE
from pdebridge.networks.published import PUBLISHED


rule describe:
    input:
        lambda w: sorted({f for c in cells_of(w.experiment) for f in fetched(c)}),
    output:
        f"{RESULTS}/weights/{{experiment}}.json",
    log:
        f"{RESULTS}/logs/describe/{{experiment}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/describe/{{experiment}}.tsv"
    priority: 1
    localrule: True
    threads: 1
    resources:
        mem_mb=lambda w: max(memory(c) for c in cells_of(w.experiment)),
        runtime=10,
    params:
        code=lambda w: [
            meaning("pdebridge.training.describe"),
            *[code_and_data(c) for c in cells_of(w.experiment)],
        ],
        cells=lambda w: [resolved(c) for c in cells_of(w.experiment)],
    message:
        "building the networks of {wildcards.experiment} and counting their weights"
    shell:
        "pdebridge describe --resolved {params.cells:q} --out {output} > {log} 2>&1"


rule describe_published:
    output:
        f"{RESULTS}/weights.json",
    log:
        f"{RESULTS}/logs/describe_published.log",
    benchmark:
        f"{RESULTS}/benchmarks/describe_published.tsv"
    localrule: True
    threads: 1
    resources:
        mem_mb=4000,
        runtime=10,
    params:
        code=meaning(
            "pdebridge.training.describe",
            *[layout.reference for layout in PUBLISHED.values()],
            *[path for axis in AXES for path in CATALOGUE[axis].values()],
        ),
    message:
        "building every published network and counting its weights"
    shell:
        "pdebridge describe --published --out {output} > {log} 2>&1"


for experiment, number, batch in BATCHES:

    rule:
        name:
            f"train_{experiment}_{number}"
        input:
            legal=f"{RESULTS}/weights/{experiment}.json",
            data=sorted({path for cell in batch for path in fetched(cell)}),
        output:
            [f"{RESULTS}/runs/{cell.key}.json" for cell in batch],
        log:
            f"{RESULTS}/logs/train/{experiment}/{number}.log",
        benchmark:
            f"{RESULTS}/benchmarks/train/{experiment}/{number}.tsv"
        threads: settings.threads
        resources:
            mem_mb=max(memory(cell) for cell in batch),
            runtime={"cluster": 1440, "workstation": 720}.get(settings.scale, 60),
            gpu=max(gpus(cell) for cell in batch),
        params:
            code=[code_and_data(cell) for cell in batch],
            # a function: in a plain text Snakemake would look for wildcards, and find LaTeX
            cells=lambda w, batch=batch: [resolved(cell) for cell in batch],
        message:
            f"training {experiment}: {', '.join(cell.cell for cell in batch)}"
        shell:
            "pdebridge train --resolved {params.cells:q} --tracking {tracking_json:q}"
            " --accelerator {accelerator}"
            " --out {output} > {log} 2>&1"


# where a seed takes hours each is a job: three run side by side, and a time limit costs one of them
for key, seed in SEEDS:

    rule:
        name:
            f"train_{key.replace('/', '_')}_seed_{seed}"
        input:
            legal=f"{RESULTS}/weights/{CELLS[key].experiment}.json",
            data=fetched(CELLS[key]),
        output:
            f"{RESULTS}/runs/{key}/seed-{seed}.json",
        log:
            f"{RESULTS}/logs/train/{key}/seed-{seed}.log",
        benchmark:
            f"{RESULTS}/benchmarks/train/{key}/seed-{seed}.tsv"
        # a process a device, all on one node
        threads: settings.threads * CELLS[key].devices
        resources:
            mem_mb=memory(CELLS[key]),
            runtime={"cluster": 2880}.get(settings.scale, 1440),
            nodes=1,
            gpu=gpus(CELLS[key]),
        params:
            code=code_and_data(CELLS[key]),
            cell=lambda w, key=key: resolved(CELLS[key]),
            seed=seed,
        message:
            f"training {key}, seed {seed}"
        shell:
            "pdebridge train --resolved {params.cell:q} --seed {params.seed} --tracking {tracking_json:q}"
            " --accelerator {accelerator}"
            " --out {output} > {log} 2>&1"


for key in sorted({key for key, _ in SEEDS}):

    rule:
        name:
            f"collect_{key.replace('/', '_')}"
        input:
            expand(
                f"{RESULTS}/runs/{key}/seed-{{seed}}.json",
                seed=range(CELLS[key].seeds),
            ),
        output:
            f"{RESULTS}/runs/{key}.json",
        log:
            f"{RESULTS}/logs/train/{key}/collect.log",
        localrule: True
        threads: 1
        params:
            code=code_and_data(CELLS[key]),
            cell=lambda w, key=key: resolved(CELLS[key]),
        message:
            f"gathering the seeds of {key}"
        shell:
            "pdebridge train --collect --resolved {params.cell:q} --out {output} > {log} 2>&1"
