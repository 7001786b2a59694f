# Downloads, each verified by checksum; a mirror folder is tried first. Laptop scale needs none.


rule fetch:
    output:
        f"{settings.data.folder}/{{dataset}}.json",
    log:
        f"{RESULTS}/logs/fetch/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/fetch/{{dataset}}.tsv"
    retries: 1
    localrule: True
    threads: 1
    resources:
        mem_mb=2000,
        runtime=120,
    params:
        code=meaning("pdebridge.datasets.fetch"),
        data=settings.data.model_dump_json(),
    message:
        "fetching {wildcards.dataset}"
    shell:
        "pdebridge fetch {wildcards.dataset} --data {params.data:q} --out {output} > {log} 2>&1"
