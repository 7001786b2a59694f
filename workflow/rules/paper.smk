# Figures, tables with verdicts, and what the report shows. Nothing here imports torch.
from pdebridge.paper.names import FIGURES


rule figure:
    message:
        "drawing {wildcards.figure} of {wildcards.experiment}"
    input:
        arrays=lambda w: [
            f"{RESULTS}/studies/{w.experiment}/{study.name}.npz"
            for study in EXPERIMENTS[w.experiment].studies
        ],
        code=lambda w: code(FIGURES[w.figure]),
    output:
        png=report(
            f"{PAPER}/figures/{{experiment}}/{{figure}}.png",
            caption="../report/figure.rst",
            category="Figures",
            labels={"experiment": "{experiment}", "figure": "{figure}"},
        ),
        pdf=f"{PAPER}/figures/{{experiment}}/{{figure}}.pdf",
    params:
        stem=lambda w, output: output.png.removesuffix(".png"),
        title=lambda w: EXPERIMENTS[w.experiment].title,
        source=lambda w: EXPERIMENTS[w.experiment].source.model_dump(),
    log:
        f"{RESULTS}/logs/figure/{{experiment}}/{{figure}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure/{{experiment}}/{{figure}}.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    conda:
        "../../environment.yml"
    shell:
        "pdebridge figure {wildcards.figure} {input.arrays} --out {params.stem} > {log} 2>&1"


rule run_page:
    message:
        "curves and provenance of {wildcards.experiment}/{wildcards.cell}"
    input:
        cell=f"{RESULTS}/runs/{{experiment}}/{{cell}}.json",
        code=code("pdebridge.paper.curves", "pdebridge.paper.runs"),
    output:
        curves=report(
            f"{PAPER}/runs/{{experiment}}/{{cell}}.png",
            caption="../report/run.rst",
            category="Runs",
            subcategory="{experiment}",
            labels={"cell": "{cell}", "what": "curves"},
        ),
        page=report(
            f"{PAPER}/runs/{{experiment}}/{{cell}}.html",
            caption="../report/run.rst",
            category="Runs",
            subcategory="{experiment}",
            labels={"cell": "{cell}", "what": "provenance"},
        ),
    params:
        stem=lambda w, output: output.page.removesuffix(".html"),
    log:
        f"{RESULTS}/logs/run_page/{{experiment}}/{{cell}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/run_page/{{experiment}}/{{cell}}.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    conda:
        "../../environment.yml"
    shell:
        "(pdebridge figure curves {input.cell} --out {params.stem}"
        " && pdebridge figure runs {input.cell} --out {params.stem}) > {log} 2>&1"


rule table:
    message:
        "setting published numbers beside ours"
    input:
        cells=CELL_FILES,
        studies=STUDY_FILES,
        weights=f"{RESULTS}/weights.json",
        published="config/published.csv",
        references="config/references.yaml",
        code=code("pdebridge.paper.landing", "pdebridge.paper.tables", "pdebridge.paper.measurements"),
    output:
        verdicts=f"{PAPER}/published.csv",
        page=report(
            f"{PAPER}/published.html",
            caption="../report/published.rst",
            category="Tables",
            labels={"table": "published numbers"},
        ),
        experiments=report(
            f"{PAPER}/experiments.html",
            caption="../report/experiments.rst",
            category="Tables",
            labels={"table": "our experiments"},
        ),
        others=multiext(f"{PAPER}/published", ".md", ".tex"),
        more=multiext(f"{PAPER}/experiments", ".csv", ".md", ".tex"),
        measurements=f"{PAPER}/measurements.json",
        landing=f"{PAPER}/landing.rst",
    params:
        scale=settings.scale,
        folder=PAPER,
    log:
        f"{RESULTS}/logs/table.log",
    benchmark:
        f"{RESULTS}/benchmarks/table.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    conda:
        "../../environment.yml"
    shell:
        "pdebridge table {input.weights} {input.cells} {input.studies}"
        " --scale {params.scale} --out {params.folder} > {log} 2>&1"
