# Figures, tables with verdicts, and what the report shows. Nothing here imports torch.
from pdebridge.catalogue import FIGURES


rule figure:
    input:
        lambda w: [
            f"{RESULTS}/studies/{w.experiment}/{study.name}.npz"
            for study in EXPERIMENTS[w.experiment].studies
        ],
    output:
        png=report(
            f"{PAPER}/figures/{{experiment}}/{{figure}}.png",
            caption="../report/figure.rst",
            category="Figures",
            labels={"experiment": "{experiment}", "figure": "{figure}"},
        ),
        pdf=f"{PAPER}/figures/{{experiment}}/{{figure}}.pdf",
    log:
        f"{RESULTS}/logs/figure/{{experiment}}/{{figure}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/figure/{{experiment}}/{{figure}}.tsv"
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=lambda w: meaning(FIGURES[w.figure]),
        stem=lambda w, output: output.png.removesuffix(".png"),
        title=lambda w: EXPERIMENTS[w.experiment].title,
        source=lambda w: EXPERIMENTS[w.experiment].source.model_dump(),
    message:
        "drawing {wildcards.figure} of {wildcards.experiment}"
    shell:
        "pdebridge figure {wildcards.figure} {input} --out {params.stem} > {log} 2>&1"


for experiment in sorted({cell.experiment for cell in CELLS.values()}):

    rule:
        name:
            f"pages_{experiment}"
        input:
            cell_files(experiment),
        output:
            [
                report(
                    f"{PAPER}/runs/{cell.key}{suffix}",
                    caption="../report/run.rst",
                    category="Runs",
                    subcategory=experiment,
                    labels={"cell": cell.cell, "what": what},
                )
                for cell in cells_of(experiment)
                for suffix, what in ((".png", "curves"), (".html", "provenance"))
            ],
        log:
            f"{RESULTS}/logs/pages/{experiment}.log",
        benchmark:
            f"{RESULTS}/benchmarks/pages/{experiment}.tsv"
        localrule: True
        threads: 1
        resources:
            mem_mb=1000,
            runtime=10,
        params:
            code=meaning("pdebridge.paper.curves", "pdebridge.paper.runs"),
            folder=lambda w, output: str(Path(output[0]).parent),
        message:
            f"curves and provenance of {experiment}"
        shell:
            "pdebridge figure run {input} --out {params.folder} > {log} 2>&1"


rule table:
    input:
        cells=CELL_FILES,
        studies=STUDY_FILES,
        weights=WEIGHT_FILES,
        published="config/published.csv",
        references="config/references.yaml",
        costs="config/costs.yaml",
        claims="config/claims.yaml",
    output:
        verdicts=f"{PAPER}/published.csv",
        page=report(
            f"{PAPER}/published.html",
            caption="../report/published.rst",
            category="Tables",
            labels={"table": "published numbers"},
        ),
        claimed=report(
            f"{PAPER}/claims.html",
            caption="../report/claims.rst",
            category="Tables",
            labels={"table": "claims"},
        ),
        summary=report(
            f"{PAPER}/summary.html",
            caption="../report/summary.rst",
            category="Tables",
            labels={"table": "summary: by reference, headline numbers"},
        ),
        games=report(
            f"{PAPER}/meanfield.html",
            caption="../report/meanfield.rst",
            category="Tables",
            labels={"table": "mean field games"},
        ),
        tables=[
            report(
                f"{PAPER}/tables/{name}.html",
                caption="../report/experiments.rst",
                category="Tables",
                labels={"table": name},
            )
            for name in EXPERIMENTS
        ],
        others=multiext(f"{PAPER}/published", ".md", ".tex"),
        sentences=multiext(f"{PAPER}/claims", ".csv", ".md", ".tex"),
        beside=multiext(f"{PAPER}/meanfield", ".csv", ".md", ".tex"),
        quantities=f"{PAPER}/experiments.csv",
        measurements=f"{PAPER}/measurements.json",
        landing=f"{PAPER}/landing.rst",
    log:
        f"{RESULTS}/logs/table.log",
    benchmark:
        f"{RESULTS}/benchmarks/table.tsv"
    localrule: True
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=meaning(
            "pdebridge.paper.claims_page",
            "pdebridge.paper.game_table",
            "pdebridge.paper.experiment_tables",
            "pdebridge.paper.landing",
            "pdebridge.paper.interactive",
            "pdebridge.paper.tables",
            "pdebridge.paper.measurements",
        ),
        scale=settings.scale,
        folder=lambda w, output: str(Path(output.verdicts).parent),
    message:
        "setting published numbers beside ours"
    shell:
        "pdebridge table {input.weights} {input.cells} {input.studies}"
        " --scale {params.scale} --out {params.folder} > {log} 2>&1"
