# Studies: measurements on trained networks, one job an experiment and study.
from pdebridge.studies.names import STUDIES


def cell_files(experiment):
    """The measurements of every cell of an experiment."""
    return [f"{RESULTS}/runs/{c.key}.json" for c in CELLS.values() if c.experiment == experiment]


def study_options(w):
    """The options of a study, as JSON."""
    named = {s.name: s for s in EXPERIMENTS[w.experiment].studies}
    return json.dumps(named[w.study].options)


rule study:
    message:
        "study {wildcards.study} of {wildcards.experiment}"
    input:
        cells=lambda w: cell_files(w.experiment),
        code=lambda w: code(STUDIES[w.study]),
    output:
        numbers=f"{RESULTS}/studies/{{experiment}}/{{study}}.json",
        arrays=f"{RESULTS}/studies/{{experiment}}/{{study}}.npz",
    params:
        options=study_options,
        stem=lambda w, output: output.numbers.removesuffix(".json"),
    log:
        f"{RESULTS}/logs/study/{{experiment}}/{{study}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/study/{{experiment}}/{{study}}.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    conda:
        "../../environment.yml"
    shell:
        "pdebridge study {wildcards.study} {input.cells} --options {params.options:q}"
        " --out {params.stem} > {log} 2>&1"
