# Studies: measurements on trained networks, one job an experiment and study.
from pdebridge.catalogue import STUDIES


rule study:
    input:
        cells=lambda w: cell_files(w.experiment),
        # what the runs must have been trained by
        built=lambda w: built(w.experiment),
    output:
        numbers=f"{RESULTS}/studies/{{experiment}}/{{study}}.json",
        arrays=f"{RESULTS}/studies/{{experiment}}/{{study}}.npz",
    log:
        f"{RESULTS}/logs/study/{{experiment}}/{{study}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/study/{{experiment}}/{{study}}.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=lambda w: meaning(STUDIES[w.study]),
        options=study_options,
        stem=lambda w, output: output.numbers.removesuffix(".json"),
    message:
        "study {wildcards.study} of {wildcards.experiment}"
    shell:
        "pdebridge study {wildcards.study} {input} --options {params.options:q}"
        " --experiment {wildcards.experiment} --out {params.stem} > {log} 2>&1"
